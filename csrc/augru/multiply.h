// Multiplication of small matrices in registers: out = start + a b.
//
// `a` may be read along either of its axes, for a weight's gradient is a product with a transposed
// matrix. `b` is packed in panels, each as wide as a block of registers: [panel][depth][width], the
// last panel half as wide where that is enough.
#pragma once

#include "simd/vector.h"

namespace recbench::RECBENCH_ISA {
namespace {

// A block of registers: kBlockRows rows of a whole panel, or twice as many of half a one.
#if defined(__AVX512F__)
constexpr int kBlockRows = 12;
#else
constexpr int kBlockRows = 6;
#endif

template <class C>
constexpr std::int64_t kPanel = 2 * kLanes<C>;

// `columns` and the padding beside them.
template <class C>
constexpr std::int64_t padded(std::int64_t columns) {
  return (columns + kLanes<C> - 1) / kLanes<C> * kLanes<C>;
}

// The width of the panel that begins at `column`.
template <class C>
constexpr std::int64_t panel_width(std::int64_t columns, std::int64_t column) {
  return columns - column > kLanes<C> ? kPanel<C> : kLanes<C>;
}

// Element (r, k) is at data[r * row + k * column].
template <class C>
struct Matrix {
  C* data;
  std::int64_t row, column;
};

template <int rows, int vectors, class C>
__attribute__((noinline)) void multiply_block(C* out, std::int64_t out_row, const C* start,
                                              std::int64_t start_row, Matrix<const C> a, const C* b,
                                              std::int64_t depth) {
  constexpr int lanes = kLanes<C>;
  Vec<C> sums[rows][vectors];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[r][v] = load(start + r * start_row + v * lanes);
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    Vec<C> right[vectors];
    for (int v = 0; v < vectors; ++v) right[v] = load(b + v * lanes);
    for (int r = 0; r < rows; ++r) {
      const Vec<C> left = splat(a.data[r * a.row]);
      for (int v = 0; v < vectors; ++v) sums[r][v] = fma(left, right[v], sums[r][v]);
    }
    a.data += a.column;
    b += vectors * lanes;
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) store(out + r * out_row + v * lanes, sums[r][v]);
  }
}

// As multiply_block, for fewer rows than `limit`.
template <int limit, int vectors, class C>
RECBENCH_INLINE void multiply_rest(std::int64_t rows, C* out, std::int64_t out_row, const C* start,
                                   std::int64_t start_row, Matrix<const C> a, const C* b,
                                   std::int64_t depth) {
  if constexpr (limit > 1) {
    if (rows == limit - 1) {
      multiply_block<limit - 1, vectors>(out, out_row, start, start_row, a, b, depth);
    } else {
      multiply_rest<limit - 1, vectors>(rows, out, out_row, start, start_row, a, b, depth);
    }
  }
}

template <int vectors, class C>
RECBENCH_INLINE void multiply_rows(C* out, std::int64_t out_row, const C* start,
                                   std::int64_t start_row, std::int64_t rows, Matrix<const C> a,
                                   const C* b, std::int64_t depth) {
  constexpr int block = kBlockRows * (2 / vectors);
  for (; rows >= block; rows -= block) {
    multiply_block<block, vectors>(out, out_row, start, start_row, a, b, depth);
    out += block * out_row;
    start += block * start_row;
    a.data += block * a.row;
  }
  multiply_rest<block, vectors>(rows, out, out_row, start, start_row, a, b, depth);
}

// out = start + a b for one panel b[depth][width]; a is [rows][depth]. `start` has the panel's
// width, as `out` has, and a row stride of its own, which is 0 for a bias.
template <class C>
RECBENCH_INLINE void multiply(C* out, std::int64_t out_row, const C* start, std::int64_t start_row,
                              std::int64_t rows, Matrix<const C> a, const C* b, std::int64_t depth,
                              std::int64_t width) {
  if (width == kPanel<C>) {
    multiply_rows<2>(out, out_row, start, start_row, rows, a, b, depth);
  } else {
    multiply_rows<1>(out, out_row, start, start_row, rows, a, b, depth);
  }
}

}  // namespace
}  // namespace recbench::RECBENCH_ISA
