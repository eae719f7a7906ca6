// The hidden layers of a tile of steps on the GPU: products of matrices in shared memory, four rows
// and a few columns a thread, and the activations.
#pragma once

#include <cmath>

#include "din_attention/device_weights.cuh"

namespace recbench::cuda {

constexpr unsigned kDinThreads = 128;
constexpr unsigned kStepsEach = 4;  // of a thread
constexpr unsigned kSteps = kDinThreads / kUnits * kStepsEach;
static_assert(kSteps == kWarp, "a warp looks at all scores of a tile at once");

template <class C>
__device__ C sigmoid(C x) {
  return C{1} / (C{1} + std::exp(-x));
}

template <class C>
__device__ C activated(DinActivation activation, C sum, const UnitWeights<C>& weights,
                       unsigned unit) {
  switch (activation) {
    case DinActivation::sigmoid:
      return sigmoid(sum);
    case DinActivation::relu:
      return sum <= 0 ? C{0} : sum;  // NaN stays NaN.
    case DinActivation::prelu:
      return sum > 0 ? sum : weights.slope[unit] * sum;
    case DinActivation::dice:
      break;
  }
  const C p = sigmoid((sum - weights.mean[unit]) * weights.gain[unit]);
  return sum * (weights.slope[unit] + p * (C{1} - weights.slope[unit]));
}

// A matrix: element [row, column] is data[row * down + column * across].
template <class C>
struct View {
  const C* data;
  unsigned down, across;
};

// The first of the four rows of a product that a thread computes.
inline __device__ unsigned first_row() {
  return threadIdx.x / kUnits * kStepsEach;
}

// Calls emit(n, column, sum) for the n-th of this thread's rows and some columns from `first` on,
// where sum = start(n, column) + left[row, .] . right[., column].
template <unsigned columns, class C, class Start, class Emit>
__device__ void add_up(View<C> left, unsigned depth, View<C> right, unsigned first,
                       const Start& start, const Emit& emit) {
  const C* const rows = left.data + first_row() * left.down;
  const unsigned column = first + threadIdx.x % kUnits;
  C sums[kStepsEach][columns];
  for (unsigned n = 0; n < kStepsEach; ++n) {
    for (unsigned u = 0; u < columns; ++u) sums[n][u] = start(n, column + u * kUnits);
  }
  for (unsigned d = 0; d < depth; ++d) {
    C factor[columns];
    for (unsigned u = 0; u < columns; ++u) {
      factor[u] = right.data[d * right.down + (column + u * kUnits) * right.across];
    }
    for (unsigned n = 0; n < kStepsEach; ++n) {
      const C value = rows[n * left.down + d * left.across];
      for (unsigned u = 0; u < columns; ++u) sums[n][u] += value * factor[u];
    }
  }
  for (unsigned n = 0; n < kStepsEach; ++n) {
    for (unsigned u = 0; u < columns; ++u) emit(n, column + u * kUnits, sums[n][u]);
  }
}

// The same for all `columns`, a multiple of kUnits, of a product of kSteps rows.
template <class C, class Start, class Emit>
__device__ void multiply(View<C> left, unsigned depth, View<C> right, unsigned columns,
                         const Start& start, const Emit& emit) {
  unsigned first = 0;
  for (; first + 4 * kUnits <= columns; first += 4 * kUnits) {
    add_up<4>(left, depth, right, first, start, emit);
  }
  if (first + 2 * kUnits <= columns) {
    add_up<2>(left, depth, right, first, start, emit);
    first += 2 * kUnits;
  }
  if (first < columns) add_up<1>(left, depth, right, first, start, emit);
}

}  // namespace recbench::cuda
