#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "check.h"
#include "sim_search/kernel.h"
#include "simd/storage.h"
#include "simd/supported.h"

namespace recbench::RECBENCH_ISA {
extern const SimSearchKernels sim_search_kernels;

namespace {

using Ints = std::vector<std::int64_t>;

std::mt19937 generator(1);

std::int64_t below(std::int64_t n) {
  return static_cast<std::int64_t>(generator() % n);
}

// Small whole numbers, so that sums are exact and often equal; now and then NaN.
double number(bool with_nan) {
  if (with_nan && below(50) == 0) return std::nan("");
  return static_cast<double>(below(9)) - 4;
}

template <class S>
void assign(S& to, double value) {
  const auto narrow_value = static_cast<float>(value);
  if constexpr (sizeof(S) == 2) {
    narrow(&narrow_value, &to, 1);
  } else {
    to = static_cast<S>(value);
  }
}

struct Shape {
  Ints lengths;
  std::int64_t queries;
  Ints widths;  // of the fields
  std::int64_t k;
  bool ids;
};

// The best k, the first of equal ones first.
Ints best_of(std::vector<double> scores, std::int64_t k) {
  Ints places;
  std::vector<bool> taken(scores.size());
  for (std::int64_t i = 0; i < k && i < static_cast<std::int64_t>(scores.size()); ++i) {
    std::int64_t best = -1;
    for (std::size_t n = 0; n < scores.size(); ++n) {
      if (!taken[n] && (best < 0 || scores[n] > scores[best])) best = static_cast<std::int64_t>(n);
    }
    taken[best] = true;
    places.push_back(best);
  }
  places.resize(k, -1);
  return places;
}

template <class S>
class SoftCase {
 public:
  using C = Compute<S>;

  explicit SoftCase(const Shape& shape) : shape_(shape) {
    for (const std::int64_t length : shape.lengths) {
      rows_.push_back({events_, length});
      events_ += length;
      longest_ = length > longest_ ? length : longest_;
    }
    for (const std::int64_t width : shape.widths) width_ += width;
    query_.resize(shape.lengths.size() * shape.queries * width_);
    for (C& value : query_) value = static_cast<C>(number(false));
    for (const std::int64_t width : shape.widths) add_field(width);
  }

  bool search(SoftSearchKernel kernel) {
    const std::int64_t rows = static_cast<std::int64_t>(rows_.size());
    const std::int64_t results = rows * shape_.queries * shape_.k;
    indices_.assign(results, -7);
    scores_.assign(results, -7);
    std::vector<SearchField> fields;
    for (std::size_t f = 0; f < values_.size(); ++f) {
      fields.push_back({values_[f].data(), shape_.ids ? ids_[f].data() : nullptr, shape_.widths[f],
                        static_cast<std::int64_t>(values_[f].size()) / shape_.widths[f]});
    }
    const std::int64_t capacity = 2 * (shape_.k < longest_ ? shape_.k : longest_) + kSearchTile;
    const SoftSearch search{query_.data(), fields.data(), static_cast<std::int64_t>(fields.size()),
                            width_,        rows_.data(),  shape_.queries,
                            shape_.k,      capacity,      indices_.data(),
                            scores_.data()};
    const std::int64_t blocks = (shape_.queries + kSearchQueries - 1) / kSearchQueries;
    std::vector<char> scratch(search_scratch(search, sizeof(C)));
    return kernel(search, 0, rows * blocks, scratch.data());
  }

  void check() const {
    std::int64_t at = 0;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      for (std::int64_t q = 0; q < shape_.queries; ++q, at += shape_.k) {
        const std::vector<double> scores = scores_of(row, q);
        const Ints places = best_of(scores, shape_.k);
        for (std::int64_t i = 0; i < shape_.k; ++i) {
          CHECK(indices_[at + i] == places[i]);
          const double lowest = -std::numeric_limits<double>::infinity();
          CHECK(scores_[at + i] == (places[i] < 0 ? lowest : scores[places[i]]));
        }
      }
    }
  }

  Ints& ids(std::size_t field) { return ids_[field]; }

 private:
  void add_field(std::int64_t width) {
    const std::int64_t count = shape_.ids ? 11 : events_;
    exact_.emplace_back(count * width);
    values_.emplace_back(count * width);
    for (std::int64_t i = 0; i < count * width; ++i) {
      exact_.back()[i] = number(true);
      assign(values_.back()[i], exact_.back()[i]);
    }
    ids_.emplace_back();
    for (std::int64_t n = 0; shape_.ids && n < events_; ++n) ids_.back().push_back(below(count));
  }

  std::vector<double> scores_of(std::size_t row, std::int64_t q) const {
    std::vector<double> scores;
    for (std::int64_t n = 0; n < rows_[row].length; ++n) {
      const C* query = query_.data() + (row * shape_.queries + q) * width_;
      double score = 0;
      for (std::size_t f = 0; f < exact_.size(); ++f) {
        const std::int64_t event = rows_[row].first + n;
        const double* vector =
            exact_[f].data() + (shape_.ids ? ids_[f][event] : event) * shape_.widths[f];
        for (std::int64_t i = 0; i < shape_.widths[f]; ++i) score += *query++ * vector[i];
      }
      scores.push_back(score == score ? score : -std::numeric_limits<double>::infinity());
    }
    return scores;
  }

  Shape shape_;
  std::int64_t events_ = 0, longest_ = 0, width_ = 0;
  std::vector<SearchRow> rows_;
  std::vector<C> query_;
  std::vector<std::vector<S>> values_;
  std::vector<std::vector<double>> exact_;
  std::vector<Ints> ids_;
  Ints indices_;
  std::vector<C> scores_;
};

template <class S>
void check_soft(SoftSearchKernel kernel) {
  const Shape shapes[] = {{{0, 1, 70, 64, 5}, 1, {8}, 4, false}, {{130, 3}, 2, {17}, 200, false},
                          {{900}, 1, {1}, 100, false},           {{400, 65}, 35, {5}, 9, false},
                          {{300, 0, 63}, 1, {16, 3}, 20, true},  {{200}, 3, {1, 32, 7}, 1, true}};
  for (const Shape& shape : shapes) {
    SoftCase<S> soft(shape);
    CHECK(soft.search(kernel));
    soft.check();
  }
  for (const std::int64_t wrong : {-1, 11}) {
    SoftCase<S> soft({{4}, 1, {3, 2}, 2, true});
    soft.ids(1)[3] = wrong;
    CHECK(!soft.search(kernel));
  }
}

void check_hard() {
  const std::vector<SearchRow> rows{{0, 5}, {5, 0}, {5, 31}, {36, 32}, {68, 33}, {101, 500}};
  std::vector<std::int64_t> category(601), target(rows.size());
  for (int round = 0; round < 20; ++round) {
    for (auto& c : category) c = below(4) - 2;
    for (auto& t : target) t = below(5) - 2;
    const std::int64_t k = 1 + below(round < 10 ? 5 : 300);
    Ints indices(rows.size() * k, -7);
    const HardSearch search{category.data(), rows.data(), target.data(), k, indices.data()};
    sim_search_kernels.hard(search, 0, static_cast<std::int64_t>(rows.size()));
    for (std::size_t row = 0; row < rows.size(); ++row) {
      std::int64_t found = 0;
      for (std::int64_t n = rows[row].length - 1; n >= 0 && found < k; --n) {
        if (category[rows[row].first + n] != target[row]) continue;
        CHECK(indices[row * k + found++] == n);
      }
      while (found < k) CHECK(indices[row * k + found++] == -1);
    }
  }
}

}  // namespace
}  // namespace recbench::RECBENCH_ISA

int main() {
  using namespace recbench::RECBENCH_ISA;
  skip_unless_supported();
  check_soft<float>(sim_search_kernels.soft_float);
  check_soft<double>(sim_search_kernels.soft_double);
  check_soft<BFloat16>(sim_search_kernels.soft_bfloat16);
  check_soft<Float16>(sim_search_kernels.soft_float16);
  check_hard();
}
