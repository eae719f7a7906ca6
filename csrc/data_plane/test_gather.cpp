#include <vector>

#include "check.h"
#include "data_plane/gather.h"

namespace {

template <typename T>
void check_widens(T low, T high) {
  const std::vector<T> column{low, 2, high};
  const std::vector<std::int64_t> positions{2, 0, 0, 1};
  std::vector<recbench::Widened<T>> values(4);
  recbench::gather(column.data(), 3, positions.data(), 4, values.data());
  CHECK((values == std::vector<recbench::Widened<T>>{high, low, low, 2}));
}

void check_refuses(std::int64_t position) {
  const std::vector<float> column{1, 2, 3};
  float value = 0;
  CHECK_THROWS(recbench::gather(column.data(), 3, &position, 1, &value), std::out_of_range);
}

}  // namespace

int main() {
  check_widens<std::int8_t>(-128, 127);
  check_widens<std::int16_t>(-32768, 32767);
  check_widens<std::int32_t>(INT32_MIN, INT32_MAX);
  check_widens<std::int64_t>(INT64_MIN, INT64_MAX);
  check_widens<float>(-0.5F, 1e30F);
  check_widens<double>(-0.5, 1e300);
  check_refuses(-1);
  check_refuses(3);
  check_refuses(INT64_MIN);
  recbench::gather<float>(nullptr, 0, nullptr, 0, nullptr);
}
