// Moves chosen lanes of vectors to the front.
#pragma once

#include "simd/vector.h"

namespace recbench::RECBENCH_ISA {

// Places of scores: as many 32-bit lanes as a vector of scores has.
template <class C>
using Places = Array<std::int32_t, kLanes<C>>;

#if defined(RECBENCH_USE_AVX2)

// For each set of lanes, their numbers in order.
struct LaneLists {
  std::uint8_t lanes[256][8];
};

constexpr LaneLists list_lanes() {
  LaneLists lists{};
  for (int set = 0; set < 256; ++set) {
    int n = 0;
    for (int lane = 0; lane < 8; ++lane) {
      if (set >> lane & 1) lists.lanes[set][n++] = static_cast<std::uint8_t>(lane);
    }
  }
  return lists;
}

static constexpr LaneLists kLaneLists = list_lanes();

#endif

// Writes the lanes set in `chosen` of both vectors, in order, and returns how many they are. Up to
// a whole vector of each is written.
template <class C>
RECBENCH_INLINE std::int64_t compress(std::uint32_t chosen, Vec<C> score, Places<C> place,
                                      C* scores, std::int32_t* places) {
#if defined(RECBENCH_USE_AVX512)
  if constexpr (sizeof(C) == 4) {
    using Int = Array<int, 16>;
    const auto mask = static_cast<unsigned short>(chosen);
    const Int at = bit_cast<Int>(place);
    store(scores, Vec<float>(__builtin_ia32_compresssf512_mask(score, score, mask)));
    store(places, bit_cast<Places<C>>(__builtin_ia32_compresssi512_mask(at, at, mask)));
    return __builtin_popcount(chosen);
  }
#elif defined(RECBENCH_USE_AVX2)
  if constexpr (sizeof(C) == 4) {
    using Int = Array<int, 8>;
    Array<std::uint8_t, 8> list;
    std::memcpy(&list, kLaneLists.lanes[chosen], sizeof list);
    const Int lanes = __builtin_convertvector(list, Int);
    store(scores, Vec<float>(__builtin_ia32_permvarsf256(score, lanes)));
    store(places, bit_cast<Places<C>>(__builtin_ia32_permvarsi256(bit_cast<Int>(place), lanes)));
    return __builtin_popcount(chosen);
  }
#endif
  std::int64_t n = 0;
  for (; chosen != 0; chosen &= chosen - 1) {
    const int lane = __builtin_ctz(chosen);
    scores[n] = score[lane];
    places[n++] = place[lane];
  }
  return n;
}

}  // namespace recbench::RECBENCH_ISA
