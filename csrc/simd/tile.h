// The register-blocked matrix multiply under the kernels: C += A B, a tile of C in registers.
//
// A is row-major with a stride; its values are broadcast. B is packed into panels of
// kTileVectors vectors' columns, each panel [depth][columns], the last as narrow as whole vectors
// allow and padded with zeros. So the panel that begins at column c lies at `packed + c * depth`.
#pragma once

#include "simd/vector.h"

namespace recbench::RECBENCH_ISA {

// The tile's sums, one row's broadcast value and one row of B must fit the registers: 32 with
// AVX-512, else 16, of which multiplication and addition apart want one more. A vector wider than
// a register counts as several.
#if defined(RECBENCH_USE_AVX512)
constexpr int kTileRows = 12;
#elif defined(RECBENCH_USE_AVX2)
constexpr int kTileRows = 6;
#elif RECBENCH_VECTOR_BYTES == 16
constexpr int kTileRows = 4;
#else
constexpr int kTileRows = 3;
#endif
constexpr int kTileVectors = 2;

template <class C>
constexpr int kTileColumns = kTileVectors * kLanes<C>;

// A number known when compiling, passed as an argument's type.
template <int n>
struct Constant {
  static constexpr int value = n;
};

// Values that B of `depth` rows and `columns` columns takes when packed.
template <class C>
RECBENCH_INLINE std::int64_t packed_size(std::int64_t depth, std::int64_t columns) {
  return depth * ((columns + kLanes<C> - 1) / kLanes<C> * kLanes<C>);
}

// Packs B, whose value in row k and column c is from[k * row_stride + c * column_stride].
template <class C>
RECBENCH_INLINE void pack(const C* from, std::int64_t row_stride, std::int64_t column_stride,
                          std::int64_t depth, std::int64_t columns, C* to) {
  const std::int64_t padded = packed_size<C>(1, columns);
  for (std::int64_t first = 0; first < padded; first += kTileColumns<C>) {
    const std::int64_t rest = padded - first;
    const std::int64_t width = rest < kTileColumns<C> ? rest : kTileColumns<C>;
    for (std::int64_t k = 0; k < depth; ++k) {
      const C* row = from + k * row_stride;
      for (std::int64_t c = first; c < first + width; ++c) {
        *to++ = c < columns ? row[c * column_stride] : C{0};
      }
    }
  }
}

// sums[r][v] += A's row r times the packed panel's vector v of columns, over `depth`.
template <int R, int NV, class C>
RECBENCH_INLINE void multiply(Vec<C> (&sums)[R][NV], const C* a, std::int64_t a_stride,
                              const C* panel, std::int64_t depth) {
  Vec<C> tile[R][NV];  // A copy, because GCC may leave an array of the caller in memory.
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < NV; ++v) tile[r][v] = sums[r][v];
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    Vec<C> columns[NV];
#pragma GCC unroll 16
    for (int v = 0; v < NV; ++v) columns[v] = load(panel + (k * NV + v) * kLanes<C>);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vec<C> value = splat(a[r * a_stride + k]);
#pragma GCC unroll 16
      for (int v = 0; v < NV; ++v) tile[r][v] = value * columns[v] + tile[r][v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < NV; ++v) sums[r][v] = tile[r][v];
  }
}

// Calls body(Constant<n>{}) for 1 <= n <= largest.
template <int largest, class Body>
RECBENCH_INLINE void with_constant(std::int64_t n, const Body& body) {
  if constexpr (largest > 1) {
    if (n < largest) return with_constant<largest - 1>(n, body);
  }
  body(Constant<largest>{});
}

// Walks a matrix of rows x columns in tiles, calling body(Constant<R>, Constant<NV>, row, column)
// with the tile's size and its first row and column. Only the last tiles are smaller; the last
// vector of the last column tile may be partial: store it with store_partial.
template <class C, class Body>
RECBENCH_INLINE void for_each_tile(std::int64_t rows, std::int64_t columns, const Body& body) {
  for (std::int64_t column = 0; column < columns; column += kTileColumns<C>) {
    const std::int64_t vectors = packed_size<C>(1, columns - column) / kLanes<C>;
    with_constant<kTileVectors>(vectors, [&](auto vectors_now) {
      std::int64_t row = 0;
      for (; row + kTileRows <= rows; row += kTileRows) {
        body(Constant<kTileRows>{}, vectors_now, row, column);
      }
      if (row == rows) return;
      with_constant<kTileRows - 1>(
          rows - row, [&](auto rows_now) { body(rows_now, vectors_now, row, column); });
    });
  }
}

// c += a times packed b, where nothing else is to be done with the sums.
template <class C>
RECBENCH_INLINE void multiply_add(C* c, std::int64_t c_stride, std::int64_t rows,
                                  std::int64_t columns, const C* a, std::int64_t a_stride,
                                  const C* packed, std::int64_t depth) {
  for_each_tile<C>(rows, columns, [&](auto tile_rows, auto vectors, auto row, auto column) {
    constexpr int R = decltype(tile_rows)::value;
    constexpr int NV = decltype(vectors)::value;
    constexpr int lanes = kLanes<C>;
    C* corner = c + row * c_stride + column;
    const std::int64_t last = columns - column - (NV - 1) * lanes;  // Of the last vector's lanes.
    Vec<C> sums[R][NV];
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < NV; ++v) {
        const C* from = corner + r * c_stride + v * lanes;
        sums[r][v] = v + 1 < NV || last >= lanes ? load(from) : load_partial(from, last);
      }
    }
    multiply<R, NV>(sums, a + row * a_stride, a_stride, packed + column * depth, depth);
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < NV; ++v) {
        C* to = corner + r * c_stride + v * lanes;
        if (v + 1 < NV || last >= lanes) {
          store(to, sums[r][v]);
        } else {
          store_partial(to, sums[r][v], last);
        }
      }
    }
  });
}

}  // namespace recbench::RECBENCH_ISA
