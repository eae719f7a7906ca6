#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

#include "check.h"
#include "simd/storage.h"
#include "simd/supported.h"

namespace {

using namespace recbench::RECBENCH_ISA;

// A half's value by its definition.
double value_of(std::uint16_t bits, int exponent_bits) {
  const int fraction_bits = 15 - exponent_bits;
  const int exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1);
  const int fraction = bits & ((1 << fraction_bits) - 1);
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return fraction ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp((1 << fraction_bits) + fraction, exponent - bias - fraction_bits);
}

template <class S>
float widen_one(std::uint16_t bits) {
  const S half{bits};
  float value = 0;
  widen(&half, &value, 1);
  return value;
}

template <class S>
std::uint16_t narrow_one(float value) {
  S half{0};
  narrow(&value, &half, 1);
  return half.bits;
}

template <class S, int exponent_bits>
void check_every_half() {
  std::vector<S> halves(65536);
  for (int i = 0; i < 65536; ++i) halves[i] = S{static_cast<std::uint16_t>(i)};
  std::vector<float> values(65536);
  std::vector<S> again(65536);
  widen(halves.data(), values.data(), 65536);
  narrow(values.data(), again.data(), 65536);
  for (int i = 0; i < 65536; ++i) {
    const double expected = value_of(halves[i].bits, exponent_bits);
    if (std::isnan(expected)) {
      CHECK(std::isnan(values[i]));
      CHECK(std::isnan(value_of(again[i].bits, exponent_bits)));
    } else {
      CHECK(values[i] == expected && std::signbit(values[i]) == std::signbit(expected));
      CHECK(again[i].bits == halves[i].bits);
    }
  }
}

// Halfway between two neighbours the even one is taken; a little to each side, the nearer.
template <class S, int exponent_bits>
void check_rounding() {
  const int largest = ((1 << exponent_bits) - 1) << (15 - exponent_bits);
  for (int i = 0; i + 1 < largest; ++i) {
    const float low = widen_one<S>(static_cast<std::uint16_t>(i));
    const float high = widen_one<S>(static_cast<std::uint16_t>(i + 1));
    const float middle = static_cast<float>((static_cast<double>(low) + high) / 2);
    if (middle == low || middle == high) continue;
    for (const int sign : {0, 0x8000}) {
      const float s = sign ? -1.0F : 1.0F;
      CHECK(narrow_one<S>(s * middle) == (sign | (i % 2 == 0 ? i : i + 1)));
      CHECK(narrow_one<S>(s * std::nextafter(middle, low)) == (sign | i));
      CHECK(narrow_one<S>(s * std::nextafter(middle, high)) == (sign | (i + 1)));
    }
  }
}

template <class S>
void check_special(std::uint16_t infinity) {
  CHECK(narrow_one<S>(INFINITY) == infinity);
  CHECK(narrow_one<S>(-INFINITY) == (0x8000 | infinity));
  CHECK(narrow_one<S>(3.4e38F) == infinity);
  CHECK(narrow_one<S>(-0.0F) == 0x8000);
  CHECK(narrow_one<S>(1e-45F) == 0);
  for (const std::uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0x7fc00000u}) {
    float nan;
    std::memcpy(&nan, &bits, sizeof nan);
    CHECK(std::isnan(widen_one<S>(narrow_one<S>(nan))));
  }
}

template <class S>
void check_lengths() {
  for (int n = 0; n <= 2 * kLanes<float> + 1; ++n) {
    // Exactly n values on the heap, so that the address sanitizer sees a read or write beyond.
    const std::unique_ptr<S[]> halves(new S[n]);
    const std::unique_ptr<float[]> values(new float[n]);
    for (int i = 0; i < n; ++i) values[i] = static_cast<float>(i) - 3;
    narrow(values.get(), halves.get(), n);
    for (int i = 0; i < n; ++i) values[i] = -1;
    const float* all = rows(halves.get(), values.get(), n);
    CHECK(all == values.get());
    for (int i = 0; i < n; ++i) CHECK(all[i] == static_cast<float>(i) - 3);
  }
}

template <class C>
void check_same() {
  const C from[3] = {1, 2, 3};
  C to[3] = {};
  CHECK(rows(from, to, 3) == from);
  widen(from, to, 3);
  CHECK(to[0] == 1 && to[2] == 3);
  narrow(from, to, 1);
  widen(static_cast<const C*>(nullptr), to, 0);
}

}  // namespace

int main() {
  skip_unless_supported();
  check_every_half<BFloat16, 8>();
  check_every_half<Float16, 5>();
  check_rounding<BFloat16, 8>();
  check_rounding<Float16, 5>();
  check_special<BFloat16>(0x7f80);
  check_special<Float16>(0x7c00);
  CHECK(narrow_one<Float16>(65519.996F) == 0x7bff);
  CHECK(narrow_one<Float16>(65520.0F) == 0x7c00);
  check_lengths<BFloat16>();
  check_lengths<Float16>();
  check_same<float>();
  check_same<double>();
}
