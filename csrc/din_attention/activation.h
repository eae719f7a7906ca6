// The hidden layers' activations, forward and backward, over rows of whole vectors.
#pragma once

#include "din_attention/weights.h"
#include "simd/math.h"

namespace recbench::RECBENCH_ISA {

template <DinActivation kind, class C>
RECBENCH_INLINE Vec<C> activated(Vec<C> sum, const ActivationWeights<C>& weights,
                                 std::int64_t column) {
  if constexpr (kind == DinActivation::sigmoid) {
    return sigmoid(sum);
  } else if constexpr (kind == DinActivation::relu) {
    return select(sum <= zero<C>(), zero<C>(), sum);  // NaN stays NaN.
  } else {
    const Vec<C> slope = load(weights.slope + column);
    if constexpr (kind == DinActivation::prelu) {
      return select(sum > zero<C>(), sum, slope * sum);
    } else {
      const Vec<C> p = sigmoid((sum - load(weights.mean + column)) * load(weights.gain + column));
      return sum * (slope + p * (splat(C{1}) - slope));
    }
  }
}

template <DinActivation kind, class C>
static void activate_rows(std::int64_t rows, std::int64_t columns, const C* sums,
                          const ActivationWeights<C>& weights, C* to) {
  for (std::int64_t row = 0; row < rows; ++row, sums += columns, to += columns) {
    for (std::int64_t column = 0; column < columns; column += kLanes<C>) {
      store(to + column, activated<kind>(load(sums + column), weights, column));
    }
  }
}

// `to` may be `sums`.
template <class C>
static void activate(DinActivation kind, std::int64_t rows, std::int64_t columns, const C* sums,
                     const ActivationWeights<C>& weights, C* to) {
  switch (kind) {
    case DinActivation::sigmoid:
      return activate_rows<DinActivation::sigmoid>(rows, columns, sums, weights, to);
    case DinActivation::relu:
      return activate_rows<DinActivation::relu>(rows, columns, sums, weights, to);
    case DinActivation::prelu:
      return activate_rows<DinActivation::prelu>(rows, columns, sums, weights, to);
    case DinActivation::dice:
      return activate_rows<DinActivation::dice>(rows, columns, sums, weights, to);
  }
}

// One layer of some steps: what the backward pass reads, and where gradients are summed.
template <class C>
struct LayerGradient {
  const C *sums, *values;  // [rows, columns] before and after activation; sums for PReLU alone
  C* gradient;             // [rows, columns], of the values and then of the sums
  C *bias, *slope;         // [columns], added to
};

template <DinActivation kind, class C>
static void differentiate_rows(std::int64_t rows, std::int64_t columns,
                               const ActivationWeights<C>& weights, const LayerGradient<C>& layer) {
  for (std::int64_t column = 0; column < columns; column += kLanes<C>) {
    Vec<C> bias = load(layer.bias + column), slope = load(layer.slope + column);
    for (std::int64_t at = column; at < rows * columns; at += columns) {
      Vec<C> gradient = load(layer.gradient + at);
      if constexpr (kind == DinActivation::sigmoid) {
        const Vec<C> value = load(layer.values + at);
        gradient *= value * (splat(C{1}) - value);
      } else if constexpr (kind == DinActivation::relu) {
        gradient = select(load(layer.values + at) <= zero<C>(), zero<C>(), gradient);
      } else {
        const Vec<C> sum = load(layer.sums + at);
        const auto positive = sum > zero<C>();
        slope += select(positive, zero<C>(), sum * gradient);
        gradient = select(positive, gradient, gradient * load(weights.slope + column));
      }
      bias += gradient;
      store(layer.gradient + at, gradient);
    }
    store(layer.bias + column, bias);
    store(layer.slope + column, slope);
  }
}

// Turns the gradient of a layer's values into that of its sums. Not for Dice.
template <class C>
static void differentiate(DinActivation kind, std::int64_t rows, std::int64_t columns,
                          const ActivationWeights<C>& weights, const LayerGradient<C>& layer) {
  switch (kind) {
    case DinActivation::sigmoid:
      return differentiate_rows<DinActivation::sigmoid>(rows, columns, weights, layer);
    case DinActivation::relu:
      return differentiate_rows<DinActivation::relu>(rows, columns, weights, layer);
    case DinActivation::prelu:
    case DinActivation::dice:
      return differentiate_rows<DinActivation::prelu>(rows, columns, weights, layer);
  }
}

}  // namespace recbench::RECBENCH_ISA
