// Vectors of the compiler's own kind, as wide as the processor that the including file is built
// for. A kernel's source is compiled once for each kind of processor, each time with its own
// RECBENCH_ISA as namespace. Nothing here has linkage, so no function compiled for one processor
// can be taken for another's; of the standard library only <cstdint> and <cstring> may be included.
//
// A product and a sum contract to a fused multiply-add with -ffp-contract=fast, where there is one.
#pragma once

#include <cstdint>
#include <cstring>

#ifndef RECBENCH_ISA
#error "define RECBENCH_ISA, the namespace of this build"
#endif

#ifndef RECBENCH_VECTOR_BYTES
#if defined(__AVX512F__)
#define RECBENCH_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define RECBENCH_VECTOR_BYTES 32
#else
#define RECBENCH_VECTOR_BYTES 16
#endif
#endif

#define RECBENCH_INLINE static inline __attribute__((always_inline))

// Processor instructions where the compiler's form of an operation is clearly slower; a wider
// vector than the processor's takes the general form.
#if defined(__AVX512F__) && RECBENCH_VECTOR_BYTES == 64
#define RECBENCH_USE_AVX512 1
#elif defined(__AVX2__) && RECBENCH_VECTOR_BYTES == 32
#define RECBENCH_USE_AVX2 1
#elif defined(__SSE2__) && RECBENCH_VECTOR_BYTES == 16
#define RECBENCH_USE_SSE2 1
#endif

namespace recbench::RECBENCH_ISA {

template <class C>
constexpr int kLanes = RECBENCH_VECTOR_BYTES / static_cast<int>(sizeof(C));

// `Array<C, n>` is a vector of any width; `Vec<C>` one as wide as the processor's.
template <class C, int lanes>
struct ArrayType {
  typedef C Type __attribute__((vector_size(lanes * sizeof(C))));
};
template <class C, int lanes>
using Array = typename ArrayType<C, lanes>::Type;
template <class C>
using Vec = Array<C, kLanes<C>>;

// What belongs to a vector: its lanes' type, the integers as wide, and the result of a comparison
// (in each lane all bits set or none).
template <class V>
struct VectorTraits;
template <>
struct VectorTraits<Vec<float>> {
  using Lane = float;
  using Bits = Vec<std::uint32_t>;
};
template <>
struct VectorTraits<Vec<double>> {
  using Lane = double;
  using Bits = Vec<std::uint64_t>;
};
template <>
struct VectorTraits<Vec<std::int32_t>> {
  using Lane = std::int32_t;
};
template <>
struct VectorTraits<Vec<std::uint32_t>> {
  using Lane = std::uint32_t;
};
template <class V>
using Lane = typename VectorTraits<V>::Lane;
template <class V>
using BitsOf = typename VectorTraits<V>::Bits;
template <class C>
using Bits = BitsOf<Vec<C>>;
template <class C>
using Mask = decltype(Vec<C>{} < Vec<C>{});

template <class C>
RECBENCH_INLINE Vec<C> zero() {
  return Vec<C>{};
}

template <class C>
RECBENCH_INLINE Vec<C> splat(C value) {
  return value - Vec<C>{};  // Minus, because -0 + 0 is +0.
}

// The same bytes as another type.
template <class To, class From>
RECBENCH_INLINE To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

// Lane i holds i.
template <class C>
RECBENCH_INLINE Vec<C> lane_numbers() {
  Vec<C> numbers;
  for (int i = 0; i < kLanes<C>; ++i) numbers[i] = static_cast<C>(i);
  return numbers;
}

// Loads and stores need no alignment.
template <class C>
RECBENCH_INLINE Vec<C> load(const C* from) {
  Vec<C> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <class C>
RECBENCH_INLINE void store(C* to, Vec<C> v) {
  std::memcpy(to, &v, sizeof v);
}

// The first n lanes, the others zero; touches nothing beyond them. 0 <= n <= lanes.
RECBENCH_INLINE Vec<float> load_partial(const float* from, std::int64_t n);
RECBENCH_INLINE Vec<double> load_partial(const double* from, std::int64_t n);
RECBENCH_INLINE void store_partial(float* to, Vec<float> v, std::int64_t n);
RECBENCH_INLINE void store_partial(double* to, Vec<double> v, std::int64_t n);

template <class V>
RECBENCH_INLINE V fma(V a, V b, V c) {
  return a * b + c;
}

// a > b ? a : b, and a < b ? a : b: of an unordered pair both return `b`.
RECBENCH_INLINE Vec<float> max(Vec<float> a, Vec<float> b);
RECBENCH_INLINE Vec<double> max(Vec<double> a, Vec<double> b);
RECBENCH_INLINE Vec<float> min(Vec<float> a, Vec<float> b);
RECBENCH_INLINE Vec<double> min(Vec<double> a, Vec<double> b);

template <class M, class V>
RECBENCH_INLINE V select(M mask, V where_true, V where_false) {
  return mask ? where_true : where_false;
}

// Bit i is set where lane i of a comparison holds.
RECBENCH_INLINE std::uint32_t bits(Mask<float> mask);
RECBENCH_INLINE std::uint32_t bits(Mask<double> mask);

template <class M>
RECBENCH_INLINE bool any(M mask) {
  return bits(mask) != 0;
}

// The sum of the lanes, always in the same order.
RECBENCH_INLINE float sum(Vec<float> v);
RECBENCH_INLINE double sum(Vec<double> v);

// Lane i is the sum of v[i]: as many sums as there are lanes for little more than the price of two.
template <class C>
RECBENCH_INLINE Vec<C> sums(const Vec<C> (&v)[kLanes<C>]);

}  // namespace recbench::RECBENCH_ISA

#include "simd/vector_lanes.h"
