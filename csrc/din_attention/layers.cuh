// The hidden layers of a tile of steps on the GPU: products of matrices in shared memory, four
// steps and a few units a thread, and the activations.
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

// Calls emit(n, unit, sum) for step n of this thread's four and some units from `first` on, where
// sum = bias[unit] + in[step] . weights[., unit].
template <unsigned units, class C, class Emit>
__device__ void add_up(const C* in, std::int64_t stride, std::int64_t depth, const C* weights,
                       unsigned columns, const C* bias, unsigned first, const Emit& emit) {
  const C* const rows = in + threadIdx.x / kUnits * kStepsEach * stride;
  const unsigned unit = first + threadIdx.x % kUnits;
  C sums[kStepsEach][units];
  for (unsigned n = 0; n < kStepsEach; ++n) {
    for (unsigned u = 0; u < units; ++u) sums[n][u] = bias[unit + u * kUnits];
  }
  for (std::int64_t d = 0; d < depth; ++d) {
    C weight[units];
    for (unsigned u = 0; u < units; ++u) weight[u] = weights[d * columns + unit + u * kUnits];
    for (unsigned n = 0; n < kStepsEach; ++n) {
      const C value = rows[n * stride + d];
      for (unsigned u = 0; u < units; ++u) sums[n][u] += value * weight[u];
    }
  }
  for (unsigned n = 0; n < kStepsEach; ++n) {
    for (unsigned u = 0; u < units; ++u) emit(n, unit + u * kUnits, sums[n][u]);
  }
}

// The same for all units of a layer, `columns` with padding.
template <class C, class Emit>
__device__ void run_layer(const C* in, std::int64_t stride, std::int64_t depth, const C* weights,
                          unsigned columns, const C* bias, const Emit& emit) {
  unsigned first = 0;
  for (; first + 4 * kUnits <= columns; first += 4 * kUnits) {
    add_up<4>(in, stride, depth, weights, columns, bias, first, emit);
  }
  for (; first < columns; first += kUnits) {
    add_up<1>(in, stride, depth, weights, columns, bias, first, emit);
  }
}

}  // namespace recbench::cuda
