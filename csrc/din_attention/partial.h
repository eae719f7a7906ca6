// What some rows add to the weights' gradients.
#pragma once

#include "din_attention/weights.h"

namespace recbench::RECBENCH_ISA {

template <class C>
struct Partial {
  Partial(const Widths<C>& widths, Parts& parts)
      : query(parts.take<C>(widths.hidden1 * widths.padded_width)),
        key(parts.take<C>(widths.hidden1 * widths.padded_width)),
        product(parts.take<C>(widths.hidden1 * widths.padded_width)),
        second(parts.take<C>(widths.hidden2 * widths.padded1)),
        bias1(parts.take<C>(widths.padded1)),
        slope1(parts.take<C>(widths.padded1)),
        bias2(parts.take<C>(widths.padded2)),
        slope2(parts.take<C>(widths.padded2)),
        score(parts.take<C>(widths.padded2)),
        bias3(parts.take<C>(1)) {}

  C *query, *key, *product;  // [hidden1, padded_width], of what `FirstLayer` holds
  C* second;                 // [hidden2, padded1]
  C *bias1, *slope1, *bias2, *slope2, *score, *bias3;
};

template <class S>
static std::int64_t partial_bytes(const DinAttentionArguments& given) {
  Parts parts(nullptr);
  Partial<Compute<S>>(Widths<Compute<S>>(given), parts);
  return parts.bytes();
}

template <class S, class C>
static void write_rows(const C* from, std::int64_t rows, std::int64_t columns, std::int64_t stride,
                       void* to) {
  for (std::int64_t row = 0; row < rows; ++row) {
    narrow(from + row * stride, static_cast<S*>(to) + row * columns, columns);
  }
}

// Sums `count` partials that lie one after another into the first one, always in this order.
template <class C>
static void sum_partials(std::int64_t bytes, std::int64_t count, void* partials) {
  const std::int64_t size = bytes / static_cast<std::int64_t>(sizeof(C));
  C* total = static_cast<C*>(partials);
  for (std::int64_t n = 1; n < count; ++n) {
    const C* partial = total + n * size;
    for (std::int64_t at = 0; at < size; ++at) total[at] += partial[at];
  }
}

// The gradient of w1 = [Wq, Wk, Wd, Wp], whose parts are query = Wq + Wd and key = Wk - Wd.
template <class S, class C>
static void write_first(const Widths<C>& widths, const Partial<C>& partial, void* to) {
  const std::int64_t width = widths.width;
  for (std::int64_t unit = 0; unit < widths.hidden1; ++unit) {
    C* query = partial.query + unit * widths.padded_width;
    C* key = partial.key + unit * widths.padded_width;
    S* row = static_cast<S*>(to) + unit * 4 * width;
    narrow(query, row, width);
    narrow(key, row + width, width);
    for (std::int64_t d = 0; d < width; ++d) query[d] -= key[d];
    narrow(query, row + 2 * width, width);
    narrow(partial.product + unit * widths.padded_width, row + 3 * width, width);
  }
}

template <class S>
static void reduce(const DinAttentionArguments& given, const DinAttentionGradients& to,
                   void* partials, std::int64_t count) {
  using C = Compute<S>;
  const Widths<C> widths(given);
  sum_partials<C>(partial_bytes<S>(given), count, partials);
  Parts parts(partials);
  const Partial<C> total(widths, parts);
  write_first<S>(widths, total, to.w1);
  write_rows<S>(total.second, widths.hidden2, widths.hidden1, widths.padded1, to.w2);
  write_rows<S>(total.bias1, 1, widths.hidden1, widths.padded1, to.b1);
  write_rows<S>(total.bias2, 1, widths.hidden2, widths.padded2, to.b2);
  write_rows<S>(total.score, 1, widths.hidden2, widths.padded2, to.w3);
  write_rows<S>(total.bias3, 1, 1, 1, to.b3);
  if (to.slope1 != nullptr) {
    write_rows<S>(total.slope1, 1, widths.hidden1, widths.padded1, to.slope1);
    write_rows<S>(total.slope2, 1, widths.hidden2, widths.padded2, to.slope2);
  }
}

}  // namespace recbench::RECBENCH_ISA
