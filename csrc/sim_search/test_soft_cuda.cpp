// The soft search for GPUs, emulated, against every event's score in double.
#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "check.h"
#include "sim_search/soft.cuh"

namespace {

using namespace recbench::cuda;
using recbench::SearchField;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::mt19937 generator(1);

std::int64_t below(std::int64_t n) {
  return static_cast<std::int64_t>(generator() % n);
}

// Small whole numbers, so that sums are exact and often equal; now and then none, or an infinite
// one, or less than none.
double draw() {
  const std::int64_t special = below(120);
  if (special < 4) return special == 0 ? std::nan("") : special == 1 ? -kInfinity : -0.0;
  return static_cast<double>(below(9)) - 4;
}

template <class S>
S stored(double value) {
  if constexpr (sizeof(S) > 2) {
    return static_cast<S>(value);
  } else {
    const auto single = static_cast<float>(value);
    S half;
    recbench::RECBENCH_ISA::narrow(&single, &half, 1);
    return half;
  }
}

struct Problem {
  std::vector<std::int64_t> lengths;
  std::int64_t queries, k;
  std::vector<std::int64_t> widths;  // of the fields
  bool ids;
  bool padded;
  std::int64_t parts;
};

// Memory of exactly its size and, as torch's, aligned to 64 bytes, or off by one element.
template <class T>
class Array {
 public:
  explicit Array(std::size_t count, bool off = false)
      : memory_(new (std::align_val_t{64}) char[(count + off) * sizeof(T)]),
        data_(reinterpret_cast<T*>(memory_) + off),
        count_(count) {}
  ~Array() { ::operator delete[](memory_, std::align_val_t{64}); }
  Array(Array&& other) noexcept : memory_(other.memory_), data_(other.data_), count_(other.count_) {
    other.memory_ = nullptr;
  }
  T* data() { return data_; }
  T& operator[](std::size_t i) { return data_[i]; }
  std::size_t size() const { return count_; }

 private:
  char* memory_;
  T* data_;
  std::size_t count_;
};

template <class S>
class Case {
 public:
  using C = Compute<S>;

  Case(const Problem& problem, bool off)
      : problem_(problem),
        batch_(static_cast<std::int64_t>(problem.lengths.size())),
        width_(std::accumulate(problem.widths.begin(), problem.widths.end(), std::int64_t{0})),
        longest_(1 + *std::max_element(problem.lengths.begin(), problem.lengths.end())),
        query_(batch_ * problem.queries * width_),
        indices_(batch_ * problem.queries * problem.k),
        scores_(indices_.size()),
        candidates_(indices_.size() * problem.parts) {
    for (std::size_t i = 0; i < query_.size(); ++i) query_[i] = static_cast<C>(below(9) - 4);
    offsets_ = {0};
    for (const std::int64_t length : problem.lengths) {
      offsets_.push_back(offsets_.back() + (problem.padded ? longest_ : length));
    }
    for (const std::int64_t width : problem.widths) add_field(width, off);
  }

  void search(std::uint32_t seed) {
    SoftSearchOnDevice given{};
    given.query = query_.data();
    given.field_count = static_cast<int>(problem_.widths.size());
    for (int f = 0; f < given.field_count; ++f) {
      given.fields[f] = {values_[f].data(), problem_.ids ? ids_[f].data() : nullptr,
                         problem_.widths[f],
                         static_cast<std::int64_t>(values_[f].size()) / problem_.widths[f]};
    }
    given.width = width_;
    given.offsets = problem_.padded ? nullptr : offsets_.data();
    given.lengths = problem_.padded ? problem_.lengths.data() : nullptr;
    given.steps = problem_.padded ? longest_ : 0;
    given.events = offsets_.back();
    given.batch = batch_;
    given.queries = problem_.queries;
    given.k = problem_.k;
    given.parts = problem_.parts;
    given.candidates = candidates_.data();
    given.indices = indices_.data();
    given.scores = scores_.data();
    soft_search<S>(given, Stream{seed});
  }

  void check() {
    for (std::int64_t at = 0; at < batch_ * problem_.queries; ++at) {
      const std::vector<double> scores = scores_of(at);
      std::vector<std::int64_t> best(scores.size());
      std::iota(best.begin(), best.end(), 0);
      std::stable_sort(best.begin(), best.end(),
                       [&](std::int64_t a, std::int64_t b) { return scores[a] > scores[b]; });
      for (std::int64_t i = 0; i < problem_.k; ++i) {
        const bool there = i < static_cast<std::int64_t>(best.size());
        CHECK(indices_[at * problem_.k + i] == (there ? best[i] : -1));
        CHECK(scores_[at * problem_.k + i] == (there ? scores[best[i]] : -kInfinity));
      }
    }
  }

  std::vector<std::int64_t>& ids(std::size_t field) { return ids_[field]; }
  std::vector<std::int64_t>& offsets() { return offsets_; }

 private:
  void add_field(std::int64_t width, bool off) {
    const std::int64_t events = offsets_.back(), count = problem_.ids ? 11 : events;
    exact_.emplace_back(count * width);
    values_.emplace_back(count * width, off);
    for (std::int64_t i = 0; i < count * width; ++i) {
      exact_.back()[i] = draw();
      values_.back()[i] = stored<S>(exact_.back()[i]);
    }
    ids_.emplace_back();
    for (std::int64_t n = 0; problem_.ids && n < events; ++n) ids_.back().push_back(below(count));
  }

  std::vector<double> scores_of(std::int64_t at) {
    const std::int64_t row = at / problem_.queries;
    std::vector<double> scores;
    for (std::int64_t n = 0; n < problem_.lengths[row]; ++n) {
      const C* query = query_.data() + at * width_;
      const std::int64_t event = offsets_[row] + n;
      double score = 0;
      for (std::size_t f = 0; f < exact_.size(); ++f) {
        const std::int64_t width = problem_.widths[f];
        const double* vector = &exact_[f][(problem_.ids ? ids_[f][event] : event) * width];
        for (std::int64_t i = 0; i < width; ++i) score += *query++ * vector[i];
      }
      scores.push_back(score == score ? score : -kInfinity);
    }
    return scores;
  }

  Problem problem_;
  std::int64_t batch_, width_, longest_;
  Array<C> query_;
  std::vector<std::int64_t> offsets_;
  std::vector<Array<S>> values_;
  std::vector<std::vector<double>> exact_;
  std::vector<std::vector<std::int64_t>> ids_;
  Array<std::int64_t> indices_;
  Array<C> scores_;
  Array<Packed<C>> candidates_;
};

template <class S>
void check_search(std::uint32_t& seed) {
  const Problem problems[] = {
      {{0, 1, 70, 64, 5}, 1, 4, {16}, false, false, 1}, {{30, 3, 0}, 2, 40, {17}, false, true, 1},
      {{700, 1}, 1, 1000, {1}, false, false, 2},        {{1300}, 1, 9, {8}, false, true, 1},
      {{60, 0, 33}, 2, 20, {16, 3}, true, false, 3},    {{90, 40}, 1, 1, {32, 8}, true, false, 2},
  };
  for (const Problem& problem : problems) {
    Case<S> searched(problem, seed % 3 == 2);
    searched.search(++seed);
    searched.check();
  }
}

// A width that fills what a block has of shared memory unasked, but for the kernel's own variables.
void check_brim(std::uint32_t seed) {
  const std::int64_t buffer = 1024 * sizeof(Packed<float>);
  const auto brim = static_cast<std::int64_t>((kUnaskedShared - buffer) / sizeof(float));
  for (const std::int64_t width : {brim - 1, brim, brim + 1}) {
    Case<float> searched({{3, 40}, 1, 2, {width}, false, false, 1}, false);
    searched.search(++seed);
    searched.check();
  }
}

// Events with ever larger scores: the buffer fills again and again.
void check_rising(std::uint32_t seed) {
  const std::int64_t count = 2600, k = 600;
  std::vector<float> keys(count), query{1};
  std::iota(keys.begin(), keys.end(), 0.0f);
  std::vector<std::int64_t> lengths{count}, indices(k);
  std::vector<float> scores(k);
  SoftSearchOnDevice given{};
  given.query = query.data();
  given.fields[0] = {keys.data(), nullptr, 1, count};
  given.field_count = 1;
  given.width = 1;
  given.lengths = lengths.data();
  given.steps = given.events = count;
  given.batch = given.queries = given.parts = 1;
  given.k = k;
  given.indices = indices.data();
  given.scores = scores.data();
  soft_search<float>(given, Stream{seed});
  for (std::int64_t i = 0; i < k; ++i) CHECK(indices[i] == count - 1 - i);
}

// What is out of range stops the kernel before it reads there.
void check_refusals() {
  for (const std::int64_t wrong : {-1, 11}) {
    Case<float> searched({{4, 40}, 1, 2, {3, 2}, true, false, 1}, false);
    searched.ids(1)[43] = wrong;
    CHECK_THROWS(searched.search(1), recbench::emulation::Trap);
  }
  for (const std::int64_t wrong : {-1, 45}) {
    Case<float> searched({{4, 40}, 1, 2, {3}, false, false, 1}, false);
    searched.offsets()[1] = wrong;
    CHECK_THROWS(searched.search(1), recbench::emulation::Trap);
  }
}

}  // namespace

// On a GPU, where multiply-adds are fused, a sum may end at -0; it is as good as 0.
void check_signs_of_zero() {
  CHECK(recbench::cuda::pack<float>(-0.0f, 3) == recbench::cuda::pack<float>(0.0f, 3));
  CHECK(recbench::cuda::pack<double>(-0.0, 3) == recbench::cuda::pack<double>(0.0, 3));
}

int main() {
  std::uint32_t seed = 0;
  check_search<float>(seed);
  check_search<double>(seed);
  check_search<BFloat16>(seed);
  check_search<Float16>(seed);
  check_brim(3);
  check_rising(7);
  check_refusals();
  check_signs_of_zero();
}
