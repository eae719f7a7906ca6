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
  const Tensors given = Tensors::random(p);
  Tensors expected = reference(p, given);
  const Stored<S> in(given), out(Tensors::nothing(p));
  const DinAttentionArguments arguments = arguments_of(p, in);

  const DinAttentionForward& forward = din_attention_forward[dtype];
  const auto weights = allocate(forward.weights_bytes(arguments));
  forward.prepare(arguments, weights.get());
  const std::int64_t middle = p.batch() / 2;
  forward.run(arguments, weights.get(), 0, middle, out.get(12));
  forward.run(arguments, weights.get(), middle, p.batch(), out.get(12));
  check_close(out.get(12), expected.output, tolerance);
  if (p.activation == DinActivation::dice) return;

  const DinAttentionGradients gradients = gradients_of(p, in, out, {});
  const DinAttentionBackward& backward = din_attention_backward[dtype];
  const auto more_weights = allocate(backward.weights_bytes(arguments));
  backward.prepare(arguments, more_weights.get());
  const std::int64_t bytes = backward.partial_bytes(arguments);
  const auto partials = allocate(2 * bytes);
  backward.run(arguments, gradients, more_weights.get(), partials.get(), 0, middle);
  backward.run(arguments, gradients, more_weights.get(), static_cast<char*>(partials.get()) + bytes,
               middle, p.batch());
  backward.reduce(arguments, gradients, partials.get(), 2);
  const std::vector<Doubles*> all = expected.all();
  for (int n = 0; n < (p.sloped() ? 10 : 8); ++n) check_close(out.get(n), *all[n], tolerance);
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
