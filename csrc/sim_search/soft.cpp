// Soft search: streams a row's events in tiles, takes their inner products with each query, and
// keeps the best.
#include "sim_search/best.h"
#include "sim_search/kernel.h"
#include "simd/storage.h"

namespace recbench::RECBENCH_ISA {
namespace {

// The inner products of a query with as many vectors as there are lanes, read one after another:
// slower in the cache than `products`, and faster out of memory, which likes the order.
template <class C>
RECBENCH_INLINE Vec<C> products_in_order(const C* query, const C* vectors, std::int64_t width) {
  Vec<C> parts[kLanes<C>];
  for (int lane = 0; lane < kLanes<C>; ++lane, vectors += width) {
    Vec<C> part{};
    std::int64_t i = 0;
    for (; i + kLanes<C> <= width; i += kLanes<C>) part += load(vectors + i) * load(query + i);
    if (i < width) {
      part += load_partial(vectors + i, width - i) * load_partial(query + i, width - i);
    }
    parts[lane] = part;
  }
  return sums<C>(parts);
}

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

// The places of as many events as there are lanes, from `first` on.
template <class C>
RECBENCH_INLINE Places<C> places_from(std::int64_t first) {
  Places<C> place;
  for (int lane = 0; lane < kLanes<C>; ++lane) {
    place[lane] = static_cast<std::int32_t>(first) + lane;
  }
  return place;
}

// Offers the first `count` lanes of scores; NaN counts as minus infinity.
template <class C>
RECBENCH_INLINE void take(Vec<C> score, std::int64_t count, Places<C> place, Best<C>& best) {
  const Vec<C> lowest = splat(static_cast<C>(-__builtin_inf()));
  best.take((1u << count) - 1, select(score == score, score, lowest), place);
}

// Offers `count` vectors, those of the places from `first` on, to the best of a query.
template <class C>
void offer(const C* query, const C* vectors, std::int64_t width, std::int64_t first,
           std::int64_t count, Best<C>& best) {
  Places<C> place = places_from<C>(first);
  best.make_room(count);
  for (std::int64_t n = 0; n < count; n += kLanes<C>) {
    const std::int64_t left = count - n < kLanes<C> ? count - n : kLanes<C>;
    const C* group[kLanes<C>];
    // What lies behind the last vector is not the row's.
    for (int lane = 0; lane < kLanes<C>; ++lane) {
      group[lane] = vectors + (n + (lane < left ? lane : left - 1)) * width;
    }
    take<C>(products<C>(query, group, width), left, place, best);
    place += kLanes<C>;
  }
}

// Offers a whole tile of each stream, those of the places from `first` on, to its own best.
template <class C>
void offer_streams(const C* query, const C* const (&tiles)[kSearchStreams], std::int64_t width,
                   std::int64_t first, Best<C>* best) {
  Places<C> place = places_from<C>(first);
  for (int s = 0; s < kSearchStreams; ++s) best[s].make_room(kSearchTile);
  for (std::int64_t n = 0; n < kSearchTile; n += kLanes<C>) {
    for (int s = 0; s < kSearchStreams; ++s) {
      const Vec<C> score = products_in_order<C>(query + s * width, tiles[s] + n * width, width);
      take<C>(score, kLanes<C>, place, best[s]);
    }
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
  const std::int64_t spare = search.queries < kSearchStreams   ? kSearchStreams
                             : search.queries < kSearchQueries ? search.queries
                                                               : kSearchQueries;
  const std::int64_t tile = kSearchTile * search.width;
  C* const gathered = static_cast<C*>(scratch);
  C* const scores = gathered + kSearchStreams * tile;
  auto* const places = reinterpret_cast<std::int32_t*>(scores + (spare + 1) * buffer);
  for (std::int64_t item = begin; item < end;) {
    // What ids gather lies all over the tables anyway.
    const bool several =
        search.queries == 1 && search.fields[0].ids == nullptr && end - item >= kSearchStreams;
    const std::int64_t streams = several ? kSearchStreams : 1;
    const SearchRow* const rows = search.rows + item / blocks;
    const std::int64_t first_query = item % blocks * kSearchQueries;
    const std::int64_t left = search.queries - first_query;
    const std::int64_t queries = left < kSearchQueries ? left : kSearchQueries;
    const std::int64_t at = item / blocks * search.queries + first_query;
    const C* const query = static_cast<const C*>(search.query) + at * search.width;
    Best<C> best[kSearchQueries];
    std::int64_t shared = rows[0].length / kSearchTile * kSearchTile;
    for (std::int64_t s = 0; s < streams; ++s) {
      const std::int64_t k = search.k < rows[s].length ? search.k : rows[s].length;
      for (std::int64_t q = s; q < s + queries; ++q) {
        best[q] = Best<C>(scores + q * buffer, places + q * buffer, search.capacity, k);
      }
      const std::int64_t whole = rows[s].length / kSearchTile * kSearchTile;
      if (whole < shared) shared = whole;
    }
    if (streams == 1) shared = 0;
    const C* tiles[kSearchStreams];
    for (std::int64_t n = 0; n < shared; n += kSearchTile) {
      for (std::int64_t s = 0; s < streams; ++s) {
        if (!bring<S>(search, rows[s].first + n, kSearchTile, gathered + s * tile, tiles[s])) {
          return false;
        }
      }
      offer_streams(query, tiles, search.width, n, best);
    }
    for (std::int64_t s = 0; s < streams; ++s) {
      for (std::int64_t n = shared; n < rows[s].length; n += kSearchTile) {
        const std::int64_t rest = rows[s].length - n;
        const std::int64_t count = rest < kSearchTile ? rest : kSearchTile;
        if (!bring<S>(search, rows[s].first + n, count, gathered, tiles[0])) return false;
        for (std::int64_t q = s; q < s + queries; ++q) {
          offer(query + q * search.width, tiles[0], search.width, n, count, best[q]);
        }
      }
    }
    for (std::int64_t q = 0; q < streams * queries; ++q) {
      const std::int64_t found = best[q].finish(scores + spare * buffer, places + spare * buffer);
      write(search, at + q, best[q], found);
    }
    item += streams;
  }
  return true;
}

}  // namespace

void hard(const HardSearch& search, std::int64_t begin, std::int64_t end);

extern const SimSearchKernels sim_search_kernels = {
    soft<float, float>, soft<double, double>, soft<BFloat16, float>, soft<Float16, float>, hard};

}  // namespace recbench::RECBENCH_ISA
