// What the kernels of the two searches take and give; operator.cpp has checked it.
#pragma once

#include <cstdint>

#include "simd/dispatch.h"

namespace recbench {

// Where the vectors of a field of events lie. Event n's vector is the one numbered ids[n], or n
// where there are no ids.
struct SearchField {
  const void* vectors;  // [count, width] of the storage type
  const std::int64_t* ids;
  std::int64_t width;
  std::int64_t count;
};

// The events of a row: [first, first + length).
struct SearchRow {
  std::int64_t first;
  std::int64_t length;
};

struct SoftSearch {
  const void* query;  // [rows, queries, width] of the compute type
  const SearchField* fields;
  std::int64_t field_count;
  std::int64_t width;  // of all fields in all
  const SearchRow* rows;
  std::int64_t queries;
  std::int64_t k;
  std::int64_t capacity;  // of the buffer in which a query's best are gathered
  std::int64_t* indices;  // [rows, queries, k]
  void* scores;           // the same of the compute type
};

// Queries of a row that are searched for together, while a tile of its events lies in the cache.
constexpr std::int64_t kSearchQueries = 16;
constexpr std::int64_t kSearchTile = 64;
// Rows that are searched in turns where each has one query: memory gives two streams more than one.
constexpr std::int64_t kSearchStreams = 2;
// Elements that a vector may be written beyond the end of a buffer.
constexpr std::int64_t kSearchMargin = 16;

struct HardSearch {
  const std::int64_t* category;
  const SearchRow* rows;  // of each target
  const std::int64_t* target;
  std::int64_t k;
  std::int64_t* indices;  // [targets, k]
};

// Bytes of scratch memory of one call, `compute_bytes` being the size of the compute type.
inline std::int64_t search_scratch(const SoftSearch& search, std::int64_t compute_bytes) {
  std::int64_t buffers = search.queries < kSearchQueries ? search.queries : kSearchQueries;
  if (buffers < kSearchStreams) buffers = kSearchStreams;
  const std::int64_t buffered = (buffers + 1) * (search.capacity + kSearchMargin);
  const std::int64_t gathered = kSearchStreams * kSearchTile * search.width;
  return (gathered + buffered) * compute_bytes +
         buffered * static_cast<std::int64_t>(sizeof(std::int32_t));
}

// Searches for the blocks of queries [begin, end), of which each row has
// ceil(queries / kSearchQueries). False if an id names no vector.
using SoftSearchKernel = bool (*)(const SoftSearch& search, std::int64_t begin, std::int64_t end,
                                  void* scratch);

struct SimSearchKernels {
  SoftSearchKernel soft_float;
  SoftSearchKernel soft_double;
  SoftSearchKernel soft_bfloat16;
  SoftSearchKernel soft_float16;
  // Searches for the targets [begin, end).
  void (*hard)(const HardSearch& search, std::int64_t begin, std::int64_t end);
};

RECBENCH_FOR_EACH_ISA(extern const SimSearchKernels sim_search_kernels;)

}  // namespace recbench
