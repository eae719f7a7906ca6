// The best of a stream of scores: survivors of a running threshold go to a small buffer, which is
// cut to the best k whenever it is full. They stand there in the order of their places, so that of
// equal scores the earlier one stands first, and is kept.
#pragma once

#include "sim_search/compress.h"
#include "simd/vector.h"

namespace recbench::RECBENCH_ISA {
namespace {

// Numbers of floats: the larger a float, the larger its number.
std::int64_t number_of(float value) {
  const auto bits = bit_cast<std::int32_t>(value);
  return bits ^ ((bits >> 31) & INT32_MAX);
}
std::int64_t number_of(double value) {
  const auto bits = bit_cast<std::int64_t>(value);
  return bits ^ ((bits >> 63) & INT64_MAX);
}
void set_to_number(float& value, std::int64_t number) {
  const auto bits = static_cast<std::int32_t>(number);
  value = bit_cast<float>(bits ^ ((bits >> 31) & INT32_MAX));
}
void set_to_number(double& value, std::int64_t number) {
  value = bit_cast<double>(number ^ ((number >> 63) & INT64_MAX));
}

template <class C>
class Best {
 public:
  Best() = default;
  // Memory for `capacity` scores and places, at least k + k / 8, and a vector's margin.
  Best(C* scores, std::int32_t* places, std::int64_t capacity, std::int64_t k)
      : scores_(scores), places_(places), capacity_(capacity), k_(k) {}

  const C* scores() const { return scores_; }
  const std::int32_t* places() const { return places_; }

  // Makes room for `more` scores to take.
  void make_room(std::int64_t more) {
    if (count_ + more > capacity_) keep(k_ + k_ / 8);
  }

  // Takes the chosen lanes of the scores that come next; no NaN may be among them.
  __attribute__((always_inline)) void take(std::uint32_t lanes, Vec<C> score, Places<C> place) {
    // Until there is a threshold it is NaN, and nothing is below or equal to that.
    lanes &= ~bits(score <= splat(threshold_));
    count_ += compress<C>(lanes, score, place, scores_ + count_, places_ + count_);
  }

  // Cuts to the best k at most, sorts them, the best first, and returns how many they are. They
  // may then lie in the spare memory, which is as large as that of the buffer.
  std::int64_t finish(C* spare_scores, std::int32_t* spare_places) {
    keep(k_);
    sort_runs(spare_scores, spare_places);
    exchange(spare_scores, spare_places);
    for (std::int64_t run = kRun; run < count_; run *= 2) {
      for (std::int64_t begin = 0; begin < count_; begin += 2 * run) {
        merge(begin, end_of(begin + run), end_of(begin + 2 * run), spare_scores, spare_places);
      }
      exchange(spare_scores, spare_places);
    }
    return count_;
  }

 private:
  static constexpr std::int64_t kRun = 64;
  static constexpr C kInfinity = static_cast<C>(__builtin_inf());
  static constexpr C kNaN = static_cast<C>(__builtin_nan(""));

  std::int64_t end_of(std::int64_t end) const { return end < count_ ? end : count_; }

  // Cuts to the best k or, where that takes fewer steps, to some more but not above `most`.
  void keep(std::int64_t most) {
    if (count_ <= most) return;
    end_with_nan();
    // Bisects for the largest threshold that k scores reach; it lies in [low, high).
    const bool first = threshold_ != threshold_;
    std::int64_t low = number_of(first ? -kInfinity : threshold_);
    std::int64_t high = number_of(kInfinity) + 1;
    std::int64_t reached = count_;
    while (reached > most) {
      const auto width = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
      if (width == 1) break;
      const std::int64_t middle = low + static_cast<std::int64_t>(width / 2);
      C value;
      set_to_number(value, middle);
      const std::int64_t count = count_reaching(value);
      if (count >= k_) {
        low = middle;
        reached = count;
      } else {
        high = middle;
      }
    }
    set_to_number(threshold_, low);
    drop_below_threshold();
    if (count_ > most) drop_latest_at_threshold();
  }

  // The lanes after the last score are looked at too: NaN reaches no threshold.
  void end_with_nan() { store(scores_ + count_, splat(kNaN)); }

  std::int64_t count_reaching(C value) const {
    Mask<C> counts{};
    for (std::int64_t i = 0; i < count_; i += kLanes<C>) {
      counts -= load(scores_ + i) >= splat(value);
    }
    std::int64_t count = 0;
    for (int lane = 0; lane < kLanes<C>; ++lane) count += counts[lane];
    return count;
  }

  void drop_below_threshold() {
    std::int64_t kept = 0;
    for (std::int64_t i = 0; i < count_; i += kLanes<C>) {
      const Vec<C> score = load(scores_ + i);
      Places<C> place;
      std::memcpy(&place, places_ + i, sizeof place);
      const std::uint32_t reaching = bits(score >= splat(threshold_));
      kept += compress<C>(reaching, score, place, scores_ + kept, places_ + kept);
    }
    count_ = kept;
  }

  // Of the scores equal to the threshold, the first ones stay, as many as are wanted.
  void drop_latest_at_threshold() {
    std::int64_t above = 0;
    for (std::int64_t i = 0; i < count_; ++i) above += scores_[i] > threshold_;
    std::int64_t kept = 0, wanted = k_ - above;
    for (std::int64_t i = 0; i < count_; ++i) {
      const bool equal = scores_[i] == threshold_;
      scores_[kept] = scores_[i];
      places_[kept] = places_[i];
      kept += !equal || wanted > 0;
      wanted -= equal;
    }
    count_ = kept;
  }

  // Sorts runs of kRun: a score's rank is the number of those larger, or equal and earlier.
  void sort_runs(C* scores, std::int32_t* places) {
    end_with_nan();
    Mask<C> numbers;
    for (int lane = 0; lane < kLanes<C>; ++lane) numbers[lane] = lane;
    for (std::int64_t begin = 0; begin < count_; begin += kRun) {
      const std::int64_t end = end_of(begin + kRun);
      for (std::int64_t block = begin; block < end; block += kLanes<C>) {
        const Vec<C> score = load(scores_ + block);
        const std::int64_t after = block + kLanes<C> < end ? block + kLanes<C> : end;
        Mask<C> rank{};
        for (std::int64_t j = begin; j < block; ++j) rank -= splat(scores_[j]) >= score;
        for (std::int64_t j = block; j < after; ++j) {
          const Vec<C> other = splat(scores_[j]);
          const Mask<C> later = numbers > static_cast<int>(j - block);
          rank -= (other > score) | ((other == score) & later);
        }
        for (std::int64_t j = after; j < end; ++j) rank -= splat(scores_[j]) > score;
        for (std::int64_t i = block; i < after; ++i) {
          scores[begin + rank[i - block]] = scores_[i];
          places[begin + rank[i - block]] = places_[i];
        }
      }
    }
  }

  // Merges the sorted runs [begin, middle) and [middle, end); of equal scores, those of the first
  // run, which are earlier, go first.
  void merge(std::int64_t begin, std::int64_t middle, std::int64_t end, C* scores,
             std::int32_t* places) const {
    std::int64_t a = begin, b = middle, to = begin;
    while (a < middle && b < end) {
      const bool second = scores_[b] > scores_[a];
      const std::int64_t from = second ? b : a;
      scores[to] = scores_[from];
      places[to++] = places_[from];
      b += second;
      a += !second;
    }
    const std::int64_t from = a < middle ? a : b;
    std::memcpy(scores + to, scores_ + from, (end - to) * sizeof(C));
    std::memcpy(places + to, places_ + from, (end - to) * sizeof(std::int32_t));
  }

  void exchange(C*& scores, std::int32_t*& places) {
    C* const sorted_scores = scores;
    std::int32_t* const sorted_places = places;
    scores = scores_;
    places = places_;
    scores_ = sorted_scores;
    places_ = sorted_places;
  }

  C* scores_ = nullptr;
  std::int32_t* places_ = nullptr;
  std::int64_t capacity_ = 0;
  std::int64_t k_ = 0;
  std::int64_t count_ = 0;
  C threshold_ = kNaN;
};

}  // namespace
}  // namespace recbench::RECBENCH_ISA
