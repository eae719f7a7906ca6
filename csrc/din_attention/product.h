// Products of small row-major matrices in cache: of keys, hidden layers and gradients as they lie,
// so that nothing is packed.
#pragma once

#include "simd/vector.h"

namespace recbench::RECBENCH_ISA {

RECBENCH_INLINE std::int64_t ceil_div(std::int64_t n, std::int64_t d) {
  return (n + d - 1) / d;
}

// The first part of `rest`, when it is to be split evenly into the fewest parts of at most `most`.
RECBENCH_INLINE std::int64_t even_part(std::int64_t rest, std::int64_t most) {
  return ceil_div(rest, ceil_div(rest, most));
}

// A matrix: where it begins, and how far its rows lie apart.
template <class C>
struct Matrix {
  C* data;
  std::int64_t stride;
};

// out = start + a b, or start + a^T b where `a` is stored transposed. `b`, `start` and `out` have
// whole vectors of columns; `start` may be `out`, or one row for all (its stride 0).
template <bool kTransposed, class C>
void product(std::int64_t rows, std::int64_t columns, std::int64_t depth, Matrix<const C> a,
             Matrix<const C> b, Matrix<const C> start, Matrix<C> out);

}  // namespace recbench::RECBENCH_ISA
