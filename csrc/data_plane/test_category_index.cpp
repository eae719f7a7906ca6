#include "check.h"
#include "data_plane/category_index.h"

int main() {
  // Three users of 4, 0 and 3 events.
  const std::vector<std::int64_t> offsets{0, 4, 4, 7};
  const std::vector<std::int32_t> category{5, -1, 5, 2, 9, 9, 0};
  std::vector<std::int64_t> index(7);
  recbench::category_index(offsets.data(), 3, category.data(), index.data());
  CHECK((index == std::vector<std::int64_t>{1, 3, 0, 2, 6, 4, 5}));

  const recbench::CategoryRun<std::int32_t> first{index.data(), category.data(), 7, 0, 4};
  CHECK(first.lower_bound(5, 0) == 2);
  CHECK(first.lower_bound(5, 1) == 3);
  CHECK(first.lower_bound(5, 4) == 4);
  CHECK(first.lower_bound(-7, 0) == 0);

  index[1] = 7;
  CHECK_THROWS(first.lower_bound(5, 0), std::out_of_range);
  recbench::category_index<std::int32_t>(offsets.data(), 0, nullptr, nullptr);

  // Close together and far apart, categories are ordered alike.
  const std::vector<std::int64_t> whole{0, 7};
  for (const std::int32_t step : {1, 2, 1000, 1 << 28}) {
    const std::vector<std::int32_t> spread{2 * step, -step, 2 * step, 0, -step, step, 0};
    recbench::category_index(whole.data(), 1, spread.data(), index.data());
    CHECK((index == std::vector<std::int64_t>{1, 4, 3, 6, 5, 0, 2}));
  }
  const std::vector<std::int32_t> ends{INT32_MAX, INT32_MIN, 0, INT32_MIN, 1, 1, 1};
  recbench::category_index(whole.data(), 1, ends.data(), index.data());
  CHECK((index == std::vector<std::int64_t>{1, 3, 2, 4, 5, 6, 0}));

  const std::vector<std::int64_t> far{1ll << 40, -(1ll << 40), 0, 1ll << 40, 9, 9, 0};
  recbench::category_index(offsets.data(), 3, far.data(), index.data());
  CHECK((index == std::vector<std::int64_t>{1, 2, 0, 3, 6, 4, 5}));
}
