#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "augru/tile.h"
#include "check.h"
#include "simd/supported.h"

namespace recbench::RECBENCH_ISA {
extern const AugruKernels augru_kernels[4];
extern const AugruBackwardKernels augru_backward_kernels[4];
}  // namespace recbench::RECBENCH_ISA

namespace {

using namespace recbench;
using namespace recbench::RECBENCH_ISA;

using Values = std::vector<double>;

// Arguments of one call, and the weights of outputs and last states in a loss.
struct Problem {
  AugruShape shape;
  std::vector<std::int64_t> lengths, order, starts;
  bool has_h0;
  Values x, attention, w_ih, w_hh, b_ih, b_hh, h0, grad_outputs, grad_last;
};

Values draw(std::mt19937& random, std::int64_t n) {
  Values values(static_cast<std::size_t>(n));
  // Numbers that every storage type holds exactly.
  for (auto& v : values) v = (static_cast<double>(random() % 129) - 64) / 64;
  return values;
}

Problem problem(std::int64_t batch, std::int64_t steps, std::int64_t inputs, std::int64_t hidden,
                AttentionMode mode, bool reset_after, bool has_h0) {
  std::mt19937 random(1);
  Problem p{{batch, steps, inputs, hidden, mode, reset_after},
            {},
            {},
            {},
            has_h0,
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {}};
  for (std::int64_t i = 0; i < batch; ++i) {
    p.lengths.push_back(static_cast<std::int64_t>(random() % (steps + 1)));
  }
  for (std::int64_t length = steps; length >= 0; --length) {
    for (std::int64_t i = 0; i < batch; ++i) {
      if (p.lengths[i] == length) p.order.push_back(i);
    }
  }
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < batch; ++i) {
    if (i % kAugruTile == 0) p.starts.push_back(total);
    total += p.lengths[p.order[i]];
  }
  p.x = draw(random, batch * steps * inputs);
  p.attention = draw(random, batch * steps);
  p.w_ih = draw(random, 3 * hidden * inputs);
  p.w_hh = draw(random, 3 * hidden * hidden);
  p.b_ih = draw(random, 3 * hidden);
  p.b_hh = draw(random, 3 * hidden);
  p.h0 = draw(random, batch * hidden);
  p.grad_outputs = draw(random, batch * steps * hidden);
  p.grad_last = draw(random, batch * hidden);
  for (std::int64_t row = 0; row < batch; ++row) {
    for (std::int64_t t = p.lengths[row]; t < steps; ++t) {
      p.attention[row * steps + t] = NAN;
      for (std::int64_t i = 0; i < inputs; ++i) p.x[(row * steps + t) * inputs + i] = NAN;
    }
  }
  return p;
}

// The definition, one unit at a time.
struct Expected {
  Values outputs, last;
};

Expected define(const Problem& p) {
  const auto [batch, steps, inputs, hidden, mode, reset_after] = p.shape;
  Expected e{Values(batch * steps * hidden), Values(batch * hidden)};
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  for (std::int64_t row = 0; row < batch; ++row) {
    Values h(hidden), next(hidden), r(hidden);
    if (p.has_h0) h.assign(&p.h0[row * hidden], &p.h0[row * hidden] + hidden);
    for (std::int64_t t = 0; t < p.lengths[row]; ++t) {
      const auto input = [&](std::int64_t unit) {
        double sum = p.b_ih[unit];
        for (std::int64_t i = 0; i < inputs; ++i) {
          sum += p.w_ih[unit * inputs + i] * p.x[(row * steps + t) * inputs + i];
        }
        return sum;
      };
      const auto state = [&](std::int64_t unit, bool reset) {
        double sum = p.b_hh[unit];
        for (std::int64_t k = 0; k < hidden; ++k) {
          sum += p.w_hh[unit * hidden + k] * h[k] * (reset ? r[k] : 1);
        }
        return sum;
      };
      const double a = p.attention[row * steps + t];
      for (std::int64_t j = 0; j < hidden; ++j) r[j] = sigmoid(input(j) + state(j, false));
      for (std::int64_t j = 0; j < hidden; ++j) {
        const double z = sigmoid(input(hidden + j) + state(hidden + j, false));
        const double n =
            std::tanh(input(2 * hidden + j) + (reset_after ? r[j] * state(2 * hidden + j, false)
                                                           : state(2 * hidden + j, true)));
        const double u = mode == AttentionMode::paper  ? a * (1 - z)
                         : mode == AttentionMode::agru ? a
                                                       : 1 - (1 - a) * z;
        next[j] = (1 - u) * h[j] + u * n;
      }
      h = next;
      std::copy(h.begin(), h.end(), &e.outputs[(row * steps + t) * hidden]);
    }
    std::copy(h.begin(), h.end(), &e.last[row * hidden]);
  }
  return e;
}

// Exactly so many values on the heap, that the address sanitizer sees a read or write beyond;
// NaN until they are written.
template <class S>
class Buffer {
 public:
  explicit Buffer(std::int64_t n) : size_(n), data_(new S[n]) {
    std::memset(static_cast<void*>(data_.get()), 0xff, n * sizeof(S));
  }
  explicit Buffer(const Values& values) : Buffer(static_cast<std::int64_t>(values.size())) {
    for (std::int64_t i = 0; i < size_; ++i) {
      const auto wide = static_cast<Compute<S>>(values[i]);
      narrow(&wide, data_.get() + i, 1);
    }
  }
  S* get() const { return data_.get(); }
  Values values() const {
    Values wide;
    for (std::int64_t i = 0; i < size_; ++i) wide.push_back(value<Compute<S>>(get(), i));
    return wide;
  }

 private:
  std::int64_t size_;
  std::unique_ptr<S[]> data_;
};

struct Memory {
  explicit Memory(std::int64_t bytes) : data(std::aligned_alloc(64, (bytes + 63) / 64 * 64)) {
    std::memset(data, 0xff, bytes);
  }
  ~Memory() { std::free(data); }
  void* data;
};

struct Results {
  Values outputs, last, x, attention, h0, w_ih, w_hh, b_ih, b_hh;
};

template <class S>
Results run(const Problem& p, int dtype) {
  const AugruShape& shape = p.shape;
  const AugruKernels& forward = augru_kernels[dtype];
  const AugruBackwardKernels& backward = augru_backward_kernels[dtype];
  const Buffer<S> x(p.x), attention(p.attention), w_ih(p.w_ih), w_hh(p.w_hh), b_ih(p.b_ih),
      b_hh(p.b_hh), h0(p.h0), grad_outputs(p.grad_outputs), grad_last(p.grad_last);
  const std::int64_t states = shape.batch * shape.hidden, cells = shape.batch * shape.steps;
  const Buffer<S> outputs(states * shape.steps), last(states), saved(cells * augru_saved(shape));
  const AugruWeights weights{w_ih.get(), w_hh.get(), b_ih.get(), b_hh.get()};
  const void* first = p.has_h0 ? h0.get() : nullptr;
  const auto tiles = static_cast<std::int64_t>(p.starts.size());

  const Memory packed(forward.forward_packed_bytes(shape));
  forward.pack_forward(shape, weights, packed.data);
  const Memory scratch(forward.forward_scratch_bytes(shape));
  const AugruForward arguments{shape,         p.lengths.data(), p.order.data(), p.starts.data(),
                               x.get(),       attention.get(),  first,          packed.data,
                               outputs.get(), last.get(),       saved.get()};
  for (std::int64_t tile = 0; tile < tiles; ++tile) forward.forward(arguments, tile, scratch.data);

  const Buffer<S> grad_x(cells * shape.inputs), grad_attention(cells), grad_h0(states),
      grad_w_ih(3 * shape.hidden * shape.inputs), grad_w_hh(3 * shape.hidden * shape.hidden),
      grad_b_ih(3 * shape.hidden), grad_b_hh(3 * shape.hidden);
  const Memory backward_packed(backward.backward_packed_bytes(shape));
  backward.pack_backward(shape, weights, backward_packed.data);
  const Memory backward_scratch(backward.backward_scratch_bytes(shape));
  const std::int64_t bytes = backward.partial_bytes(shape);
  const Memory partials(2 * bytes);
  std::memset(partials.data, 0, 2 * bytes);
  const AugruBackward given{
      shape,        p.lengths.data(),     p.order.data(),  p.starts.data(),
      x.get(),      attention.get(),      first,           outputs.get(),
      saved.get(),  grad_outputs.get(),   grad_last.get(), backward_packed.data,
      grad_x.get(), grad_attention.get(), grad_h0.get(),   true};
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    backward.backward(given, tile, backward_scratch.data,
                      static_cast<char*>(partials.data) + tile % 2 * bytes);
  }
  backward.sum_partials(shape, partials.data, 2,
                        {grad_w_ih.get(), grad_w_hh.get(), grad_b_ih.get(), grad_b_hh.get()});
  return {outputs.values(),        last.values(),      grad_x.values(),
          grad_attention.values(), grad_h0.values(),   grad_w_ih.values(),
          grad_w_hh.values(),      grad_b_ih.values(), grad_b_hh.values()};
}

void check_close(const Values& got, const Values& expected, double tolerance) {
  CHECK(got.size() == expected.size());
  double scale = 1;
  for (const double v : expected) scale = std::fmax(scale, std::fabs(v));
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(std::fabs(got[i] - expected[i]) <= tolerance * scale);
  }
}

void check_close(const Results& got, const Results& expected, double tolerance) {
  check_close(got.outputs, expected.outputs, tolerance);
  check_close(got.last, expected.last, tolerance);
  check_close(got.x, expected.x, tolerance);
  check_close(got.attention, expected.attention, tolerance);
  check_close(got.h0, expected.h0, tolerance);
  check_close(got.w_ih, expected.w_ih, tolerance);
  check_close(got.w_hh, expected.w_hh, tolerance);
  check_close(got.b_ih, expected.b_ih, tolerance);
  check_close(got.b_hh, expected.b_hh, tolerance);
}

double loss(const Problem& p) {
  const Expected e = define(p);
  double sum = 0;
  for (std::size_t i = 0; i < e.outputs.size(); ++i) sum += e.outputs[i] * p.grad_outputs[i];
  for (std::size_t i = 0; i < e.last.size(); ++i) sum += e.last[i] * p.grad_last[i];
  return sum;
}

// Some entries of a gradient against differences of the definition.
void check_gradient(Problem p, Values Problem::* argument, const Values& gradient) {
  Values& values = p.*argument;
  const double step = 1e-5;
  CHECK(gradient.size() == values.size());
  for (std::size_t i = 0; i < values.size(); i += 1 + values.size() / 5) {
    if (std::isnan(values[i])) {
      CHECK(gradient[i] == 0);
      continue;
    }
    const double before = values[i];
    values[i] = before + step;
    const double above = loss(p);
    values[i] = before - step;
    const double slope = (above - loss(p)) / (2 * step);
    values[i] = before;
    CHECK(std::fabs(slope - gradient[i]) <= 1e-6 * (1 + std::fabs(slope)));
  }
}

void check(const Problem& p) {
  const Results exact = run<double>(p, 1);
  const Expected expected = define(p);
  check_close(exact.outputs, expected.outputs, 1e-12);
  check_close(exact.last, expected.last, 1e-12);
  check_gradient(p, &Problem::x, exact.x);
  check_gradient(p, &Problem::attention, exact.attention);
  check_gradient(p, &Problem::w_ih, exact.w_ih);
  check_gradient(p, &Problem::w_hh, exact.w_hh);
  check_gradient(p, &Problem::b_ih, exact.b_ih);
  check_gradient(p, &Problem::b_hh, exact.b_hh);
  if (p.has_h0) check_gradient(p, &Problem::h0, exact.h0);
  check_close(run<float>(p, 0), exact, 1e-4);
  // Half-width gates and states are rounded at every step, and these weights amplify that.
  check_close(run<BFloat16>(p, 2), exact, 0.1);
  check_close(run<Float16>(p, 3), exact, 0.02);
}

}  // namespace

int main() {
  skip_unless_supported();
  for (const auto mode : {AttentionMode::paper, AttentionMode::reference, AttentionMode::agru}) {
    for (const bool reset_after : {true, false}) {
      check(problem(5, 4, 3, 2, mode, reset_after, true));
      check(problem(3, 3, 17, 9, mode, reset_after, false));
      check(problem(27, 6, 2, 18, mode, reset_after, true));
    }
  }
  for (const std::int64_t hidden : {1, 8, 16, 33}) {
    check(problem(2, 2, hidden, hidden, AttentionMode::paper, true, false));
  }
  check(problem(2, 0, 3, 4, AttentionMode::paper, true, true));
  check(problem(50, 3, 1, 1, AttentionMode::paper, false, true));
  return 0;
}
