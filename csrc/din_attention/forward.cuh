// DIN attention's forward pass on the GPU: a block for each row, which folds the row's first layer
// into shared memory and streams its keys once, a tile of steps at a time. Under a softmax the
// weighted sum is rescaled whenever a larger score appears.
#pragma once

#include "din_attention/history_tile.cuh"

namespace recbench::cuda {

// What a block keeps in shared memory.
template <class C>
struct ForwardTile : HistoryTile<C> {
  C* output;  // [width]

  __host__ __device__ ForwardTile(const DinAttentionArguments& given, DeviceParts<C>& parts)
      : HistoryTile<C>(given, false, parts), output(parts.take(given.width)) {}
};

// Bytes of shared memory of a block, which the device must have.
template <class S>
std::size_t din_forward_shared(const DinAttentionArguments& given) {
  DeviceParts<Compute<S>> parts(nullptr);
  ForwardTile<Compute<S>>(given, parts);
  return parts.taken() * sizeof(Compute<S>);
}

template <class S>
__global__ void __launch_bounds__(kDinThreads, sizeof(S) == 8 ? 2 : 4)
    din_forward_kernel(DinAttentionArguments given, bool packed_keys, const Compute<S>* prepared,
                       S* outputs) {
  using C = Compute<S>;
  RECBENCH_DYNAMIC_SHARED(C, memory);
  DeviceParts<C> parts(memory);
  const ForwardTile<C> tile(given, parts);
  const DeviceWeights<C> weights(given, prepared);
  const std::int64_t row = blockIdx.x, width = given.width, length = clamped_length(given, row);
  const S* const keys = static_cast<const S*>(given.keys) + row * given.steps * width;
  // The query stands where keys will.
  for (std::int64_t d = threadIdx.x; d < width; d += kDinThreads) {
    tile.keys[d] = widen(static_cast<const S*>(given.query)[row * width + d]);
    tile.output[d] = 0;
  }
  __syncthreads();
  if (length > 0) {
    fold(given, weights, tile.keys, tile);
    bring_second(given, weights, tile);
  }
  RunningSoftmax<C> softmax;
  for (std::int64_t t = 0; t < length; t += kSteps) {
    const unsigned steps = steps_of_tile(length, t);
    __syncthreads();
    bring_keys(keys + t * width, packed_keys, width, steps, tile);
    __syncthreads();
    score_steps(given, weights, tile);
    __syncthreads();
    C factor = 1;
    if (given.softmax) {
      const unsigned lane = threadIdx.x % kWarp;
      C weight = lane < steps ? tile.scores[lane] : -static_cast<C>(INFINITY);
      factor = softmax.add(weight);
      __syncthreads();
      if (threadIdx.x < kWarp) tile.scores[lane] = weight;
      __syncthreads();
    }
    for (std::int64_t d = threadIdx.x; d < width; d += kDinThreads) {
      C sum = tile.output[d] * factor;
      for (unsigned n = 0; n < steps; ++n) {
        sum += tile.scores[n] * tile.keys[n * tile.key_stride + d];
      }
      tile.output[d] = sum;
    }
  }
  // Each thread reads what it wrote itself.
  const C share = given.softmax && length > 0 ? C{1} / softmax.total : C{1};
  for (std::int64_t d = threadIdx.x; d < width; d += kDinThreads) {
    narrow(tile.output[d] * share, outputs[row * width + d]);
  }
}

// `prepared` is memory for device_weights_count elements.
template <class S>
void din_forward(const DinAttentionArguments& given, Compute<S>* prepared, S* output,
                 Stream stream) {
  if (given.batch == 0) return;
  prepare_weights<S>(given, prepared, stream);
  launch(din_forward_kernel<S>, static_cast<unsigned>(given.batch), kDinThreads,
         din_forward_shared<S>(given), stream, given, in_packs<S>(given.keys, given.width),
         prepared, output);
}

}  // namespace recbench::cuda
