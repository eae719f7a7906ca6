// The backward pass for GPUs, emulated.
#include <cstring>

#include "din_attention/backward.cuh"
#include "din_attention/test_problem.h"

namespace {

// The gradients of a problem by the kernels, blocks and threads in an order that `seed` gives.
template <class S>
Stored<S> run(const Problem& p, const Tensors& given, Wanted wanted, std::uint32_t seed) {
  using C = cuda::Compute<S>;
  const Stored<S> in(given);
  Stored<S> out(Tensors::nothing(p));
  const DinAttentionArguments arguments = arguments_of(p, in);
  const auto bytes = cuda::din_backward_bytes<S>(arguments);
  const auto workspace = store_all<C>(Doubles(bytes / sizeof(C), NAN));
  cuda::din_backward<S>(arguments, gradients_of(p, in, out, wanted), workspace.get(),
                        cuda::Stream{seed});
  return out;
}

// `expected` are the gradients.
template <class S>
void check_gradients(const Problem& p, const Tensors& given, Tensors expected, Wanted wanted,
                     double tolerance) {
  static std::uint32_t seed = 0;
  const Stored<S> out = run<S>(p, given, wanted, ++seed);
  const std::vector<Doubles*> all = expected.all();
  for (int n = 0; n < 10; ++n) {
    if (wanted(p, n)) check_close(out.get(n), *all[n], tolerance);
  }
}

void check_problem(const Problem& p) {
  const Tensors given = Tensors::random(p), expected = reference(p, given);
  check_gradients<float>(p, given, expected, {}, 1e-5);
  check_gradients<double>(p, given, expected, {}, 1e-13);
}

void check_halves(const Problem& p) {
  const Tensors given = Tensors::random(p), expected = reference(p, given);
  check_gradients<BFloat16>(p, given, expected, {}, 8e-3);
  check_gradients<Float16>(p, given, expected, {}, 1e-3);
}

// Each set of gradients without and with the others.
void check_wanted() {
  const Problem p{{3, 40, 0}, 41, 5, 6, 4, DinActivation::prelu, true, 0.5};
  const Tensors given = Tensors::random(p), expected = reference(p, given);
  for (int n = 0; n < 7; ++n) {
    check_gradients<float>(p, given, expected, {(n & 1) > 0, (n & 2) > 0, (n & 4) > 0}, 1e-5);
  }
}

// Whatever the order, the same bits.
void check_determinism() {
  const Problem p{{2, 33, 5, 1}, 33, 8, 6, 4, DinActivation::sigmoid, true, 0.5};
  Tensors given = Tensors::random(p);
  const std::vector<Doubles*> all = given.all();
  const Stored<float> once = run<float>(p, given, {}, 1), again = run<float>(p, given, {}, 2);
  for (int n = 0; n < 8; ++n) {
    CHECK(std::memcmp(once.get(n), again.get(n), all[n]->size() * sizeof(float)) == 0);
  }
}

// Blocks that take several rows, most of them empty.
Problem more_rows_than_blocks() {
  std::vector<std::int64_t> lengths(cuda::kDinBlocks + 3);
  lengths[0] = lengths[cuda::kDinBlocks] = 2;
  lengths[1] = lengths[cuda::kDinBlocks + 2] = 1;
  return {lengths, 2, 4, 3, 2, DinActivation::prelu, false, 0.5};
}

}  // namespace

int main() {
  for (const auto activation :
       {DinActivation::sigmoid, DinActivation::relu, DinActivation::prelu}) {
    check_problem({{3, 0, 5, 1}, 5, 3, 6, 4, activation, true, 0.5});
    check_problem({{33, 2}, 34, 16, 19, 16, activation, false, 0.5});
  }
  check_problem({{70, 32}, 70, 8, 85, 37, DinActivation::sigmoid, true, 0.25});
  check_problem({{2}, 3, 130, 3, 20, DinActivation::prelu, true, 0.0625});
  check_problem({{0}, 0, 4, 3, 2, DinActivation::relu, true, 1});
  check_problem({{}, 4, 4, 3, 2, DinActivation::relu, true, 1});
  check_problem({{40}, 100000, 1, 2, 3, DinActivation::prelu, true, 0.5});
  check_problem(more_rows_than_blocks());
  check_halves({{37, 2}, 38, 16, 19, 16, DinActivation::sigmoid, true, 0.25});
  check_halves({{3, 0, 5}, 5, 5, 6, 4, DinActivation::prelu, false, 0.5});
  check_wanted();
  check_determinism();
}
