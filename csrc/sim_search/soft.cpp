// Soft search: streams a row's events in tiles, takes their inner products with each query, and
// keeps the best.
#include "sim_search/best.h"
#include "sim_search/kernel.h"
#include "simd/storage.h"

namespace recbench::RECBENCH_ISA {
namespace {

// The inner products of a query with as many vectors as there are lanes.
template <class C>
RECBENCH_INLINE Vec<C> products(const C* query, const C* const (&vectors)[kLanes<C>],
                                std::int64_t width) {
  Vec<C> parts[kLanes<C>] = {};
  std::int64_t i = 0;
  for (; i + kLanes<C> <= width; i += kLanes<C>) {
    const Vec<C> q = load(query + i);
    for (int lane = 0; lane < kLanes<C>; ++lane) parts[lane] += load(vectors[lane] + i) * q;
  }
  if (i < width) {
    const Vec<C> q = load_partial(query + i, width - i);
    for (int lane = 0; lane < kLanes<C>; ++lane) {
      parts[lane] += load_partial(vectors[lane] + i, width - i) * q;
    }
  }
  return sums<C>(parts);
}

// Offers `count` vectors, those of the places from `first` on, to the best of a query.
template <class C>
void offer(const C* query, const C* vectors, std::int64_t width, std::int64_t first,
           std::int64_t count, Best<C>& best) {
  Places<C> place;
  for (int lane = 0; lane < kLanes<C>; ++lane) {
    place[lane] = static_cast<std::int32_t>(first) + lane;
  }
  best.make_room(count);
  for (std::int64_t n = 0; n < count; n += kLanes<C>) {
    const std::int64_t left = count - n;
    std::uint32_t lanes = (1u << kLanes<C>)-1;
    const C* group[kLanes<C>];
    if (left >= kLanes<C>) {
      for (int lane = 0; lane < kLanes<C>; ++lane) group[lane] = vectors + (n + lane) * width;
    } else {
      // What lies behind the last vector is not the row's.
      for (int lane = 0; lane < kLanes<C>; ++lane) {
        group[lane] = vectors + (lane < left ? n + lane : count - 1) * width;
      }
      lanes = (1u << left) - 1;
    }
    const Vec<C> score = products<C>(query, group, width);
    const Vec<C> lowest = splat(static_cast<C>(-__builtin_inf()));
    best.take(lanes, select(score == score, score, lowest), place);
    place += kLanes<C>;
  }
}

// Brings the vectors of a tile together, in the compute type. False if an id names no vector.
template <class S, class C>
bool bring(const SoftSearch& search, std::int64_t first, std::int64_t count, C* scratch,
           const C*& tile) {
  tile = scratch;
  std::int64_t column = 0;
  for (std::int64_t f = 0; f < search.field_count; ++f) {
    const SearchField& field = search.fields[f];
    const auto* vectors = static_cast<const S*>(field.vectors);
    if (field.ids == nullptr) {
      tile = rows(vectors + first * field.width, scratch, count * field.width);
      return true;
    }
    for (std::int64_t n = 0; n < count; ++n) {
      const std::int64_t id = field.ids[first + n];
      // Seen as unsigned, a negative id is large.
      if (static_cast<std::uint64_t>(id) >= static_cast<std::uint64_t>(field.count)) return false;
      widen(vectors + id * field.width, scratch + n * search.width + column, field.width);
    }
    column += field.width;
  }
  return true;
}

template <class C>
void write(const SoftSearch& search, std::int64_t at, const Best<C>& best, std::int64_t found) {
  std::int64_t* const indices = search.indices + at * search.k;
  C* const scores = static_cast<C*>(search.scores) + at * search.k;
  std::memcpy(scores, best.scores(), found * sizeof(C));
  for (std::int64_t i = 0; i < found; ++i) indices[i] = best.places()[i];
  for (std::int64_t i = found; i < search.k; ++i) {
    indices[i] = -1;
    scores[i] = static_cast<C>(-__builtin_inf());
  }
}

template <class S, class C>
bool soft(const SoftSearch& search, std::int64_t begin, std::int64_t end, void* scratch) {
  const std::int64_t blocks = (search.queries + kSearchQueries - 1) / kSearchQueries;
  const std::int64_t buffer = search.capacity + kSearchMargin;
  const std::int64_t most = search.queries < kSearchQueries ? search.queries : kSearchQueries;
  C* const gathered = static_cast<C*>(scratch);
  C* const scores = gathered + kSearchTile * search.width;
  auto* const places = reinterpret_cast<std::int32_t*>(scores + (most + 1) * buffer);
  for (std::int64_t item = begin; item < end; ++item) {
    const SearchRow row = search.rows[item / blocks];
    const std::int64_t first_query = item % blocks * kSearchQueries;
    const std::int64_t left = search.queries - first_query;
    const std::int64_t queries = left < kSearchQueries ? left : kSearchQueries;
    const std::int64_t at = item / blocks * search.queries + first_query;
    const C* const query = static_cast<const C*>(search.query) + at * search.width;
    const std::int64_t k = search.k < row.length ? search.k : row.length;
    Best<C> best[kSearchQueries];
    for (std::int64_t q = 0; q < queries; ++q) {
      best[q] = Best<C>(scores + q * buffer, places + q * buffer, search.capacity, k);
    }
    for (std::int64_t n = 0; n < row.length; n += kSearchTile) {
      const std::int64_t count = row.length - n < kSearchTile ? row.length - n : kSearchTile;
      const C* vectors;
      if (!bring<S>(search, row.first + n, count, gathered, vectors)) return false;
      for (std::int64_t q = 0; q < queries; ++q) {
        offer(query + q * search.width, vectors, search.width, n, count, best[q]);
      }
    }
    for (std::int64_t q = 0; q < queries; ++q) {
      const std::int64_t found = best[q].finish(scores + most * buffer, places + most * buffer);
      write(search, at + q, best[q], found);
    }
  }
  return true;
}

}  // namespace

void hard(const HardSearch& search, std::int64_t begin, std::int64_t end);

extern const SimSearchKernels sim_search_kernels = {
    soft<float, float>, soft<double, double>, soft<BFloat16, float>, soft<Float16, float>, hard};

}  // namespace recbench::RECBENCH_ISA
