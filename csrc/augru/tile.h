// What the forward and the backward pass over a tile of rows share.
#pragma once

#include "augru/kernel.h"
#include "augru/multiply.h"
#include "simd/storage.h"

namespace recbench::RECBENCH_ISA {
namespace {

// The rows of a tile, longest first.
struct Tile {
  const std::int64_t* rows;
  std::int64_t count;
  const std::int64_t* lengths;

  Tile(const AugruShape& shape, const std::int64_t* order, const std::int64_t* of_rows,
       std::int64_t tile)
      : rows(order + tile * kAugruTile), count(shape.batch - tile * kAugruTile), lengths(of_rows) {
    if (count > kAugruTile) count = kAugruTile;
  }

  std::int64_t length(std::int64_t i) const { return lengths[rows[i]]; }
  std::int64_t steps() const { return length(0); }
};

// A vector of values in storage; the first `n` of them, the others zero.
RECBENCH_INLINE Vec<float> load_as(const float* from) {
  return load(from);
}
RECBENCH_INLINE Vec<double> load_as(const double* from) {
  return load(from);
}
template <class S>
RECBENCH_INLINE Vec<float> load_as(const S* from) {
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  return widen(halves, S{});
}

template <class C, class S>
RECBENCH_INLINE Vec<C> load_first(const S* from, std::int64_t n) {
  if (n >= kLanes<C>) return load_as(from);
  if constexpr (sizeof(S) == sizeof(C)) return load_partial(from, n);
  C first[kLanes<C>] = {};
  widen(from, first, n);
  return load(first);
}

RECBENCH_INLINE void store_as(float* to, Vec<float> v) {
  store(to, v);
}
RECBENCH_INLINE void store_as(double* to, Vec<double> v) {
  store(to, v);
}
template <class S>
RECBENCH_INLINE void store_as(S* to, Vec<float> v) {
  const Halves halves = narrow(v, S{});
  std::memcpy(to, &halves, sizeof halves);
}

// Asks for `count` values that will be needed later.
template <class S>
RECBENCH_INLINE void prefetch(const S* from, std::int64_t count) {
  const auto* bytes = reinterpret_cast<const char*>(from);
  for (std::int64_t i = 0; i < count * std::int64_t{sizeof(S)}; i += 64) {
    __builtin_prefetch(bytes + i);
  }
}

// Element `i` of a tensor.
template <class C, class S>
RECBENCH_INLINE C value(const S* tensor, std::int64_t i) {
  C wide;
  widen(tensor + i, &wide, 1);
  return wide;
}

// Copies a row of storage, or zeros where there is none.
template <class C, class S>
RECBENCH_INLINE void take(const S* tensor, std::int64_t row, std::int64_t width, C* to) {
  if (tensor == nullptr) {
    std::memset(to, 0, static_cast<std::size_t>(width) * sizeof(C));
  } else {
    widen(tensor + row * width, to, width);
  }
}

// The step u = p - q z of the state towards the candidate, for attention `a`.
template <class C>
struct Update {
  C p, q;

  Update(AttentionMode mode, C a)
      : p(mode == AttentionMode::reference ? C(1) : a),
        q(mode == AttentionMode::paper       ? a
          : mode == AttentionMode::reference ? C(1) - a
                                             : C(0)) {}
};

// Packs `depth` rows of `from`, whose row k is at from + k * row_stride and column j at
// j * column_stride, as rows [first, first + depth) of panels with `whole` rows each.
template <class C, class S>
RECBENCH_INLINE void pack(const S* from, std::int64_t row_stride, std::int64_t column_stride,
                          std::int64_t depth, std::int64_t columns, C* to, std::int64_t first,
                          std::int64_t whole) {
  for (std::int64_t j = 0; j < columns; j += kPanel<C>) {
    const std::int64_t width = panel_width<C>(columns, j);
    for (std::int64_t k = 0; k < depth; ++k) {
      C* row = to + j * whole + (first + k) * width;
      for (std::int64_t c = 0; c < width; ++c) {
        row[c] = j + c < columns ? value<C>(from, k * row_stride + (j + c) * column_stride) : C(0);
      }
    }
  }
}

}  // namespace
}  // namespace recbench::RECBENCH_ISA
