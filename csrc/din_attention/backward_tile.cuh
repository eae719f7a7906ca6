// What a block of DIN attention's backward pass keeps in shared memory, and how steps' gradients
// come about before any weight is asked.
#pragma once

#include "din_attention/history_tile.cuh"

namespace recbench::cuda {

template <class C>
struct BackwardTile : HistoryTile<C> {
  unsigned columns;     // the width, with padding
  C *query, *gradient;  // [columns]: the row's, and its output's gradient
  C* first_sums;        // [first.units]: S
  C *weights, *pulls;   // [kSteps]: of the steps in the sum, and the weights' gradients
  C* score_gradients;   // [kSteps]

  __host__ __device__ BackwardTile(const DinAttentionArguments& given, DeviceParts<C>& parts)
      : HistoryTile<C>(given, true, parts), columns(padded(given.width)) {
    query = parts.take(columns);
    gradient = parts.take(columns);
    first_sums = parts.take(this->first.units);
    weights = parts.take(kSteps);
    pulls = parts.take(kSteps);
    score_gradients = parts.take(kSteps);
  }

  static __device__ void zero(C* to, unsigned count) {
    for (unsigned i = threadIdx.x; i < count; i += kDinThreads) to[i] = 0;
  }

  // Once a block: nothing that is written afterwards touches the padding.
  __device__ void fill_padding() const {
    zero(this->folded, columns * this->first.stride);
    zero(this->weight2, this->first.units * this->second.stride);
    zero(this->keys, kSteps * this->key_stride);
    zero(query, columns);
    zero(gradient, columns);
  }
};

// Writes each step's weight's gradient, the output's gradient along the key.
template <class C>
__device__ void pull_steps(const BackwardTile<C>& tile) {
  for (unsigned step = first_row(); step < first_row() + kStepsEach; ++step) {
    C pull = 0;
    for (unsigned d = threadIdx.x % kUnits; d < tile.columns; d += kUnits) {
      pull += tile.gradient[d] * tile.keys[step * tile.key_stride + d];
    }
    pull = sum_of_lanes<kUnits>(pull);
    if (threadIdx.x % kUnits == 0) tile.pulls[step] = pull;
  }
}

// The softmax of a whole history, for a warp of which each lane has one of a tile's steps.
template <class C>
struct HistorySoftmax : RunningSoftmax<C> {
  C pulled = 0;  // the sum of weights times pulls, before the weights are divided by their total

  __device__ void add_tile(C score, C pull) {
    const C factor = this->add(score);
    pulled = pulled * factor + sum_of_lanes(score * pull);
  }
  __device__ C weight(C score) const { return std::exp(score - this->top) / this->total; }
  // Of a step's score, by its weight.
  __device__ C gradient(C weight, C pull) const { return weight * (pull - pulled / this->total); }
};

// The first warp writes the weights of a tile's steps and the gradients of their scores, whose sum
// it returns.
template <class C>
__device__ C weigh_steps(const DinAttentionArguments& given, unsigned steps,
                         const HistorySoftmax<C>& softmax, const BackwardTile<C>& tile) {
  const unsigned lane = threadIdx.x;
  C weight = 0, gradient = 0;
  if (lane < steps) {
    const C score = tile.scores[lane], pull = tile.pulls[lane];
    weight = given.softmax ? softmax.weight(score) : score;
    gradient = given.softmax ? softmax.gradient(weight, pull) : pull;
    gradient *= static_cast<C>(given.scale);
  }
  tile.weights[lane] = weight;
  tile.score_gradients[lane] = gradient;
  return sum_of_lanes(gradient);
}

// The gradients of a unit's sum and, for PReLU, of its slope.
template <class C>
struct UnitGradient {
  C sum, slope;
};

// By the gradient of the unit's value. Not for Dice.
template <class C>
__device__ UnitGradient<C> differentiated(DinActivation activation, const LayerTile<C>& layer,
                                          unsigned at, C slope, C gradient) {
  const C value = layer.values[at];
  if (activation == DinActivation::sigmoid) return {gradient * value * (C{1} - value), C{0}};
  if (activation == DinActivation::relu) return {value <= 0 ? C{0} : gradient, C{0}};
  const C sum = layer.sums[at];
  return sum > 0 ? UnitGradient<C>{gradient, C{0}}
                 : UnitGradient<C>{gradient * slope, gradient * sum};
}

}  // namespace recbench::cuda
