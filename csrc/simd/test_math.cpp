#include <algorithm>
#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <limits>

#include "check.h"
#include "simd/math.h"
#include "simd/supported.h"

namespace {

using namespace recbench::RECBENCH_ISA;

// The distance between a result and the truth, in units of the truth's last place.
template <class C>
double ulps(C result, long double truth) {
  if (truth == 0 || std::isinf(static_cast<C>(truth))) {
    return result == static_cast<C>(truth) ? 0 : INFINITY;
  }
  const int exponent = std::max(std::ilogb(truth), std::numeric_limits<C>::min_exponent - 1);
  const long double unit = std::ldexp(1.0L, exponent - std::numeric_limits<C>::digits + 1);
  return static_cast<double>(std::fabs(static_cast<long double>(result) - truth) / unit);
}

long double true_exp(long double x) {
  return std::exp(x);
}
long double true_sigmoid(long double x) {
  return 1 / (1 + std::exp(-x));
}
long double true_tanh(long double x) {
  return std::tanh(x);
}

// Walks [low, high] and returns the largest error; results that are not normal may be 0.
template <class C, class Function>
double largest_error(const char* name, Function function, long double (*truth)(long double),
                     double low, double high, int steps) {
  double largest = 0;
  double where = 0;
  for (int i = 0; i <= steps; i += kLanes<C>) {
    Vec<C> x;
    for (int j = 0; j < kLanes<C>; ++j) {
      const double fraction = std::min(1.0, static_cast<double>(i + j) / steps);
      x[j] = static_cast<C>(low + (high - low) * fraction);
    }
    const Vec<C> y = function(x);
    for (int j = 0; j < kLanes<C>; ++j) {
      const long double expected = truth(x[j]);
      if (y[j] == 0 && std::fabs(expected) < std::numeric_limits<C>::min()) continue;
      const double error = ulps<C>(y[j], expected);
      if (!(error <= largest)) {
        largest = error;
        where = x[j];
      }
    }
  }
  std::printf("%s of %s on [%g, %g]: %.3f ulp at %.9g\n", name, sizeof(C) == 4 ? "float" : "double",
              low, high, largest, where);
  return largest;
}

template <class C>
void check_accuracy(double exp_bound, double sigmoid_bound, double tanh_bound, double range) {
  const auto e = [](Vec<C> x) __attribute__((always_inline)) { return exp(x); };
  const auto s = [](Vec<C> x) __attribute__((always_inline)) { return sigmoid(x); };
  const auto t = [](Vec<C> x) __attribute__((always_inline)) { return tanh(x); };
  constexpr int dense = 1 << 20;
  for (const double limit : {range, 20.0, 2.0, 1e-3}) {
    CHECK(largest_error<C>("exp", e, true_exp, -limit, limit, dense) <= exp_bound);
    CHECK(largest_error<C>("sigmoid", s, true_sigmoid, -limit, limit, dense) <= sigmoid_bound);
    CHECK(largest_error<C>("tanh", t, true_tanh, -limit, limit, dense) <= tanh_bound);
  }
  CHECK(largest_error<C>("tanh", t, true_tanh, 1e-30, 2e-30, 1000) <= tanh_bound);
  // Where the largest and the smallest normal results of exp lie.
  const double top = std::log(static_cast<double>(std::numeric_limits<C>::max()));
  const double bottom = std::log(static_cast<double>(std::numeric_limits<C>::min()));
  CHECK(largest_error<C>("exp", e, true_exp, top - 1e-2, top + 1e-3, dense) <= exp_bound);
  CHECK(largest_error<C>("exp", e, true_exp, bottom - 1e-3, bottom + 1e-2, dense) <= exp_bound);
}

template <class C>
void check_limits() {
  using Limits = std::numeric_limits<C>;
  const C infinity = Limits::infinity();
  const auto check = [](C x, C expected_exp, C expected_sigmoid, C expected_tanh) {
    for (int i = 0; i < kLanes<C>; ++i) {
      Vec<C> v = zero<C>();
      v[i] = x;
      CHECK(exp(v)[i] == expected_exp);
      CHECK(sigmoid(v)[i] == expected_sigmoid);
      CHECK(tanh(v)[i] == expected_tanh);
    }
  };
  check(infinity, infinity, 1, 1);
  check(-infinity, 0, 0, -1);
  check(Limits::max(), infinity, 1, 1);
  check(Limits::lowest(), 0, 0, -1);
  check(C{1000}, infinity, 1, 1);
  check(C{-1000}, 0, 0, -1);
  check(0, 1, C{0.5}, 0);
  check(-C{0}, 1, C{0.5}, 0);
  CHECK(std::signbit(tanh(splat(-C{0}))[0]));
  check(Limits::denorm_min(), 1, C{0.5}, Limits::denorm_min());
  check(Limits::min(), 1, C{0.5}, Limits::min());
}

template <class C>
void check_nan() {
  const C quiet = std::numeric_limits<C>::quiet_NaN();
  // Every payload bit set: the result must not depend on it.
  auto ones =
      bit_cast<Vec<C>>(bit_cast<Bits<C>>(splat(quiet)) | (bit_cast<Bits<C>>(splat(C{1})) - 1));
  for (const Vec<C> x : {splat(quiet), -splat(quiet), ones, -ones}) {
    CHECK(std::isnan(x[0]));
    CHECK(std::isnan(exp(x)[0]));
    CHECK(std::isnan(sigmoid(x)[0]));
    CHECK(std::isnan(tanh(x)[0]));
  }
}

}  // namespace

int main() {
  skip_unless_supported();
  check_accuracy<float>(2, 3, 4, 90);
  check_accuracy<double>(2, 3, 4, 712);
  check_limits<float>();
  check_limits<double>();
  check_nan<float>();
  check_nan<double>();
}
