// The second half of vector.h: operations across lanes, or with instructions of their own.
#pragma once

#include "simd/vector.h"

namespace recbench::RECBENCH_ISA {

// GCC makes two instructions of a comparison and a choice where the processor has one for both.
#if defined(__clang__) || \
    (!defined(RECBENCH_USE_AVX512) && !defined(RECBENCH_USE_AVX2) && !defined(RECBENCH_USE_SSE2))
#define RECBENCH_LARGER(type, a, b) ((a) > (b) ? (a) : (b))
#define RECBENCH_SMALLER(type, a, b) ((a) < (b) ? (a) : (b))
#elif defined(RECBENCH_USE_AVX512)  // All lanes, in the current rounding mode.
#define RECBENCH_LARGER(type, a, b) __builtin_ia32_max##type##512_mask(a, b, a, -1, 4)
#define RECBENCH_SMALLER(type, a, b) __builtin_ia32_min##type##512_mask(a, b, a, -1, 4)
#elif defined(RECBENCH_USE_AVX2)
#define RECBENCH_LARGER(type, a, b) __builtin_ia32_max##type##256(a, b)
#define RECBENCH_SMALLER(type, a, b) __builtin_ia32_min##type##256(a, b)
#else
#define RECBENCH_LARGER(type, a, b) __builtin_ia32_max##type(a, b)
#define RECBENCH_SMALLER(type, a, b) __builtin_ia32_min##type(a, b)
#endif

RECBENCH_INLINE Vec<float> max(Vec<float> a, Vec<float> b) {
  return RECBENCH_LARGER(ps, a, b);
}
RECBENCH_INLINE Vec<double> max(Vec<double> a, Vec<double> b) {
  return RECBENCH_LARGER(pd, a, b);
}
RECBENCH_INLINE Vec<float> min(Vec<float> a, Vec<float> b) {
  return RECBENCH_SMALLER(ps, a, b);
}
RECBENCH_INLINE Vec<double> min(Vec<double> a, Vec<double> b) {
  return RECBENCH_SMALLER(pd, a, b);
}
#undef RECBENCH_LARGER
#undef RECBENCH_SMALLER

// The instructions that read or write part of a vector, each under one name for all widths.
#if defined(RECBENCH_USE_AVX512)

RECBENCH_INLINE Vec<float> load_partial(const float* from, std::int64_t n) {
  const auto lanes = static_cast<unsigned short>((1u << n) - 1);
  return __builtin_ia32_loadups512_mask(from, Vec<float>{}, lanes);
}

RECBENCH_INLINE Vec<double> load_partial(const double* from, std::int64_t n) {
  const auto lanes = static_cast<unsigned char>((1u << n) - 1);
  return __builtin_ia32_loadupd512_mask(from, Vec<double>{}, lanes);
}

RECBENCH_INLINE void store_partial(float* to, Vec<float> v, std::int64_t n) {
  __builtin_ia32_storeups512_mask(to, v, static_cast<unsigned short>((1u << n) - 1));
}

RECBENCH_INLINE void store_partial(double* to, Vec<double> v, std::int64_t n) {
  __builtin_ia32_storeupd512_mask(to, v, static_cast<unsigned char>((1u << n) - 1));
}

RECBENCH_INLINE std::uint32_t bits(Mask<float> mask) {
  return static_cast<std::uint32_t>(__builtin_ia32_cvtd2mask512(mask));
}

RECBENCH_INLINE std::uint32_t bits(Mask<double> mask) {
  return static_cast<std::uint32_t>(
      __builtin_ia32_cvtq2mask512(bit_cast<Array<long long, 8>>(mask)));
}

#elif defined(RECBENCH_USE_AVX2)

RECBENCH_INLINE Vec<std::int32_t> first_lanes(const float*, std::int64_t n) {
  return lane_numbers<std::int32_t>() < splat(static_cast<std::int32_t>(n));
}

RECBENCH_INLINE Array<long long, 4> first_lanes(const double*, std::int64_t n) {
  const Array<long long, 4> numbers{0, 1, 2, 3};
  return numbers < static_cast<long long>(n) - Array<long long, 4>{};
}

RECBENCH_INLINE Vec<float> load_partial(const float* from, std::int64_t n) {
  return __builtin_ia32_maskloadps256(reinterpret_cast<const Vec<float>*>(from),
                                      first_lanes(from, n));
}

RECBENCH_INLINE Vec<double> load_partial(const double* from, std::int64_t n) {
  return __builtin_ia32_maskloadpd256(reinterpret_cast<const Vec<double>*>(from),
                                      first_lanes(from, n));
}

RECBENCH_INLINE void store_partial(float* to, Vec<float> v, std::int64_t n) {
  __builtin_ia32_maskstoreps256(reinterpret_cast<Vec<float>*>(to), first_lanes(to, n), v);
}

RECBENCH_INLINE void store_partial(double* to, Vec<double> v, std::int64_t n) {
  __builtin_ia32_maskstorepd256(reinterpret_cast<Vec<double>*>(to), first_lanes(to, n), v);
}

RECBENCH_INLINE std::uint32_t bits(Mask<float> mask) {
  return static_cast<std::uint32_t>(__builtin_ia32_movmskps256(bit_cast<Vec<float>>(mask)));
}

RECBENCH_INLINE std::uint32_t bits(Mask<double> mask) {
  return static_cast<std::uint32_t>(__builtin_ia32_movmskpd256(bit_cast<Vec<double>>(mask)));
}

#else

template <class C>
RECBENCH_INLINE Vec<C> load_lanes(const C* from, std::int64_t n) {
  Vec<C> v{};
  for (int i = 0; i < kLanes<C>; ++i) {
    if (i < n) v[i] = from[i];
  }
  return v;
}

template <class C>
RECBENCH_INLINE void store_lanes(C* to, Vec<C> v, std::int64_t n) {
  for (int i = 0; i < kLanes<C>; ++i) {
    if (i < n) to[i] = v[i];
  }
}

RECBENCH_INLINE Vec<float> load_partial(const float* from, std::int64_t n) {
  return load_lanes(from, n);
}

RECBENCH_INLINE Vec<double> load_partial(const double* from, std::int64_t n) {
  return load_lanes(from, n);
}

RECBENCH_INLINE void store_partial(float* to, Vec<float> v, std::int64_t n) {
  store_lanes(to, v, n);
}

RECBENCH_INLINE void store_partial(double* to, Vec<double> v, std::int64_t n) {
  store_lanes(to, v, n);
}

#if defined(RECBENCH_USE_SSE2)

RECBENCH_INLINE std::uint32_t bits(Mask<float> mask) {
  return static_cast<std::uint32_t>(__builtin_ia32_movmskps(bit_cast<Vec<float>>(mask)));
}

RECBENCH_INLINE std::uint32_t bits(Mask<double> mask) {
  return static_cast<std::uint32_t>(__builtin_ia32_movmskpd(bit_cast<Vec<double>>(mask)));
}

#else

RECBENCH_INLINE std::uint32_t bits(Mask<float> mask) {
  std::uint32_t set = 0;
  for (int i = 0; i < kLanes<float>; ++i) set |= (mask[i] ? 1u : 0u) << i;
  return set;
}

RECBENCH_INLINE std::uint32_t bits(Mask<double> mask) {
  std::uint32_t set = 0;
  for (int i = 0; i < kLanes<double>; ++i) set |= (mask[i] ? 1u : 0u) << i;
  return set;
}

#endif
#endif

template <int... numbers>
struct Numbers {};
template <int count, int... numbers>
struct NumbersBelow : NumbersBelow<count - 1, count - 1, numbers...> {};
template <int... numbers>
struct NumbersBelow<0, numbers...> {
  using Type = Numbers<numbers...>;
};

template <class C, int lanes, int... i>
RECBENCH_INLINE C sum_halves(Array<C, lanes> v, Numbers<i...>) {
  constexpr int half = lanes / 2;
  if constexpr (half == 1) {
    return v[0] + v[1];
  } else {
    const Array<C, half> low = __builtin_shufflevector(v, v, i...);
    const Array<C, half> high = __builtin_shufflevector(v, v, (i + half)...);
    return sum_halves<C, half>(low + high, typename NumbersBelow<half / 2>::Type{});
  }
}

RECBENCH_INLINE float sum(Vec<float> v) {
  return sum_halves<float, kLanes<float>>(v, NumbersBelow<kLanes<float> / 2>::Type{});
}

RECBENCH_INLINE double sum(Vec<double> v) {
  return sum_halves<double, kLanes<double>>(v, NumbersBelow<kLanes<double> / 2>::Type{});
}

// One level of the tree of `sums`: which lane of the pair (a, b), b's after a's, goes to lane i of
// the first and of the second addend, when a sum's parts lie in runs of `run` lanes. Runs of one
// lane in fours follow the processors' interleaving instruction, which is one instead of two.
constexpr int first_addend(int lanes, int run, bool fours, int i) {
  if (run == 1 && fours) return i / 4 * 4 + i % 4 / 2 + (i % 2) * lanes;
  return i / run % 2 == 0 ? i : i - run + lanes;
}

constexpr int second_addend(int lanes, int run, bool fours, int i) {
  return first_addend(lanes, run, fours, i) + (run == 1 && fours ? 2 : run);
}

template <class C, int run, int... i>
RECBENCH_INLINE Vec<C> add_pair(Vec<C> a, Vec<C> b, Numbers<i...>) {
  constexpr int lanes = kLanes<C>;
  constexpr bool fours = lanes >= 4 && sizeof(C) == 4;
  const Vec<C> first = __builtin_shufflevector(a, b, first_addend(lanes, run, fours, i)...);
  const Vec<C> second = __builtin_shufflevector(a, b, second_addend(lanes, run, fours, i)...);
  return first + second;
}

template <class C, int run, int count>
RECBENCH_INLINE Vec<C> sum_pairs(const Vec<C> (&v)[count]) {
  if constexpr (count == 1) {
    return v[0];
  } else {
    Vec<C> pairs[count / 2];
    for (int i = 0; i < count / 2; ++i) {
      pairs[i] = add_pair<C, run>(v[2 * i], v[2 * i + 1], typename NumbersBelow<kLanes<C>>::Type{});
    }
    return sum_pairs<C, 2 * run>(pairs);
  }
}

template <class C>
RECBENCH_INLINE Vec<C> sums(const Vec<C> (&v)[kLanes<C>]) {
  return sum_pairs<C, 1>(v);
}

}  // namespace recbench::RECBENCH_ISA
