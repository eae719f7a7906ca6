// Hard search by scanning: from the latest event backwards, many events at a time.
#include <cstdint>

#include "sim_search/kernel.h"
#include "simd/vector.h"

namespace recbench::RECBENCH_ISA {
namespace {

using Categories = Vec<std::int64_t>;
constexpr int kVectors = 32 / kLanes<std::int64_t>;
constexpr std::int64_t kBlock = 32;

// Bit i is set where category[i] is the target, for a block of them.
RECBENCH_INLINE std::uint32_t matches(const std::int64_t* category, std::int64_t target) {
  const Categories wanted = target - Categories{};
  std::uint32_t found = 0;
  for (int i = 0; i < kVectors; ++i) {
    const auto equal = load(category + i * kLanes<std::int64_t>) == wanted;
    found |= bits(bit_cast<Mask<double>>(equal)) << (i * kLanes<std::int64_t>);
  }
  return found;
}

}  // namespace

void hard(const HardSearch& search, std::int64_t begin, std::int64_t end) {
  const std::int64_t k = search.k;
  for (std::int64_t row = begin; row < end; ++row) {
    const std::int64_t* const category = search.category + search.rows[row].first;
    const std::int64_t target = search.target[row];
    std::int64_t* const indices = search.indices + row * k;
    std::int64_t found = 0, n = search.rows[row].length;
    for (; n >= kBlock && found < k; n -= kBlock) {
      const std::int64_t first = n - kBlock;
      for (std::uint32_t set = matches(category + first, target); set != 0 && found < k;) {
        const int last = 31 - __builtin_clz(set);
        indices[found++] = first + last;
        set ^= 1u << last;
      }
    }
    for (; n > 0 && found < k; --n) {
      if (category[n - 1] == target) indices[found++] = n - 1;
    }
    for (; found < k; ++found) indices[found] = -1;
  }
}

}  // namespace recbench::RECBENCH_ISA
