// The weights as the kernels read them: widened, folded, transposed and padded, once a call.
#pragma once

#include "din_attention/kernel.h"
#include "din_attention/product.h"
#include "simd/storage.h"

namespace recbench::RECBENCH_ISA {

// Hands out parts of a buffer, each aligned to 64 bytes; without a buffer it only counts them.
class Parts {
 public:
  explicit Parts(void* buffer) : base_(static_cast<char*>(buffer)) {}

  template <class C>
  C* take(std::int64_t count) {
    char* part = base_ == nullptr ? nullptr : base_ + bytes_;
    bytes_ += ceil_div(count * static_cast<std::int64_t>(sizeof(C)), 64) * 64;
    return reinterpret_cast<C*>(part);
  }

  std::int64_t bytes() const { return bytes_; }

 private:
  char* base_;
  std::int64_t bytes_ = 0;
};

template <class C>
RECBENCH_INLINE std::int64_t padded(std::int64_t count) {
  return ceil_div(count, kLanes<C>) * kLanes<C>;
}

// The widths of one call, and the same filled up to whole vectors.
template <class C>
struct Widths {
  explicit Widths(const DinAttentionArguments& given)
      : width(given.width),
        hidden1(given.hidden1),
        hidden2(given.hidden2),
        padded_width(padded<C>(width)),
        padded1(padded<C>(hidden1)),
        padded2(padded<C>(hidden2)) {}

  std::int64_t width, hidden1, hidden2;
  std::int64_t padded_width, padded1, padded2;
};

template <class C>
RECBENCH_INLINE void fill_zero(C* to, std::int64_t count) {
  std::memset(to, 0, static_cast<std::size_t>(count) * sizeof(C));
}

// Widens `rows` rows of `columns` values and fills each up with zeros to `stride`.
template <class S, class C>
static void widen_rows(const S* from, std::int64_t rows, std::int64_t columns, C* to,
                       std::int64_t stride) {
  for (std::int64_t row = 0; row < rows; ++row) {
    widen(from + row * columns, to + row * stride, columns);
    fill_zero(to + row * stride + columns, stride - columns);
  }
}

template <class C>
static void transpose(const C* from, std::int64_t rows, std::int64_t columns, C* to,
                      std::int64_t stride) {
  fill_zero(to, columns * stride);
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      to[column * stride + row] = from[row * columns + column];
    }
  }
}

// The first weight's three parts: query = Wq + Wd, key = Wk - Wd, product = Wp.
template <class C>
struct FirstLayer {
  FirstLayer() = default;
  FirstLayer(std::int64_t size, Parts& parts)
      : query(parts.take<C>(size)), key(parts.take<C>(size)), product(parts.take<C>(size)) {}

  C *query = nullptr, *key = nullptr, *product = nullptr;
};

// A layer's activation: PReLU's or Dice's slope, Dice's mean and gain; zero where there is none.
template <class C>
struct ActivationWeights {
  ActivationWeights() = default;
  ActivationWeights(std::int64_t units, Parts& parts)
      : slope(parts.take<C>(units)), mean(parts.take<C>(units)), gain(parts.take<C>(units)) {}

  C *slope = nullptr, *mean = nullptr, *gain = nullptr;
};

template <class C>
struct Weights {
  Weights(const DinAttentionArguments& given, bool backward, Parts& parts) : widths(given) {
    const auto& w = widths;
    in = FirstLayer<C>(w.width * w.padded1, parts);
    second_in = parts.take<C>(w.hidden1 * w.padded2);
    if (backward) {
      out = FirstLayer<C>(w.hidden1 * w.padded_width, parts);
      second_out = parts.take<C>(w.hidden2 * w.padded1);
    }
    bias1 = parts.take<C>(w.padded1);
    bias2 = parts.take<C>(w.padded2);
    score = parts.take<C>(w.padded2);
    first = ActivationWeights<C>(w.padded1, parts);
    second = ActivationWeights<C>(w.padded2, parts);
    bias3 = parts.take<C>(1);
    // Zeros of a row's length, and room to fold and widen in while the weights are prepared.
    zeros = parts.take<C>(w.padded1 + w.padded2 + w.padded_width);
    spare = parts.take<C>(w.hidden1 * (7 * w.width) + w.hidden2 * w.hidden1);
  }

  Widths<C> widths;
  FirstLayer<C> in, out;                // [width, padded1], and transposed [hidden1, padded_width]
  C *second_in, *second_out = nullptr;  // [hidden1, padded2], and transposed [hidden2, padded1]
  C *bias1, *bias2, *score, *bias3;
  ActivationWeights<C> first, second;
  C *zeros, *spare;
};

template <class S, class C>
static void prepare_activation(const void* slope, const void* gate, std::int64_t units,
                               std::int64_t padded_units, ActivationWeights<C> to) {
  fill_zero(to.slope, padded_units);
  fill_zero(to.mean, padded_units);
  fill_zero(to.gain, padded_units);
  if (slope != nullptr) widen(static_cast<const S*>(slope), to.slope, units);
  if (gate != nullptr) {
    widen(static_cast<const S*>(gate), to.mean, units);
    widen(static_cast<const S*>(gate) + units, to.gain, units);
  }
}

template <class S>
static void prepare_weights(const DinAttentionArguments& given, bool backward, void* buffer) {
  using C = Compute<S>;
  Parts parts(buffer);
  const Weights<C> w(given, backward, parts);
  const auto [width, hidden1, hidden2, padded_width, padded1, padded2] = w.widths;

  C* whole = w.spare;
  C* folded[3];
  for (int n = 0; n < 3; ++n) folded[n] = whole + (4 + n) * hidden1 * width;
  widen(static_cast<const S*>(given.w1), whole, 4 * hidden1 * width);
  for (std::int64_t unit = 0; unit < hidden1; ++unit) {
    const C* row = whole + 4 * unit * width;
    for (std::int64_t d = 0; d < width; ++d) {
      folded[0][unit * width + d] = row[d] + row[2 * width + d];
      folded[1][unit * width + d] = row[width + d] - row[2 * width + d];
      folded[2][unit * width + d] = row[3 * width + d];
    }
  }
  C* const in[3] = {w.in.query, w.in.key, w.in.product};
  C* const out[3] = {w.out.query, w.out.key, w.out.product};
  for (int n = 0; n < 3; ++n) {
    transpose(folded[n], hidden1, width, in[n], padded1);
    if (backward) widen_rows(folded[n], hidden1, width, out[n], padded_width);
  }

  C* second = whole + 7 * hidden1 * width;
  widen(static_cast<const S*>(given.w2), second, hidden2 * hidden1);
  transpose(second, hidden2, hidden1, w.second_in, padded2);
  if (backward) widen_rows(second, hidden2, hidden1, w.second_out, padded1);

  widen_rows(static_cast<const S*>(given.b1), 1, hidden1, w.bias1, padded1);
  widen_rows(static_cast<const S*>(given.b2), 1, hidden2, w.bias2, padded2);
  widen_rows(static_cast<const S*>(given.w3), 1, hidden2, w.score, padded2);
  widen(static_cast<const S*>(given.b3), w.bias3, 1);
  fill_zero(w.zeros, padded1 + padded2 + padded_width);
  prepare_activation<S>(given.slope1, given.gate1, hidden1, padded1, w.first);
  prepare_activation<S>(given.slope2, given.gate2, hidden2, padded2, w.second);
}

}  // namespace recbench::RECBENCH_ISA
