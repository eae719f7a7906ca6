// The hard search for GPUs, emulated, in both of its forms.
#include <algorithm>
#include <random>
#include <vector>

#include "check.h"
#include "sim_search/hard.cuh"

namespace {

using namespace recbench::cuda;
using Ints = std::vector<std::int64_t>;

std::mt19937 generator(1);

std::int64_t below(std::int64_t n) {
  return static_cast<std::int64_t>(generator() % n);
}

struct Case {
  Ints category, offsets, target, rows, index, indices;
  std::int64_t k;

  // Targets have rows of their own order where `shared`, else one a row.
  Case(const Ints& lengths, bool shared, std::int64_t found) : offsets{0}, k(found) {
    for (const std::int64_t length : lengths) {
      const std::int64_t first = offsets.back(), end = first + length;
      offsets.push_back(end);
      for (std::int64_t n = first; n < end; ++n) {
        category.push_back(below(5) - 2);
        index.push_back(n);
      }
      std::stable_sort(index.begin() + first, index.end(),
                       [&](std::int64_t a, std::int64_t b) { return category[a] < category[b]; });
    }
    for (std::size_t i = 0; i < (shared ? 9 : lengths.size()); ++i) {
      target.push_back(below(6) - 3);
      if (shared) rows.push_back(below(static_cast<std::int64_t>(lengths.size())));
    }
  }

  void search(bool with_index, std::uint32_t seed) {
    indices.assign(target.size() * k, -7);
    const auto size = [](const Ints& of) { return static_cast<std::int64_t>(of.size()); };
    const auto search = with_index ? hard_search<true> : hard_search<false>;
    search({category.data(), offsets.data(), target.data(), rows.empty() ? nullptr : rows.data(),
            with_index ? index.data() : nullptr, size(category), size(offsets) - 1, size(target), k,
            indices.data()},
           Stream{seed});
  }

  void check() const {
    for (std::size_t at = 0; at < target.size(); ++at) {
      const std::size_t row = rows.empty() ? at : static_cast<std::size_t>(rows[at]);
      std::int64_t found = 0;
      for (std::int64_t n = offsets[row + 1] - 1; n >= offsets[row] && found < k; --n) {
        if (category[n] != target[at]) continue;
        CHECK(indices[at * k + found++] == n - offsets[row]);
      }
      while (found < k) CHECK(indices[at * k + found++] == -1);
    }
  }
};

void check_search() {
  std::uint32_t seed = 0;
  for (const bool shared : {false, true}) {
    for (const std::int64_t k : {1, 3, 70}) {
      Case searched({0, 1, 31, 32, 33, 200}, shared, k);
      for (const bool with_index : {false, true}) {
        searched.search(with_index, ++seed);
        searched.check();
      }
    }
  }
  Case nothing({}, false, 3);
  nothing.search(false, 1);
}

// What is out of range stops the kernel before it reads there.
void check_refusals() {
  for (const std::int64_t wrong : {-1, 3}) {
    Case searched({4, 40, 2}, true, 2);
    searched.rows[8] = wrong;
    CHECK_THROWS(searched.search(false, 1), recbench::emulation::Trap);
  }
  for (const std::int64_t wrong : {-1, 47}) {
    Case searched({4, 40, 2}, false, 2);
    searched.offsets[2] = wrong;
    CHECK_THROWS(searched.search(false, 1), recbench::emulation::Trap);
    Case indexed({4, 40, 2}, false, 2);
    std::fill(indexed.index.begin(), indexed.index.end(), wrong);
    CHECK_THROWS(indexed.search(true, 1), recbench::emulation::Trap);
  }
  // Another row's event, of the category that is looked for.
  Case indexed({4, 40, 2}, false, 2);
  std::fill(indexed.index.begin(), indexed.index.end(), 0);
  indexed.target[1] = indexed.category[0];
  CHECK_THROWS(indexed.search(true, 1), recbench::emulation::Trap);
}

}  // namespace

int main() {
  check_search();
  check_refusals();
}
