// Reads scattered rows of a column, widened to the type that models take.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace recbench {

// Integers become int64, the type of embedding indices; floats stay as they are.
template <typename T>
using Widened = std::conditional_t<std::is_integral_v<T>, std::int64_t, T>;

// Writes column[positions[i]] to values[i]. A position outside [0, rows) throws std::out_of_range.
template <typename T>
void gather(const T* column, std::int64_t rows, const std::int64_t* positions, std::int64_t count,
            Widened<T>* values) {
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t position = positions[i];
    // Seen as unsigned, a negative position is large: one comparison guards both ends.
    if (static_cast<std::uint64_t>(position) >= static_cast<std::uint64_t>(rows)) {
      throw std::out_of_range("position " + std::to_string(position) +
                              " is outside the column, which has " + std::to_string(rows) +
                              " rows");
    }
    values[i] = column[position];
  }
}

}  // namespace recbench
