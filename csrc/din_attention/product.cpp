#include "din_attention/product.h"

#include "simd/tile.h"

namespace recbench::RECBENCH_ISA {
namespace {

template <bool kTransposed, int kRows, int kVectors, class C>
RECBENCH_INLINE void product_tile(std::int64_t depth, Matrix<const C> a, Matrix<const C> b,
                                  Matrix<const C> start, Matrix<C> out) {
  // Unrolled by demand: else g++ keeps the sums of large tiles in memory.
  Vec<C> sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = load(start.data + r * start.stride + v * kLanes<C>);
    }
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    Vec<C> row[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) row[v] = load(b.data + k * b.stride + v * kLanes<C>);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec<C> factor =
          splat(kTransposed ? a.data[k * a.stride + r] : a.data[r * a.stride + k]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) sums[r][v] += factor * row[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      store(out.data + r * out.stride + v * kLanes<C>, sums[r][v]);
    }
  }
}

template <bool kTransposed, int kVectors, class C>
void product_panel(std::int64_t rows, std::int64_t depth, Matrix<const C> a, Matrix<const C> b,
                   Matrix<const C> start, Matrix<C> out) {
  for (std::int64_t row = 0, part; row < rows; row += part) {
    part = even_part(rows - row, kTileRows);
    with_constant<kTileRows>(part, [&](auto tile_rows) {
      product_tile<kTransposed, decltype(tile_rows)::value, kVectors, C>(
          depth, {a.data + row * (kTransposed ? 1 : a.stride), a.stride}, b,
          {start.data + row * start.stride, start.stride},
          {out.data + row * out.stride, out.stride});
    });
  }
}

}  // namespace

template <bool kTransposed, class C>
void product(std::int64_t rows, std::int64_t columns, std::int64_t depth, Matrix<const C> a,
             Matrix<const C> b, Matrix<const C> start, Matrix<C> out) {
  constexpr std::int64_t panel = kTileVectors * kLanes<C>;
  std::int64_t column = 0;
  for (; column + panel <= columns; column += panel) {
    product_panel<kTransposed, kTileVectors, C>(rows, depth, a, {b.data + column, b.stride},
                                                {start.data + column, start.stride},
                                                {out.data + column, out.stride});
  }
  if (column < columns) {
    product_panel<kTransposed, 1, C>(rows, depth, a, {b.data + column, b.stride},
                                     {start.data + column, start.stride},
                                     {out.data + column, out.stride});
  }
}

template void product<false, float>(std::int64_t, std::int64_t, std::int64_t, Matrix<const float>,
                                    Matrix<const float>, Matrix<const float>, Matrix<float>);
template void product<false, double>(std::int64_t, std::int64_t, std::int64_t, Matrix<const double>,
                                     Matrix<const double>, Matrix<const double>, Matrix<double>);
template void product<true, float>(std::int64_t, std::int64_t, std::int64_t, Matrix<const float>,
                                   Matrix<const float>, Matrix<const float>, Matrix<float>);
template void product<true, double>(std::int64_t, std::int64_t, std::int64_t, Matrix<const double>,
                                    Matrix<const double>, Matrix<const double>, Matrix<double>);

}  // namespace recbench::RECBENCH_ISA
