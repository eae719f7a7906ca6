// One history at a time: its scores, block by block of steps, and its weighted sum.
#pragma once

#include "din_attention/activation.h"

namespace recbench::RECBENCH_ISA {

// Rows that share a product with their queries.
constexpr std::int64_t kGroup = 16;

RECBENCH_INLINE std::int64_t clamped_length(const DinAttentionArguments& given, std::int64_t row) {
  const std::int64_t length = given.lengths[row];
  return length < 0 ? 0 : length < given.steps ? length : given.steps;
}

// `rows` rows of `width` values that can be read in whole vectors: `from` itself where it can be,
// else widened and filled up in `spare`.
template <class S, class C>
RECBENCH_INLINE Matrix<const C> whole_vectors(const S* from, std::int64_t rows, std::int64_t width,
                                              C* spare) {
  if constexpr (sizeof(S) == sizeof(C)) {
    if (width % kLanes<C> == 0) return {from, width};
  }
  widen_rows(from, rows, width, spare, padded<C>(width));
  return {spare, padded<C>(width)};
}

// The hidden layers of a block of steps. Sums before activation are kept apart on demand.
template <class C>
struct Hidden {
  Hidden(const Widths<C>& widths, std::int64_t steps, bool keep_sums, Parts& parts) {
    values1 = parts.take<C>(steps * widths.padded1);
    values2 = parts.take<C>(steps * widths.padded2);
    sums1 = keep_sums ? parts.take<C>(steps * widths.padded1) : values1;
    sums2 = keep_sums ? parts.take<C>(steps * widths.padded2) : values2;
  }

  C *sums1, *values1;  // [steps, padded1]
  C *sums2, *values2;  // [steps, padded2]
};

// Writes the matrix that turns a row's keys into its first layer: key + product diag(query).
template <class C>
static void fold(const Weights<C>& w, const C* query, C* to) {
  const std::int64_t columns = w.widths.padded1;
  for (std::int64_t d = 0; d < w.widths.width; ++d) {
    const Vec<C> factor = splat(query[d]);
    for (std::int64_t at = d * columns; at < (d + 1) * columns; at += kLanes<C>) {
      store(to + at, load(w.in.key + at) + factor * load(w.in.product + at));
    }
  }
}

// scores[t] = row t of `values` times `weights` + bias.
template <class C>
static void score_rows(std::int64_t rows, std::int64_t columns, const C* values, const C* weights,
                       C bias, C* scores) {
  for (std::int64_t row = 0; row < rows; row += kLanes<C>) {
    const std::int64_t count = rows - row < kLanes<C> ? rows - row : kLanes<C>;
    Vec<C> parts[kLanes<C>] = {};
    for (std::int64_t n = 0; n < count; ++n) {
      const C* value = values + (row + n) * columns;
      for (std::int64_t at = 0; at < columns; at += kLanes<C>) {
        parts[n] += load(value + at) * load(weights + at);
      }
    }
    store_partial(scores + row, sums<C>(parts) + splat(bias), count);
  }
}

// Computes the hidden layers of `steps` keys; `folded` and `bias` are the row's.
template <class C>
static void run_hidden(const Weights<C>& w, DinActivation activation, Matrix<const C> keys,
                       std::int64_t steps, const C* folded, const C* bias,
                       const Hidden<C>& hidden) {
  const auto [width, hidden1, hidden2, padded_width, padded1, padded2] = w.widths;
  product<false, C>(steps, padded1, width, keys, {folded, padded1}, {bias, 0},
                    {hidden.sums1, padded1});
  activate(activation, steps, padded1, hidden.sums1, w.first, hidden.values1);
  product<false, C>(steps, padded2, hidden1, {hidden.values1, padded1}, {w.second_in, padded2},
                    {w.bias2, 0}, {hidden.sums2, padded2});
  activate(activation, steps, padded2, hidden.sums2, w.second, hidden.values2);
}

template <class C>
static void multiply(std::int64_t count, C factor, C* values) {
  for (std::int64_t n = 0; n < count; ++n) values[n] *= factor;
}

// Replaces `steps` scores, at least one, by their softmax; what fills them up to whole vectors
// becomes zero.
template <class C>
static void softmax(std::int64_t steps, C* scores) {
  const std::int64_t end = padded<C>(steps);
  const C lowest = -static_cast<C>(__builtin_inf());
  for (std::int64_t t = steps; t < end; ++t) scores[t] = lowest;
  Vec<C> highest = splat(lowest);
  for (std::int64_t t = 0; t < end; t += kLanes<C>) highest = max(load(scores + t), highest);
  C top = lowest;
  for (int lane = 0; lane < kLanes<C>; ++lane) top = highest[lane] > top ? highest[lane] : top;
  Vec<C> total = zero<C>();
  for (std::int64_t t = 0; t < end; t += kLanes<C>) {
    const Vec<C> weight = exp(load(scores + t) - splat(top));
    store(scores + t, weight);
    total += weight;
  }
  const Vec<C> share = splat(C{1} / sum(total));
  for (std::int64_t t = 0; t < end; t += kLanes<C>) store(scores + t, load(scores + t) * share);
}

template <int kVectors, class C>
RECBENCH_INLINE void add_weighted_panel(std::int64_t steps, const C* weights, Matrix<const C> keys,
                                        C* to) {
  Vec<C> totals[kVectors];
  for (int v = 0; v < kVectors; ++v) totals[v] = load(to + v * kLanes<C>);
  for (std::int64_t t = 0; t < steps; ++t) {
    const Vec<C> weight = splat(weights[t]);
    const C* key = keys.data + t * keys.stride;
    for (int v = 0; v < kVectors; ++v) totals[v] += weight * load(key + v * kLanes<C>);
  }
  for (int v = 0; v < kVectors; ++v) store(to + v * kLanes<C>, totals[v]);
}

// to += sum_t weights[t] keys[t], `columns` of them in whole vectors.
template <class C>
static void add_weighted(std::int64_t steps, std::int64_t columns, const C* weights,
                         Matrix<const C> keys, C* to) {
  std::int64_t at = 0;
  for (; at + 8 * kLanes<C> <= columns; at += 8 * kLanes<C>) {
    add_weighted_panel<8, C>(steps, weights, {keys.data + at, keys.stride}, to + at);
  }
  for (; at + 4 * kLanes<C> <= columns; at += 4 * kLanes<C>) {
    add_weighted_panel<4, C>(steps, weights, {keys.data + at, keys.stride}, to + at);
  }
  for (; at < columns; at += kLanes<C>) {
    add_weighted_panel<1, C>(steps, weights, {keys.data + at, keys.stride}, to + at);
  }
}

}  // namespace recbench::RECBENCH_ISA
