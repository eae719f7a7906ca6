// The forward pass for GPUs, emulated.
#include "din_attention/forward.cuh"
#include "din_attention/test_problem.h"

namespace {

template <class S>
void check_forward(const Problem& p, std::uint32_t seed, double tolerance) {
  Tensors given = Tensors::random(p);
  const Tensors expected = reference(p, given);
  std::vector<std::unique_ptr<S[]>> inputs;
  for (const Doubles* tensor : given.all()) inputs.push_back(store_all<S>(*tensor));
  const auto in = [&](int n, bool there = true) { return there ? inputs[n].get() : nullptr; };
  const bool dice = p.activation == DinActivation::dice;
  // clang-format off
  const DinAttentionArguments arguments{
      p.batch(), p.steps, p.width, p.hidden1, p.hidden2, p.activation, p.softmax, p.scale,
      in(0), in(1), p.lengths.data(), in(2), in(3), in(4), in(5), in(6), in(7),
      in(8, p.sloped()), in(9, p.sloped()), in(10, dice), in(11, dice)};
  // clang-format on
  using C = cuda::Compute<S>;
  const std::unique_ptr<C[]> prepared(new C[cuda::device_weights_count(arguments)]);
  const auto output = store_all<S>(Doubles(expected.output.size(), NAN));
  cuda::din_forward<S>(arguments, prepared.get(), output.get(), cuda::Stream{seed});
  check_close(output.get(), expected.output, tolerance);
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
