// Products of small row-major matrices in cache, by tiles that stay in registers.
#pragma once

#include "simd/vector.h"

namespace recbench::RECBENCH_ISA {

// A tile has two vectors a row; rows and vectors must fit the registers: 32 with AVX-512, else 16.
#if defined(__AVX512F__)
constexpr int kProductRows = 12;
#else
constexpr int kProductRows = 6;
#endif
constexpr int kProductVectors = 2;

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

template <bool kTransposed, int kRows, int kVectors, class C>
RECBENCH_INLINE void product_tile(std::int64_t depth, Matrix<const C> a, Matrix<const C> b,
                                  Matrix<const C> start, Matrix<C> out) {
  Vec<C> sums[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = load(start.data + r * start.stride + v * kLanes<C>);
    }
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    Vec<C> row[kVectors];
    for (int v = 0; v < kVectors; ++v) row[v] = load(b.data + k * b.stride + v * kLanes<C>);
    for (int r = 0; r < kRows; ++r) {
      const Vec<C> factor =
          splat(kTransposed ? a.data[k * a.stride + r] : a.data[r * a.stride + k]);
      for (int v = 0; v < kVectors; ++v) sums[r][v] += factor * row[v];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      store(out.data + r * out.stride + v * kLanes<C>, sums[r][v]);
    }
  }
}

template <bool kTransposed, int kRows, int kVectors, class C>
RECBENCH_INLINE void product_rows(std::int64_t rows, std::int64_t depth, Matrix<const C> a,
                                  Matrix<const C> b, Matrix<const C> start, Matrix<C> out) {
  if (rows == kRows) {
    product_tile<kTransposed, kRows, kVectors>(depth, a, b, start, out);
  } else if constexpr (kRows > 1) {
    product_rows<kTransposed, kRows - 1, kVectors>(rows, depth, a, b, start, out);
  }
}

template <bool kTransposed, int kVectors, class C>
static void product_panel(std::int64_t rows, std::int64_t depth, Matrix<const C> a,
                          Matrix<const C> b, Matrix<const C> start, Matrix<C> out) {
  for (std::int64_t row = 0, part; row < rows; row += part) {
    part = even_part(rows - row, kProductRows);
    product_rows<kTransposed, kProductRows, kVectors, C>(
        part, depth, {a.data + row * (kTransposed ? 1 : a.stride), a.stride}, b,
        {start.data + row * start.stride, start.stride}, {out.data + row * out.stride, out.stride});
  }
}

// out = start + a b, or start + a^T b where `a` is stored transposed. `b`, `start` and `out` have
// whole vectors of columns; `start` may be `out`, or one row for all (its stride 0).
template <bool kTransposed, class C>
static void product(std::int64_t rows, std::int64_t columns, std::int64_t depth, Matrix<const C> a,
                    Matrix<const C> b, Matrix<const C> start, Matrix<C> out) {
  constexpr std::int64_t panel = kProductVectors * kLanes<C>;
  std::int64_t column = 0;
  for (; column + panel <= columns; column += panel) {
    product_panel<kTransposed, kProductVectors, C>(rows, depth, a, {b.data + column, b.stride},
                                                   {start.data + column, start.stride},
                                                   {out.data + column, out.stride});
  }
  if (column < columns) {
    product_panel<kTransposed, 1, C>(rows, depth, a, {b.data + column, b.stride},
                                     {start.data + column, start.stride},
                                     {out.data + column, out.stride});
  }
}

}  // namespace recbench::RECBENCH_ISA
