#include <cstdlib>
#include <memory>

#include "augru/test_problem.h"
#include "simd/supported.h"

namespace recbench::RECBENCH_ISA {
extern const AugruKernels augru_kernels[4];
extern const AugruBackwardKernels augru_backward_kernels[4];
}  // namespace recbench::RECBENCH_ISA

namespace {

struct Memory {
  explicit Memory(std::int64_t bytes) : data(std::aligned_alloc(64, (bytes + 63) / 64 * 64)) {
    std::memset(data, 0xff, bytes);
  }
  ~Memory() { std::free(data); }
  void* data;
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

double loss(const Problem& p) {
  const Results e = define(p);
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
  const Results expected = define(p);
  check_gradient(p, &Problem::x, expected.x);
  check_gradient(p, &Problem::attention, expected.attention);
  check_gradient(p, &Problem::w_ih, expected.w_ih);
  check_gradient(p, &Problem::w_hh, expected.w_hh);
  check_gradient(p, &Problem::b_ih, expected.b_ih);
  check_gradient(p, &Problem::b_hh, expected.b_hh);
  if (p.has_h0) check_gradient(p, &Problem::h0, expected.h0);
  const Results exact = run<double>(p, 1);
  check_close(exact, expected, 1e-11);
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
