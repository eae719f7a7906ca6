#include <cmath>
#include <limits>
#include <memory>

#include "check.h"
#include "simd/supported.h"
#include "simd/vector.h"

namespace {

using namespace recbench::RECBENCH_ISA;

template <class C>
void check_partial() {
  constexpr int lanes = kLanes<C>;
  for (int n = 0; n <= lanes; ++n) {
    // Exactly n values on the heap, so that the address sanitizer sees a read or write beyond.
    const std::unique_ptr<C[]> from(new C[n]);
    const std::unique_ptr<C[]> to(new C[n]);
    for (int i = 0; i < n; ++i) from[i] = static_cast<C>(i + 1);
    const Vec<C> v = load_partial(from.get(), n);
    for (int i = 0; i < lanes; ++i) CHECK(v[i] == (i < n ? from[i] : C{0}));
    store_partial(to.get(), v, n);
    for (int i = 0; i < n; ++i) CHECK(to[i] == from[i]);

    C guarded[lanes + 1];
    for (C& value : guarded) value = C{-7};
    store_partial(guarded, v, n);
    for (int i = n; i <= lanes; ++i) CHECK(guarded[i] == C{-7});
  }
}

template <class C>
void check_lanes() {
  constexpr int lanes = kLanes<C>;
  static_assert(sizeof(Vec<C>) == RECBENCH_VECTOR_BYTES);
  C values[lanes + 1];
  for (int i = 0; i <= lanes; ++i) values[i] = static_cast<C>(i * i) - 3;
  const Vec<C> v = load(values + 1);
  C copy[lanes + 1];
  store(copy + 1, v);
  C total = 0;
  for (int i = 0; i < lanes; ++i) {
    CHECK(copy[i + 1] == values[i + 1]);
    CHECK(v[i] == values[i + 1]);
    CHECK(splat(C{5})[i] == 5);
    CHECK(std::signbit(splat(-C{0})[i]));
    CHECK(zero<C>()[i] == 0);
    CHECK(lane_numbers<C>()[i] == i);
    CHECK(fma(v, splat(C{2}), splat(C{1}))[i] == 2 * v[i] + 1);
    CHECK(max(v, splat(C{4}))[i] == (v[i] > 4 ? v[i] : 4));
    CHECK(min(v, splat(C{4}))[i] == (v[i] < 4 ? v[i] : 4));
    CHECK(select(v > splat(C{4}), v, zero<C>())[i] == (v[i] > 4 ? v[i] : 0));
    total += v[i];
  }
  CHECK(sum(v) == total);
  const C nan = std::numeric_limits<C>::quiet_NaN();
  CHECK(max(splat(nan), splat(C{1}))[0] == 1);
  CHECK(std::isnan(max(splat(C{1}), splat(nan))[0]));
  CHECK(min(splat(nan), splat(C{1}))[0] == 1);
}

template <class C>
void check_masks() {
  constexpr int lanes = kLanes<C>;
  CHECK(!any(zero<C>() > zero<C>()));
  CHECK(bits(zero<C>() == zero<C>()) == (1u << lanes) - 1);
  for (int i = 0; i < lanes; ++i) {
    const auto mask = lane_numbers<C>() == splat(static_cast<C>(i));
    CHECK(bits(mask) == 1u << i);
    CHECK(any(mask));
  }
}

template <class C>
void check_sums() {
  constexpr int lanes = kLanes<C>;
  Vec<C> v[lanes];
  for (int i = 0; i < lanes; ++i) {
    for (int j = 0; j < lanes; ++j) v[i][j] = static_cast<C>(100 * i + (j * j) % 17);
  }
  const Vec<C> all = sums<C>(v);
  for (int i = 0; i < lanes; ++i) CHECK(all[i] == sum(v[i]));
}

template <class C>
void check() {
  check_lanes<C>();
  check_partial<C>();
  check_masks<C>();
  check_sums<C>();
}

}  // namespace

int main() {
  skip_unless_supported();
  check<float>();
  check<double>();
}
