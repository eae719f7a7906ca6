// Chooses which events of each history a model reads, without touching the others.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "data_plane/category_index.h"

namespace recbench {

// Rows of unequal length: those of row b are positions[offsets[b]..offsets[b + 1]).
struct Jagged {
  std::vector<std::int64_t> offsets;
  std::vector<std::int64_t> positions;
};

// Where the last `recent` positions of [start, stop) begin; -1 stands for all of them.
inline std::int64_t recent_begin(std::int64_t start, std::int64_t stop, std::int64_t recent) {
  return recent < 0 || recent > stop - start ? start : stop - recent;
}

// The last `recent` positions of each slice [starts[b], stops[b]), in order.
inline Jagged window(const std::int64_t* starts, const std::int64_t* stops, std::int64_t rows,
                     std::int64_t recent) {
  Jagged chosen{std::vector<std::int64_t>(rows + 1), {}};
  for (std::int64_t b = 0; b < rows; ++b) {
    const std::int64_t length = stops[b] - recent_begin(starts[b], stops[b], recent);
    chosen.offsets[b + 1] = chosen.offsets[b] + length;
  }
  chosen.positions.resize(chosen.offsets[rows]);
  for (std::int64_t b = 0; b < rows; ++b) {
    const auto row = chosen.positions.begin();
    std::iota(row + chosen.offsets[b], row + chosen.offsets[b + 1],
              recent_begin(starts[b], stops[b], recent));
  }
  return chosen;
}

// The places in a run of the last `count` events of category `wanted` in [start, recent), where
// `count` also covers those in [recent, stop), which are chosen already.
struct Matches {
  std::int64_t begin;
  std::int64_t end;
};

inline Matches find_matches(const CategoryRun<std::int32_t>& run, std::int32_t wanted,
                            std::int64_t start, std::int64_t recent, std::int64_t stop,
                            std::int64_t count) {
  const std::int64_t first = run.lower_bound(wanted, start);
  const std::int64_t seen = run.lower_bound(wanted, recent);
  const std::int64_t last = run.lower_bound(wanted, stop);
  const std::int64_t begin = count < last - first ? last - count : first;
  return {std::min(begin, seen), seen};
}

// What `window_with_category` reads beside the slices, a row each, and the log they lie in.
struct CategoryQuery {
  const std::int64_t* user_starts;
  const std::int64_t* user_stops;
  const std::int64_t* wanted;
  const std::int64_t* index;
  const std::int32_t* category;
  std::int64_t events;
};

// In order and without duplicates: the last `recent` positions of each slice, and the last
// `same_category` positions in it whose category is `wanted[b]`. O(log n + chosen) a row, for a
// user of n events.
inline Jagged window_with_category(const std::int64_t* starts, const std::int64_t* stops,
                                   std::int64_t rows, std::int64_t recent,
                                   std::int64_t same_category, const CategoryQuery& query) {
  using Limits = std::numeric_limits<std::int32_t>;
  Jagged chosen{std::vector<std::int64_t>(rows + 1), {}};
  for (std::int64_t b = 0; b < rows; ++b) {
    const std::int64_t begin = recent_begin(starts[b], stops[b], recent);
    const std::int64_t wanted = query.wanted[b];
    if (begin > starts[b] && wanted >= Limits::min() && wanted <= Limits::max()) {
      const CategoryRun<std::int32_t> run{query.index, query.category, query.events,
                                          query.user_starts[b], query.user_stops[b]};
      const Matches matches = find_matches(run, static_cast<std::int32_t>(wanted), starts[b], begin,
                                           stops[b], same_category);
      chosen.positions.insert(chosen.positions.end(), query.index + matches.begin,
                              query.index + matches.end);
    }
    const std::size_t before = chosen.positions.size();
    chosen.positions.resize(before + (stops[b] - begin));
    std::iota(chosen.positions.begin() + before, chosen.positions.end(), begin);
    chosen.offsets[b + 1] = static_cast<std::int64_t>(chosen.positions.size());
  }
  return chosen;
}

}  // namespace recbench
