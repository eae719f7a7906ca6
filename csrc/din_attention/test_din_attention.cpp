// The kernels alone.
#include <cstdlib>

#include "din_attention/test_problem.h"
#include "simd/supported.h"

namespace recbench::RECBENCH_ISA {
extern const DinAttentionForward din_attention_forward[4];
extern const DinAttentionBackward din_attention_backward[4];
}  // namespace recbench::RECBENCH_ISA

namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

std::unique_ptr<void, Free> allocate(std::int64_t bytes) {
  return std::unique_ptr<void, Free>(
      std::aligned_alloc(64, static_cast<std::size_t>((bytes + 64) / 64 * 64)));
}

template <class S>
void check_problem(const Problem& p, int dtype, double tolerance) {
  Tensors given = Tensors::random(p);
  const Tensors expected = reference(p, given);
  std::vector<std::unique_ptr<S[]>> inputs, outputs;
  for (const Doubles* tensor : given.all()) {
    inputs.push_back(store_all<S>(*tensor));
    outputs.push_back(store_all<S>(Doubles(tensor->size(), NAN)));
  }
  const auto in = [&](int n, bool there = true) { return there ? inputs[n].get() : nullptr; };
  const auto out = [&](int n, bool there = true) { return there ? outputs[n].get() : nullptr; };
  const bool dice = p.activation == DinActivation::dice;
  const DinAttentionArguments arguments{p.batch(),
                                        p.steps,
                                        p.width,
                                        p.hidden1,
                                        p.hidden2,
                                        p.activation,
                                        p.softmax,
                                        p.scale,
                                        in(0),
                                        in(1),
                                        p.lengths.data(),
                                        in(2),
                                        in(3),
                                        in(4),
                                        in(5),
                                        in(6),
                                        in(7),
                                        in(8, p.sloped()),
                                        in(9, p.sloped()),
                                        in(10, dice),
                                        in(11, dice)};

  const DinAttentionForward& forward = din_attention_forward[dtype];
  const auto weights = allocate(forward.weights_bytes(arguments));
  forward.prepare(arguments, weights.get());
  const std::int64_t middle = p.batch() / 2;
  forward.run(arguments, weights.get(), 0, middle, out(12));
  forward.run(arguments, weights.get(), middle, p.batch(), out(12));
  check_close(out(12), expected.output, tolerance);
  if (dice) return;

  const DinAttentionGradients gradients{in(12),
                                        out(0),
                                        out(1),
                                        out(2),
                                        out(3),
                                        out(4),
                                        out(5),
                                        out(6),
                                        out(7),
                                        out(8, p.sloped()),
                                        out(9, p.sloped())};
  const DinAttentionBackward& backward = din_attention_backward[dtype];
  const auto more_weights = allocate(backward.weights_bytes(arguments));
  backward.prepare(arguments, more_weights.get());
  const std::int64_t bytes = backward.partial_bytes(arguments);
  const auto partials = allocate(2 * bytes);
  backward.run(arguments, gradients, more_weights.get(), partials.get(), 0, middle);
  backward.run(arguments, gradients, more_weights.get(), static_cast<char*>(partials.get()) + bytes,
               middle, p.batch());
  backward.reduce(arguments, gradients, partials.get(), 2);
  Tensors wanted = expected;
  const std::vector<Doubles*> all = wanted.all();
  for (int n = 0; n < (p.sloped() ? 10 : 8); ++n) check_close(out(n), *all[n], tolerance);
}

void check_problem(const Problem& p) {
  check_problem<float>(p, 0, 1e-5);
  check_problem<double>(p, 1, 1e-13);
  check_problem<BFloat16>(p, 2, 8e-3);
  check_problem<Float16>(p, 3, 1e-3);
}

}  // namespace

int main() {
  skip_unless_supported();
  for (const auto activation :
       {DinActivation::sigmoid, DinActivation::relu, DinActivation::prelu, DinActivation::dice}) {
    for (const bool softmax : {false, true}) {
      check_problem({{3, 0, 5, 1}, 5, 3, 6, 4, activation, softmax, 0.5});
      check_problem({{7, 2}, 7, 16, 32, 16, activation, softmax, 0.5});
      check_problem({{1, 128, 129, 270}, 270, 8, 5, 7, activation, softmax, 0.25});
    }
  }
  for (const std::int64_t width : {1, 18, 36}) {
    check_problem({{13, 4, 0}, 14, width, 19, 37, DinActivation::sigmoid, true, 0.125});
  }
  check_problem({std::vector<std::int64_t>(41, 2), 3, 4, 9, 3, DinActivation::sigmoid, false, 1});
  check_problem({{0, 0}, 0, 4, 3, 2, DinActivation::relu, true, 1});
  check_problem({{}, 4, 4, 3, 2, DinActivation::relu, true, 1});
}
