#include <random>

#include "check.h"
#include "data_plane/window.h"

namespace {

using Positions = std::vector<std::int64_t>;

void check_window() {
  const Positions starts{0, 3, 5}, stops{3, 3, 9};
  const auto last_two = recbench::window(starts.data(), stops.data(), 3, 2);
  CHECK((last_two.offsets == Positions{0, 2, 2, 4}));
  CHECK((last_two.positions == Positions{1, 2, 7, 8}));
  const auto all = recbench::window(starts.data(), stops.data(), 3, -1);
  CHECK((all.positions == Positions{0, 1, 2, 5, 6, 7, 8}));
  CHECK(recbench::window(starts.data(), stops.data(), 3, 0).positions.empty());
  CHECK((recbench::window(nullptr, nullptr, 0, 5).offsets == Positions{0}));
}

// The definition, event by event.
Positions choose(const std::vector<std::int32_t>& category, std::int64_t start, std::int64_t stop,
                 std::int64_t recent, std::int64_t same_category, std::int64_t wanted) {
  Positions chosen;
  for (std::int64_t p = stop - 1; p >= start; --p) {
    const bool is_match = category[p] == wanted && same_category-- > 0;
    if (is_match || stop - p <= recent) chosen.insert(chosen.begin(), p);
  }
  return chosen;
}

void check_window_with_category() {
  std::mt19937 random(1);
  const auto below = [&](std::int64_t n) { return static_cast<std::int64_t>(random() % n); };
  for (int round = 0; round < 500; ++round) {
    const std::int64_t before = below(5), events = before + 1 + below(30);
    std::vector<std::int32_t> category(events);
    for (auto& c : category) c = static_cast<std::int32_t>(below(4));
    const Positions user_offsets{0, before, events};
    Positions index(events);
    recbench::category_index(user_offsets.data(), 2, category.data(), index.data());

    const std::int64_t start = before + below(events - before);
    const std::int64_t stop = start + below(events - start + 1);
    const std::int64_t recent = below(8), same_category = below(5), wanted = below(5);
    const recbench::CategoryQuery query{&before,      &events,         &wanted,
                                        index.data(), category.data(), events};
    const auto chosen =
        recbench::window_with_category(&start, &stop, 1, recent, same_category, query);
    CHECK(chosen.positions == choose(category, start, stop, recent, same_category, wanted));
    CHECK(chosen.offsets[1] == static_cast<std::int64_t>(chosen.positions.size()));
  }
}

}  // namespace

int main() {
  check_window();
  check_window_with_category();
}
