#include <cmath>
#include <initializer_list>
#include <memory>

#include "check.h"
#include "simd/scratch.h"
#include "simd/supported.h"
#include "simd/tile.h"

namespace {

using namespace recbench::RECBENCH_ISA;

// Exactly n values on the heap, so that the address sanitizer sees a read or write beyond.
template <class C>
std::unique_ptr<C[]> values(std::int64_t n, int seed) {
  std::unique_ptr<C[]> made(new C[n]);
  for (std::int64_t i = 0; i < n; ++i) made[i] = static_cast<C>((i * 37 + seed) % 23 - 11);
  return made;
}

// Small whole numbers, so that every order of addition gives the same sum.
template <class C>
void check_multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth, bool transposed) {
  const std::int64_t a_stride = depth + 3;
  const std::int64_t c_stride = columns + 2;
  const auto a = values<C>(rows > 0 ? (rows - 1) * a_stride + depth : 0, 1);
  const auto b = values<C>(depth * columns, 2);
  const auto c = values<C>(rows * c_stride, 3);
  const auto before = values<C>(rows * c_stride, 3);
  const std::int64_t row_stride = transposed ? 1 : columns;
  const std::int64_t column_stride = transposed ? depth : 1;

  const std::unique_ptr<C[]> packed(new C[packed_size<C>(depth, columns)]);
  pack(b.get(), row_stride, column_stride, depth, columns, packed.get());
  multiply_add(c.get(), c_stride, rows, columns, a.get(), a_stride, packed.get(), depth);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < c_stride; ++j) {
      C expected = before[r * c_stride + j];
      for (std::int64_t k = 0; j < columns && k < depth; ++k) {
        expected += a[r * a_stride + k] * b[k * row_stride + j * column_stride];
      }
      CHECK(c[r * c_stride + j] == expected);
    }
  }
}

template <class C>
void check() {
  for (std::int64_t rows = 0; rows <= 2 * kTileRows + 1; ++rows) {
    for (std::int64_t columns = 0; columns <= 2 * kTileColumns<C> + 1; ++columns) {
      check_multiply<C>(rows, columns, 5, false);
    }
  }
  for (const std::int64_t depth : {0, 1, 2, 36, 64}) {
    check_multiply<C>(2 * kTileRows + 1, 40, depth, false);
    check_multiply<C>(2 * kTileRows + 1, 40, depth, true);
  }
}

template <class C>
void check_padding() {
  const C one = 1;
  const Scratch<C> packed(packed_size<C>(1, 1));
  pack(&one, 1, 1, 1, 1, packed.data());
  CHECK(packed.data()[0] == 1);
  for (int i = 1; i < kLanes<C>; ++i) CHECK(packed.data()[i] == 0);
}

template <class C>
void check_scratch() {
  for (const std::int64_t count : {0, 1, 1000}) {
    Scratch<C> scratch(count);
    CHECK(reinterpret_cast<std::uintptr_t>(scratch.data()) % 64 == 0);
    scratch.clear(count);
    for (std::int64_t i = 0; i < count; ++i) CHECK(scratch.data()[i] == 0);
  }
}

}  // namespace

int main() {
  skip_unless_supported();
  check<float>();
  check<double>();
  check_padding<float>();
  check_padding<double>();
  check_scratch<float>();
  check_scratch<double>();
}
