// The forward pass for GPUs, emulated.
#include "din_attention/forward.cuh"
#include "din_attention/test_problem.h"

namespace {

template <class S>
void check_forward(const Problem& p, std::uint32_t seed, double tolerance) {
  const Tensors given = Tensors::random(p);
  const Stored<S> in(given), out(Tensors::nothing(p));
  const DinAttentionArguments arguments = arguments_of(p, in);
  using C = cuda::Compute<S>;
  const std::unique_ptr<C[]> prepared(new C[cuda::device_weights_count(arguments)]);
  cuda::din_forward<S>(arguments, prepared.get(), out.get(12), cuda::Stream{seed});
  check_close(out.get(12), reference(p, given).output, tolerance);
}

void check_problem(const Problem& p) {
  static std::uint32_t seed = 0;
  check_forward<float>(p, ++seed, 1e-5);
  check_forward<double>(p, ++seed, 1e-13);
  check_forward<BFloat16>(p, ++seed, 8e-3);
  check_forward<Float16>(p, ++seed, 1e-3);
}

}  // namespace

int main() {
  for (const auto activation :
       {DinActivation::sigmoid, DinActivation::relu, DinActivation::prelu, DinActivation::dice}) {
    check_problem({{3, 0, 5, 1}, 5, 3, 6, 4, activation, true, 0.5});
    check_problem({{33, 2}, 34, 16, 19, 16, activation, false, 0.5});
  }
  check_problem({{70, 32}, 70, 8, 85, 37, DinActivation::sigmoid, true, 0.25});
  check_problem({{1}, 2, 130, 3, 20, DinActivation::prelu, true, 0.0625});
  check_problem({{0}, 0, 4, 3, 2, DinActivation::relu, true, 1});
  check_problem({{}, 4, 4, 3, 2, DinActivation::relu, true, 1});
}
