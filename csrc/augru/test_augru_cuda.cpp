// The AUGRU for GPUs, emulated; the products that go before and after it are done here.
#include "augru/backward.cuh"
#include "augru/forward.cuh"
#include "augru/products.cuh"
#include "augru/test_problem.h"

namespace {

using cuda::AugruCard;

constexpr std::size_t kShared = 163 << 10;

// Columns [first, first + count) of a matrix.
struct Columns {
  const Values& matrix;
  std::int64_t width, first, count;

  double at(std::int64_t row, std::int64_t column) const {
    return matrix[row * width + first + column];
  }
  std::int64_t rows() const { return static_cast<std::int64_t>(matrix.size()) / width; }
};

// a^T b
Values transposed_product(const Columns& a, const Columns& b) {
  Values product(a.count * b.count);
  for (std::int64_t k = 0; k < a.rows(); ++k) {
    for (std::int64_t i = 0; i < a.count; ++i) {
      for (std::int64_t j = 0; j < b.count; ++j)
        product[i * b.count + j] += a.at(k, i) * b.at(k, j);
    }
  }
  return product;
}

template <class S>
struct Emulated {
  using C = Compute<S>;

  const Problem& p;
  const AugruShape& shape = p.shape;
  AugruCard card;
  std::uint32_t seed;
  std::int64_t hidden = shape.hidden, inputs = shape.inputs, cells = shape.batch * shape.steps;
  Buffer<S> attention{p.attention}, w_hh{p.w_hh}, b_ih{p.b_ih}, b_hh{p.b_hh}, h0{p.h0};
  Buffer<S> outputs{cells * hidden}, last{shape.batch * hidden};
  Buffer<S> saved{cells * augru_saved(shape)};

  const void* first() const { return p.has_h0 ? h0.get() : nullptr; }

  // w_ih x; NaN at padding.
  Values gates() const {
    Values sums;
    for (std::int64_t at = 0; at < cells; ++at) {
      for (std::int64_t gate = 0; gate < 3 * hidden; ++gate) {
        double sum = 0;
        for (std::int64_t i = 0; i < inputs; ++i) {
          sum += p.w_ih[gate * inputs + i] * p.x[at * inputs + i];
        }
        sums.push_back(sum);
      }
    }
    return sums;
  }

  void forward(bool save) {
    const Buffer<C> from_inputs(gates());
    const Buffer<char> prepared(cuda::augru_prepared_bytes<S>(shape));
    const cuda::AugruForwardOnDevice given{shape,
                                           p.lengths.data(),
                                           from_inputs.get(),
                                           attention.get(),
                                           w_hh.get(),
                                           b_ih.get(),
                                           b_hh.get(),
                                           first(),
                                           outputs.get(),
                                           last.get(),
                                           save ? saved.get() : nullptr};
    cuda::augru_forward<S>(given, prepared.get(), card, cuda::Stream{seed});
  }

  Results run() {
    forward(true);
    const Buffer<S> grad_outputs(p.grad_outputs), grad_last(p.grad_last), grad_attention(cells),
        grad_h0(shape.batch * hidden);
    const std::int64_t width = cuda::augru_gradient_gates(shape) * hidden;
    const Buffer<C> of_gates(cells * width), states(cells * hidden),
        reset_states(shape.reset_after ? 0 : cells * hidden), real(cells * inputs);
    const Buffer<char> prepared(cuda::augru_backward_bytes<S>(shape));
    const cuda::AugruBackwardOnDevice given{
        shape,         p.lengths.data(),   attention.get(),      w_hh.get(),      first(),
        outputs.get(), saved.get(),        grad_outputs.get(),   grad_last.get(), of_gates.get(),
        states.get(),  reset_states.get(), grad_attention.get(), grad_h0.get()};
    cuda::augru_backward<S>(given, prepared.get(), card, cuda::Stream{seed});
    const Buffer<S> x(p.x), grad_b_ih(3 * hidden), grad_b_hh(3 * hidden);
    const Buffer<C> sums(cuda::kMostStepParts * width);
    cuda::augru_real_inputs<S>(shape, p.lengths.data(), x.get(), real.get(), cuda::Stream{seed});
    cuda::augru_bias_gradients<S>(shape, of_gates.get(), sums.get(), grad_b_ih.get(),
                                  grad_b_hh.get(), cuda::Stream{seed});
    Results results{outputs.values(),
                    last.values(),
                    {},
                    grad_attention.values(),
                    grad_h0.values(),
                    {},
                    {},
                    grad_b_ih.values(),
                    grad_b_hh.values()};
    multiply(of_gates.values(), states.values(), reset_states.values(), real.values(), results);
    return results;
  }

  // The gradients that products over all steps give.
  void multiply(const Values& of_gates, const Values& states, const Values& reset_states,
                const Values& real, Results& to) const {
    const std::int64_t width = cuda::augru_gradient_gates(shape) * hidden;
    const Columns of_inputs{of_gates, width, 0, 3 * hidden};
    const Columns of_r_and_z{of_gates, width, 0, 2 * hidden};
    const Columns of_n{of_gates, width, width - hidden, hidden};
    const Columns h{states, hidden, 0, hidden};
    const Columns of_n_with{shape.reset_after ? states : reset_states, hidden, 0, hidden};
    to.w_ih = transposed_product(of_inputs, {real, inputs, 0, inputs});
    to.w_hh = transposed_product(of_r_and_z, h);
    for (const double v : transposed_product(of_n, of_n_with)) to.w_hh.push_back(v);
    to.x.assign(cells * inputs, 0);
    for (std::int64_t at = 0; at < cells; ++at) {
      for (std::int64_t i = 0; i < inputs; ++i) {
        for (std::int64_t gate = 0; gate < 3 * hidden; ++gate) {
          to.x[at * inputs + i] += of_inputs.at(at, gate) * p.w_ih[gate * inputs + i];
        }
      }
    }
  }
};

std::uint32_t next_seed() {
  static std::uint32_t seed = 0;
  return ++seed;
}

template <class S>
Results run(const Problem& p, AugruCard card) {
  return Emulated<S>{p, p.shape, card, next_seed()}.run();
}

bool equal(const Results& a, const Results& b) {
  return a.outputs == b.outputs && a.last == b.last && a.x == b.x && a.attention == b.attention &&
         a.h0 == b.h0 && a.w_ih == b.w_ih && a.w_hh == b.w_hh && a.b_ih == b.b_ih &&
         a.b_hh == b.b_hh;
}

// Cards differ in how many rows a block has, and in how much of the weight it keeps.
void check(const Problem& p) {
  const Results expected = define(p);
  const AugruCard many{1000, kShared}, one{1, kShared};
  const AugruCard partly{1, cuda::augru_backward_shared<float>(p.shape) + (p.shape.hidden << 8)};
  check_close(run<double>(p, many), expected, 1e-11);
  const Results single = run<float>(p, many);
  check_close(single, expected, 1e-4);
  CHECK(equal(run<float>(p, one), single));
  CHECK(equal(run<float>(p, partly), single));
  check_close(run<BFloat16>(p, one), expected, 0.1);
  check_close(run<Float16>(p, {1, 0}), expected, 0.02);
}

void check_unsaved(const Problem& p) {
  Emulated<float> emulated{p, p.shape, {1, kShared}, next_seed()};
  emulated.forward(false);
  CHECK(emulated.outputs.values() == run<float>(p, {1, kShared}).outputs);
}

void check_long() {
  Problem p = problem(3, 100000, 1, 1, AttentionMode::paper, true, true);
  p.lengths = {2, 0, 3};
  check_close(run<float>(p, {1, kShared}), define(p), 1e-4);
}

// Lengths out of range are taken for the nearest in it.
void check_lengths() {
  const Problem p = problem(2, 3, 1, 2, AttentionMode::paper, true, true);
  Problem given = p, taken = p;
  given.lengths = {-1, 4};
  taken.lengths = {0, 3};
  given.x = taken.x = Values(p.x.size(), 0.5);
  given.attention = taken.attention = Values(p.attention.size(), 0.5);
  CHECK(equal(run<float>(given, {1, kShared}), run<float>(taken, {1, kShared})));
}

void check_order() {
  Problem p = problem(1500, 0, 1, 1, AttentionMode::paper, true, false);
  p.shape.steps = 9;
  for (std::int64_t& length : p.lengths) length = next_seed() * 7919 % 12 - 1;
  const Buffer<float> w_hh(p.w_hh);
  const Buffer<char> prepared(cuda::augru_prepared_bytes<float>(p.shape));
  cuda::prepare_augru<float, false>(p.shape, p.lengths.data(), w_hh.get(), prepared.get(),
                                    cuda::Stream{next_seed()});
  const std::int64_t* const order = cuda::order_of<float>(p.shape, prepared.get());
  for (std::int64_t begin = 0; begin < p.shape.batch; begin += cuda::kOrderWindow) {
    const std::int64_t end = std::min<std::int64_t>(p.shape.batch, begin + cuda::kOrderWindow);
    std::vector<std::int64_t> rows(order + begin, order + end);
    const auto length = [&](std::int64_t row) {
      return std::clamp<std::int64_t>(p.lengths[row], 0, p.shape.steps);
    };
    for (std::size_t i = 1; i < rows.size(); ++i) CHECK(length(rows[i - 1]) >= length(rows[i]));
    std::sort(rows.begin(), rows.end());
    for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i] == begin + std::int64_t(i));
  }
}

}  // namespace

int main() {
  for (const bool reset_after : {true, false}) {
    for (const auto mode : {AttentionMode::paper, AttentionMode::reference, AttentionMode::agru}) {
      check(problem(5, 4, 3, 2, mode, reset_after, true));
    }
    check(problem(9, 2, 2, 18, AttentionMode::paper, reset_after, false));
  }
  // More groups of units than warps.
  check(problem(1, 1, 1, 70, AttentionMode::paper, false, true));
  check(problem(1, 1, 1, 256, AttentionMode::paper, true, true));
  check(problem(2, 0, 3, 4, AttentionMode::paper, true, true));
  check(problem(0, 3, 3, 4, AttentionMode::paper, true, true));
  check_unsaved(problem(5, 4, 3, 9, AttentionMode::paper, false, true));
  check_long();
  check_lengths();
  check_order();
}
