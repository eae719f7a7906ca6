// Soft search on the GPU: a block streams a part of one row's events, takes their inner products
// with one query, and keeps the best; a second kernel merges the parts.
//
// Eight lanes share an event and a warp reads 32 events at once, so that neighbouring lanes read
// neighbouring memory. The sums of the eight are then added and spread in one, such that each lane
// is left with the score of one event.
#pragma once

#include <cmath>

#include "cuda/storage.cuh"
#include "sim_search/best.cuh"
#include "sim_search/kernel.h"

namespace recbench::cuda {

constexpr int kMostFields = 8;
constexpr std::int64_t kMostFound = 1024;

// Rows are those between `offsets`, or, where they are null, the first `lengths` of `steps` events.
// An id or a boundary out of range stops the kernel.
struct SoftSearchOnDevice {
  const void* query;  // [batch, queries, width] of the compute type
  SearchField fields[kMostFields];
  int field_count;
  std::int64_t width;              // of all fields in all
  const std::int64_t* offsets;     // [batch + 1]
  const std::int64_t* lengths;     // [batch]
  std::int64_t steps, events;      // of a padded row, and in all
  std::int64_t batch, queries, k;  // k from 1 to kMostFound
  std::int64_t parts;              // into which each row is split
  void* candidates;       // [batch, queries, parts, k] packed, where there are several parts
  std::int64_t* indices;  // [batch, queries, k]
  void* scores;           // the same of the compute type
};

constexpr unsigned kSearchThreads = 128;
constexpr unsigned kSearchStride = 512;  // candidates between two looks at the buffer
constexpr unsigned kSharing = 8;         // lanes that share an event

// Room for the best k and a stride, in a power of two.
inline unsigned search_capacity(std::int64_t k) {
  return k + kSearchStride <= 1024 ? 1024 : 2048;
}

struct EventsOfPart {
  std::int64_t first;       // of the row, among all events
  std::int64_t begin, end;  // of the part, in the row
};

inline __device__ EventsOfPart events_of_part(const SoftSearchOnDevice& search, std::int64_t row,
                                              std::int64_t part) {
  std::int64_t first = row * search.steps, end;
  if (search.offsets != nullptr) {
    first = search.offsets[row];
    end = search.offsets[row + 1];
  } else {
    end = first + search.lengths[row];
    if (end - first > search.steps) __trap();
  }
  if (first < 0 || end < first || end > search.events || end - first > UINT32_MAX) __trap();
  const std::int64_t length = end - first;
  return {first, length * part / search.parts, length * (part + 1) / search.parts};
}

// Adds to `sums` what this lane's share of a field adds to the inner products of its group's
// events; `event` is the lane's own.
template <class S, int together, class C>
__device__ void add_products(const SearchField& field, std::int64_t event, const C* query,
                             C (&sums)[kSharing]) {
  std::int64_t row = event;
  if (field.ids != nullptr) {
    row = field.ids[event];
    if (row < 0 || row >= field.count) __trap();
  }
  const unsigned lane = threadIdx.x % kWarp;
  const auto* vectors = static_cast<const S*>(field.vectors);
  const S* vector[kSharing];
  for (unsigned n = 0; n < kSharing; ++n) {
    const std::int64_t of_event = __shfl_sync(kWholeWarp, row, lane / kSharing * kSharing + n);
    vector[n] = vectors + of_event * field.width;
  }
  for (std::int64_t at = lane % kSharing * together; at < field.width; at += kSharing * together) {
    Pack<S, together> read[kSharing];
    for (unsigned n = 0; n < kSharing; ++n) {
      read[n] = *reinterpret_cast<const Pack<S, together>*>(vector[n] + at);
    }
    for (int i = 0; i < together; ++i) {
      const C factor = query[at + i];
      for (unsigned n = 0; n < kSharing; ++n) sums[n] += factor * widen(read[n].values[i]);
    }
  }
}

// Adds up the sums of a group's lanes; each lane is left with the event of its own number.
template <class C>
__device__ C own_sum(C (&sums)[kSharing]) {
  const unsigned lane = threadIdx.x % kWarp;
  for (unsigned half = kSharing / 2; half > 0; half /= 2) {
    const bool upper = lane & half;
    for (unsigned n = 0; n < half; ++n) {
      const C kept = upper ? sums[n + half] : sums[n];
      const C given = upper ? sums[n] : sums[n + half];
      sums[n] = kept + __shfl_xor_sync(kWholeWarp, given, half);
    }
  }
  return sums[0];
}

template <class C>
__device__ void write_found(const SoftSearchOnDevice& search, std::int64_t at,
                            const Best<kSearchThreads, C>& best, unsigned found) {
  std::int64_t* const indices = search.indices + at * search.k;
  C* const scores = static_cast<C*>(search.scores) + at * search.k;
  for (unsigned i = threadIdx.x; i < search.k; i += kSearchThreads) {
    indices[i] = i < found ? std::int64_t{place_of<C>(best[i])} : -1;
    scores[i] = i < found ? score_of<C>(best[i]) : -static_cast<C>(INFINITY);
  }
}

// One block for each part of each query.
template <class S, int together>
__global__ void __launch_bounds__(kSearchThreads, 4)
    soft_search_kernel(SoftSearchOnDevice search, unsigned capacity) {
  using C = Compute<S>;
  RECBENCH_DYNAMIC_SHARED(Packed<C>, buffer);
  RECBENCH_SHARED(unsigned, count, 1);
  C* const query = reinterpret_cast<C*>(buffer + capacity);
  const std::int64_t at = blockIdx.x / search.parts, part = blockIdx.x % search.parts;
  const EventsOfPart events = events_of_part(search, at / search.queries, part);
  for (unsigned i = threadIdx.x; i < search.width; i += kSearchThreads) {
    query[i] = static_cast<const C*>(search.query)[at * search.width + i];
  }
  Best<kSearchThreads, C> best(buffer, count, capacity, static_cast<unsigned>(search.k));
  for (std::int64_t begin = events.begin; begin < events.end; begin += kSearchStride) {
    best.make_room(kSearchStride);
    for (unsigned n = threadIdx.x; n < kSearchStride; n += kSearchThreads) {
      if (begin + n / kWarp * kWarp >= events.end) break;  // the whole warp
      const std::int64_t place = begin + n;
      const std::int64_t read = place < events.end ? place : events.end - 1;
      C sums[kSharing] = {};
      const C* factors = query;
      for (int f = 0; f < search.field_count; ++f) {
        add_products<S, together>(search.fields[f], events.first + read, factors, sums);
        factors += search.fields[f].width;
      }
      const C score = own_sum(sums);
      best.offer(place < events.end ? pack(score, static_cast<std::uint32_t>(place))
                                    : Packed<C>{0});
    }
  }
  const unsigned found = best.finish();
  if (search.parts == 1) return write_found(search, at, best, found);
  auto* const candidates = static_cast<Packed<C>*>(search.candidates) + blockIdx.x * search.k;
  for (unsigned i = threadIdx.x; i < search.k; i += kSearchThreads) {
    candidates[i] = i < found ? best[i] : Packed<C>{0};
  }
}

// One block for each query.
template <class C>
__global__ void __launch_bounds__(kSearchThreads, 4)
    merge_parts_kernel(SoftSearchOnDevice search, unsigned capacity) {
  RECBENCH_DYNAMIC_SHARED(Packed<C>, buffer);
  RECBENCH_SHARED(unsigned, count, 1);
  const std::int64_t at = blockIdx.x, total = search.parts * search.k;
  const auto* const candidates = static_cast<const Packed<C>*>(search.candidates) + at * total;
  Best<kSearchThreads, C> best(buffer, count, capacity, static_cast<unsigned>(search.k));
  for (std::int64_t begin = 0; begin < total; begin += kSearchStride) {
    best.make_room(kSearchStride);
    for (unsigned n = threadIdx.x; n < kSearchStride; n += kSearchThreads) {
      best.offer(begin + n < total ? candidates[begin + n] : Packed<C>{0});
    }
  }
  write_found(search, at, best, best.finish());
}

// Bytes of shared memory of the search, which the device must have.
template <class S>
std::size_t soft_search_shared(std::int64_t width, std::int64_t k) {
  return search_capacity(k) * sizeof(Packed<Compute<S>>) + width * sizeof(Compute<S>);
}

template <class S>
void soft_search(const SoftSearchOnDevice& search, Stream stream) {
  using C = Compute<S>;
  const auto targets = static_cast<unsigned>(search.batch * search.queries);
  if (targets == 0) return;
  bool packs = true;
  for (int f = 0; f < search.field_count; ++f) {
    packs = packs && in_packs<S>(search.fields[f].vectors, search.fields[f].width);
  }
  const unsigned capacity = search_capacity(search.k);
  launch(packs ? soft_search_kernel<S, kPack<S>> : soft_search_kernel<S, 1>,
         targets * static_cast<unsigned>(search.parts), kSearchThreads,
         soft_search_shared<S>(search.width, search.k), stream, search, capacity);
  if (search.parts == 1) return;
  launch(merge_parts_kernel<C>, targets, kSearchThreads, capacity * sizeof(Packed<C>), stream,
         search, capacity);
}

}  // namespace recbench::cuda
