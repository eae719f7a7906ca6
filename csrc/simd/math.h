// exp, sigmoid and tanh of vectors of float or double. NaN gives NaN; nothing overflows on the way.
//
// Largest errors found, in units of the last place: float exp 1.2, sigmoid 2.5, tanh 3.3; double
// exp 1.2, sigmoid 2.3, tanh 3.1. test_math.cpp holds exp to 2, sigmoid to 3 and tanh to 4. Of exp
// and sigmoid, results below the smallest normal number may be 0.
#pragma once

#include "simd/vector.h"

namespace recbench::RECBENCH_ISA {

// The polynomials for (e^f - 1) / f, |f| <= ln(2) / 2, with the least relative error, lowest power
// first. Not members, which would be symbols shared between object files.
constexpr float kFloatSeries[] = {0x1p0f,         0x1.fffffep-2f, 0x1.55547ep-3f,
                                  0x1.555652p-5f, 0x1.123d22p-7f, 0x1.6c16a6p-10f};
constexpr double kDoubleSeries[] = {
    0x1p0,
    0x1.0000000000005p-1,
    0x1.5555555555530p-3,
    0x1.55555555520e8p-5,
    0x1.111111111a2dfp-7,
    0x1.6c16c17f385f1p-10,
    0x1.a01a0170e39b5p-13,
    0x1.a019a683e93e3p-16,
    0x1.71de8e8befb7dp-19,
    0x1.28a2ae85625bap-22,
    0x1.ae644fee5dfacp-26,
};

// e^x = 2^n e^f with n = round(x / ln 2) and |f| <= ln(2) / 2. `ln2_high` has so few bits that
// n * ln2_high is exact. Adding `round` leaves n in the low bits of the sum.
template <class C>
struct ExpConstants;

template <>
struct ExpConstants<float> {
  static constexpr int mantissa_bits = 23;
  static constexpr float bias = 127;
  static constexpr float round = 0x1.8p23f;
  static constexpr float log2_e = 1.44269504f;
  static constexpr float ln2_high = 0.693359375f;
  static constexpr float ln2_low = -2.12194440e-4f;
  static constexpr float smallest = -87.3365402f;  // The least x with a normal e^x,
  static constexpr float largest = 88.7228317f;    // and the greatest with a finite one.
  static constexpr int terms = sizeof kFloatSeries / sizeof(float);
  static constexpr const float* series = kFloatSeries;
};

template <>
struct ExpConstants<double> {
  static constexpr int mantissa_bits = 52;
  static constexpr double bias = 1023;
  static constexpr double round = 0x1.8p52;
  static constexpr double log2_e = 1.4426950408889634;
  static constexpr double ln2_high = 0.693147180559890330187;
  static constexpr double ln2_low = 5.4979230187083712e-14;
  static constexpr double smallest = -708.39641853226408;
  static constexpr double largest = 709.78271289338397;
  static constexpr int terms = sizeof kDoubleSeries / sizeof(double);
  static constexpr const double* series = kDoubleSeries;
};

// n in the low bits of `shifted`, plus `offset`; f, and (e^f - 1) / f.
template <class V>
struct ReducedExp {
  V shifted;
  V f;
  V slope;
};

template <class V>
RECBENCH_INLINE ReducedExp<V> reduce_exp(V x, Lane<V> offset) {
  using Constants = ExpConstants<Lane<V>>;
  ReducedExp<V> result;
  const V round = splat(Constants::round + offset);
  result.shifted = x * splat(Constants::log2_e) + round;
  const V n = result.shifted - round;
  result.f = x - n * splat(Constants::ln2_high);
  result.f = result.f - n * splat(Constants::ln2_low);
  result.slope = splat(Constants::series[Constants::terms - 1]);
#pragma GCC unroll 16
  for (int i = Constants::terms - 2; i >= 0; --i) {
    result.slope = result.slope * result.f + splat(Constants::series[i]);
  }
  return result;
}

// 2^n where `shifted` was made with the offset `bias`: 0 for n = -bias, infinity for bias + 1.
template <class V>
RECBENCH_INLINE V power_of_two(V shifted) {
  return bit_cast<V>(bit_cast<BitsOf<V>>(shifted) << ExpConstants<Lane<V>>::mantissa_bits);
}

// A NaN stays: it is neither below nor above.
template <class V>
RECBENCH_INLINE V clamp(V x, Lane<V> low, Lane<V> high) {
  return min(splat(high), max(splat(low), x));
}

template <class V>
RECBENCH_INLINE V exp(V x) {
  using C = Lane<V>;
  using Constants = ExpConstants<C>;
  const ReducedExp<V> reduced = reduce_exp(x, C{0});
  const V power = reduced.slope * reduced.f + splat(C{1});
  // Adding n to the exponent, not multiplying by 2^n, reaches the largest results.
  V result = bit_cast<V>(bit_cast<BitsOf<V>>(power) +
                         (bit_cast<BitsOf<V>>(reduced.shifted) << Constants::mantissa_bits));
  const V infinity = splat(static_cast<C>(__builtin_huge_val()));
  result = select(x <= splat(Constants::largest), result, x * infinity);
  return select(x < splat(Constants::smallest), zero<C>(), result);
}

// 1 / (1 + e^-x).
template <class V>
RECBENCH_INLINE V sigmoid(V x) {
  using C = Lane<V>;
  constexpr C bias = ExpConstants<C>::bias;
  constexpr C ln2 = ExpConstants<C>::ln2_high;
  // Beyond these the power of two is infinity or 0, and the result exactly 0 or 1.
  const V bounded = clamp(x, -(bias + C{1.25}) * ln2, (bias - C{0.25}) * ln2);
  const ReducedExp<V> reduced = reduce_exp(-bounded, bias);
  const V power = reduced.slope * reduced.f + splat(C{1});
  return splat(C{1}) / (power * power_of_two(reduced.shifted) + splat(C{1}));
}

// With m = e^2|x| - 1: m / (m + 2), which near 0 loses nothing, and the sign of x.
template <class V>
RECBENCH_INLINE V tanh(V x) {
  using C = Lane<V>;
  const BitsOf<V> sign = bit_cast<BitsOf<V>>(x) & bit_cast<BitsOf<V>>(splat(-C{0}));
  const V magnitude = bit_cast<V>(bit_cast<BitsOf<V>>(x) ^ sign);
  const V bounded = min(splat(C{20}), magnitude);  // From there on the result rounds to 1.
  const ReducedExp<V> reduced = reduce_exp(bounded + bounded, ExpConstants<C>::bias);
  const V power = power_of_two(reduced.shifted);
  const V m = power * (reduced.slope * reduced.f) + (power - splat(C{1}));
  return bit_cast<V>(bit_cast<BitsOf<V>>(m / (m + splat(C{2}))) | sign);
}

}  // namespace recbench::RECBENCH_ISA
