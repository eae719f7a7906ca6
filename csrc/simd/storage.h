// Half-width storage: values kept as bfloat16 or float16 and computed with as float.
#pragma once

#include "simd/vector.h"

namespace recbench::RECBENCH_ISA {

struct BFloat16 {
  std::uint16_t bits;
};
struct Float16 {
  std::uint16_t bits;
};

// The type that a storage type is computed in.
template <class S>
struct ComputeType {
  using Type = S;
};
template <>
struct ComputeType<BFloat16> {
  using Type = float;
};
template <>
struct ComputeType<Float16> {
  using Type = float;
};
template <class S>
using Compute = typename ComputeType<S>::Type;

using Halves = Array<std::uint16_t, kLanes<float>>;

// Only integers and normal numbers are added, so it holds where the processor flushes subnormals.
RECBENCH_INLINE Vec<float> widen(Halves halves, BFloat16) {
  return bit_cast<Vec<float>>(__builtin_convertvector(halves, Bits<float>) << 16);
}

RECBENCH_INLINE Vec<float> widen(Halves halves, Float16) {
  const Bits<float> source = __builtin_convertvector(halves, Bits<float>);
  const Bits<float> magnitude = (source & 0x7fffu) << 13;
  const Bits<float> exponent = magnitude & 0x0f800000u;
  const Bits<float> rebased = magnitude + (112u << 23);
  // A subnormal becomes the fraction of a number in [2^-14, 2^-13), less 2^-14.
  const Vec<float> smallest = splat(0x1p-14f);
  const Bits<float> subnormal =
      bit_cast<Bits<float>>(bit_cast<Vec<float>>(rebased + (1u << 23)) - smallest);
  const Bits<float> infinite = rebased + (112u << 23);
  Bits<float> result = select(exponent == 0x0f800000u, infinite, rebased);
  result = select(exponent == 0u, subnormal, result);
  return bit_cast<Vec<float>>(result | (source & 0x8000u) << 16);
}

// To the nearest, ties to even.
RECBENCH_INLINE Halves narrow(Vec<float> values, BFloat16) {
  const Bits<float> source = bit_cast<Bits<float>>(values);
  const Bits<float> rounded = (source + 0x7fffu + (source >> 16 & 1u)) >> 16;
  const Bits<float> quiet = source >> 16 | 0x40u;
  return __builtin_convertvector(select(values == values, rounded, quiet), Halves);
}

RECBENCH_INLINE Halves narrow(Vec<float> values, Float16) {
  const Bits<float> source = bit_cast<Bits<float>>(values);
  const Bits<float> sign = source & 0x80000000u;
  const Bits<float> magnitude = source ^ sign;
  const Bits<float> odd = magnitude >> 13 & 1u;
  const Bits<float> normal = (magnitude - (112u << 23) + 0xfffu + odd) >> 13;
  // Adding 1/2 leaves a subnormal's bits, rounded, at the sum's low end.
  const Vec<float> half = splat(0.5f);
  const Bits<float> subnormal =
      bit_cast<Bits<float>>(bit_cast<Vec<float>>(magnitude) + half) - bit_cast<Bits<float>>(half);
  // All of these are below 2^31, so that they compare as signed numbers, which is faster.
  const auto ordered = bit_cast<Vec<std::int32_t>>(magnitude);
  Bits<float> result = select(ordered < (113 << 23), subnormal, normal);
  result = select(ordered >= (143 << 23), Bits<float>{} + 0x7c00u, result);
  result = select(ordered > (255 << 23), (magnitude >> 13 & 0x3ffu) | 0x7e00u, result);
  return __builtin_convertvector(result | sign >> 16, Halves);
}

template <class S>
RECBENCH_INLINE void widen(const S* from, float* to, std::int64_t n) {
  constexpr int lanes = kLanes<float>;
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    Halves halves;
    std::memcpy(&halves, from + i, sizeof halves);
    store(to + i, widen(halves, S{}));
  }
  if (i >= n) return;
  Halves halves{};
  std::memcpy(&halves, from + i, static_cast<std::size_t>(n - i) * sizeof(S));
  store_partial(to + i, widen(halves, S{}), n - i);
}

template <class S>
RECBENCH_INLINE void narrow(const float* from, S* to, std::int64_t n) {
  constexpr int lanes = kLanes<float>;
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const Halves halves = narrow(load(from + i), S{});
    std::memcpy(to + i, &halves, sizeof halves);
  }
  if (i >= n) return;
  const Halves halves = narrow(load_partial(from + i, n - i), S{});
  std::memcpy(to + i, &halves, static_cast<std::size_t>(n - i) * sizeof(S));
}

template <class C>
RECBENCH_INLINE void copy(const C* from, C* to, std::int64_t n) {
  if (n > 0) std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(C));
}

RECBENCH_INLINE void widen(const float* from, float* to, std::int64_t n) {
  copy(from, to, n);
}
RECBENCH_INLINE void widen(const double* from, double* to, std::int64_t n) {
  copy(from, to, n);
}
RECBENCH_INLINE void narrow(const float* from, float* to, std::int64_t n) {
  copy(from, to, n);
}
RECBENCH_INLINE void narrow(const double* from, double* to, std::int64_t n) {
  copy(from, to, n);
}

// n values ready to compute with: `from` itself where it is, else widened into `scratch`.
template <class C>
RECBENCH_INLINE const C* rows(const C* from, C*, std::int64_t) {
  return from;
}

template <class S>
RECBENCH_INLINE const float* rows(const S* from, float* scratch, std::int64_t n) {
  widen(from, scratch, n);
  return scratch;
}

// The more special of the two above, which float would otherwise find equally good.
RECBENCH_INLINE const float* rows(const float* from, float*, std::int64_t) {
  return from;
}

}  // namespace recbench::RECBENCH_ISA
