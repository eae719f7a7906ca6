// Orders each user's events by category, so that those of one category lie in one run.
//
// With two levels, user and category, this is the user behaviour tree of SIM's hard search
// (Pi et al., CIKM 2020, section 3.2), held in one flat array. The data plane keeps one of a log on
// disk, with categories of 32 bits; the operators make one of histories held as tensors of int64.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

namespace recbench {

// A user's categories are counted rather than compared where at most so many numbers an event lie
// between the least and the greatest.
constexpr std::uint64_t kCountedPerEvent = 4;

// Writes to index[user_offsets[u]..user_offsets[u + 1]) the positions of user u's events, ordered
// by (category, position). Offsets hold users + 1 ascending positions of the log.
template <typename Category>
void category_index(const std::int64_t* user_offsets, std::int64_t users, const Category* category,
                    std::int64_t* index) {
  std::vector<std::pair<Category, std::int64_t>> events;
  std::vector<std::int64_t> places;
  for (std::int64_t user = 0; user < users; ++user) {
    const std::int64_t begin = user_offsets[user], end = user_offsets[user + 1];
    if (begin == end) continue;
    const auto ends = std::minmax_element(category + begin, category + end);
    const auto least = static_cast<std::uint64_t>(*ends.first);
    const auto range = static_cast<std::uint64_t>(*ends.second) - least;
    if (range < kCountedPerEvent * static_cast<std::uint64_t>(end - begin)) {
      places.assign(range + 2, 0);
      for (std::int64_t p = begin; p < end; ++p) {
        ++places[static_cast<std::uint64_t>(category[p]) - least + 1];
      }
      for (std::uint64_t c = 1; c <= range; ++c) places[c] += places[c - 1];
      for (std::int64_t p = begin; p < end; ++p) {
        index[places[static_cast<std::uint64_t>(category[p]) - least]++] = p;
      }
    } else {
      events.clear();
      for (std::int64_t p = begin; p < end; ++p) events.emplace_back(category[p], p);
      std::sort(events.begin(), events.end());
      for (std::int64_t i = 0; i < end - begin; ++i) index[i] = events[i].second;
    }
    index += end - begin;
  }
}

// The events of one user as `category_index` laid them out: index[begin..end).
template <typename Category>
struct CategoryRun {
  const std::int64_t* index;
  const Category* category;
  std::int64_t events;  // length of `category`, the bound of every position
  std::int64_t begin;
  std::int64_t end;

  // The first place whose (category, position) is not below (wanted, position).
  std::int64_t lower_bound(Category wanted, std::int64_t position) const {
    const auto below = [&](std::int64_t p, std::int64_t bound) {
      // The index may come from a damaged file: it must not lead outside the log.
      if (p < 0 || p >= events)
        throw std::out_of_range("the index names a position not in the log");
      return category[p] < wanted || (category[p] == wanted && p < bound);
    };
    return std::lower_bound(index + begin, index + end, position, below) - index;
  }
};

}  // namespace recbench
