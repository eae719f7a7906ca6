// Hard search on the GPU: a warp for each target, which reads its row backwards, or looks its
// category up in the row's index.
#pragma once

#include "cuda/device.cuh"

namespace recbench::cuda {

// A boundary, a row or an event of the index that is out of range stops the kernel.
struct HardSearchOnDevice {
  const std::int64_t* category;  // [events]
  const std::int64_t* offsets;   // [batch + 1]
  const std::int64_t* target;    // [targets]
  const std::int64_t* rows;      // [targets]; null where each row has its one target
  const std::int64_t* index;     // [events], each row's by category, then by time
  std::int64_t events, batch, targets;
  std::int64_t k;         // at least 1
  std::int64_t* indices;  // [targets, k]
};

constexpr unsigned kHardThreads = 128;

struct SearchedRow {
  std::int64_t begin, end;  // among all events
};

inline __device__ SearchedRow searched_row(const HardSearchOnDevice& search, std::int64_t at) {
  const std::int64_t row = search.rows != nullptr ? search.rows[at] : at;
  if (row < 0 || row >= search.batch) __trap();
  const SearchedRow searched{search.offsets[row], search.offsets[row + 1]};
  if (searched.begin < 0 || searched.end < searched.begin || searched.end > search.events) __trap();
  return searched;
}

// Writes the latest k of the row's events in the target's category, and returns how many they are.
inline __device__ std::int64_t scan(const HardSearchOnDevice& search, SearchedRow row,
                                    std::int64_t target, std::int64_t* indices) {
  const unsigned lane = threadIdx.x % kWarp;
  std::int64_t found = 0;
  for (std::int64_t end = row.end; end > row.begin && found < search.k; end -= kWarp) {
    const std::int64_t event = end - 1 - lane;  // lane 0 has the latest
    const bool matches = event >= row.begin && search.category[event] == target;
    const unsigned all = __ballot_sync(kWholeWarp, matches);
    const std::int64_t rank = found + __popc(all & ((1u << lane) - 1));
    if (matches && rank < search.k) indices[rank] = event - row.begin;
    found += __popc(all);
  }
  return found;
}

// Where in the row's index the first event lies whose category is above the target, or equal to it.
inline __device__ std::int64_t first_in_index(const HardSearchOnDevice& search, SearchedRow row,
                                              std::int64_t target, bool above) {
  while (row.begin < row.end) {
    const std::int64_t middle = row.begin + (row.end - row.begin) / 2;
    const std::int64_t event = search.index[middle];
    if (event < 0 || event >= search.events) __trap();
    const std::int64_t category = search.category[event];
    if (category < target || (above && category == target)) {
      row.begin = middle + 1;
    } else {
      row.end = middle;
    }
  }
  return row.begin;
}

inline __device__ std::int64_t look_up(const HardSearchOnDevice& search, SearchedRow row,
                                       std::int64_t target, std::int64_t* indices) {
  const unsigned lane = threadIdx.x % kWarp;
  const std::int64_t bound = first_in_index(search, row, target, lane % 2 == 1);
  const std::int64_t first = __shfl_sync(kWholeWarp, bound, 0);
  const std::int64_t end = __shfl_sync(kWholeWarp, bound, 1);
  for (std::int64_t rank = lane; rank < end - first && rank < search.k; rank += kWarp) {
    const std::int64_t event = search.index[end - 1 - rank];
    if (event < row.begin || event >= row.end) __trap();
    indices[rank] = event - row.begin;
  }
  return end - first;
}

template <bool with_index>
__global__ void __launch_bounds__(kHardThreads) hard_search_kernel(HardSearchOnDevice search) {
  const std::int64_t at = std::int64_t{blockIdx.x} * (kHardThreads / kWarp) + threadIdx.x / kWarp;
  if (at >= search.targets) return;
  const SearchedRow row = searched_row(search, at);
  std::int64_t* const indices = search.indices + at * search.k;
  const std::int64_t target = search.target[at];
  const std::int64_t found =
      with_index ? look_up(search, row, target, indices) : scan(search, row, target, indices);
  for (std::int64_t rank = found + threadIdx.x % kWarp; rank < search.k; rank += kWarp) {
    indices[rank] = -1;
  }
}

// Without an index `search.index` is not read.
template <bool with_index>
void hard_search(const HardSearchOnDevice& search, Stream stream) {
  constexpr unsigned warps = kHardThreads / kWarp;
  if (search.targets == 0) return;
  const auto blocks = static_cast<unsigned>((search.targets + warps - 1) / warps);
  launch(hard_search_kernel<with_index>, blocks, kHardThreads, 0, stream, search);
}

}  // namespace recbench::cuda
