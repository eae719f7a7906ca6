// DIN attention's forward pass on the GPU: a block for each row, which folds the row's first layer
// into shared memory and streams its keys once, a tile of steps at a time. Under a softmax the
// weighted sum is rescaled whenever a larger score appears.
#pragma once

#include "din_attention/layers.cuh"

namespace recbench::cuda {

// What a block keeps in shared memory.
template <class C>
struct ForwardTile {
  unsigned units1, units2;
  std::int64_t key_stride;
  C *folded, *second, *bias, *keys, *hidden, *scores, *output;

  __host__ __device__ ForwardTile(const DinAttentionArguments& given, C* memory)
      : units1(padded(given.hidden1)), units2(padded(given.hidden2)), key_stride(given.width + 1) {
    folded = memory;                          // [width, units1]
    second = folded + given.width * units1;   // [hidden1, units2]
    bias = second + given.hidden1 * units2;   // [units1]
    keys = bias + units1;                     // [kSteps, key_stride]
    hidden = keys + kSteps * key_stride;      // [kSteps, units1 + 1]
    scores = hidden + kSteps * (units1 + 1);  // [kSteps]
    output = scores + kSteps;                 // [width]
  }

  static std::int64_t count(const DinAttentionArguments& given) {
    const std::int64_t units1 = padded(given.hidden1), units2 = padded(given.hidden2);
    return given.width * units1 + given.hidden1 * units2 + units1 +
           kSteps * (given.width + 1 + units1 + 1 + 1) + given.width;
  }
};

// Bytes of shared memory of a block, which the device must have.
template <class S>
std::size_t din_forward_shared(const DinAttentionArguments& given) {
  return ForwardTile<Compute<S>>::count(given) * sizeof(Compute<S>);
}

// The row's first layer, a matrix on keys and a bias; `query` is in shared memory.
template <class C>
__device__ void fold(const DinAttentionArguments& given, const DeviceWeights<C>& weights,
                     const C* query, const ForwardTile<C>& tile) {
  const std::int64_t count = given.width * tile.units1;
  for (std::int64_t i = threadIdx.x; i < count; i += kDinThreads) {
    tile.folded[i] = weights.key[i] + query[i / tile.units1] * weights.product[i];
  }
  for (std::int64_t i = threadIdx.x; i < given.hidden1 * tile.units2; i += kDinThreads) {
    tile.second[i] = weights.second[i];
  }
  for (unsigned unit = threadIdx.x; unit < tile.units1; unit += kDinThreads) {
    C sum = weights.first_units.bias[unit];
    for (std::int64_t d = 0; d < given.width; ++d) {
      sum += query[d] * weights.query[d * tile.units1 + unit];
    }
    tile.bias[unit] = sum;
  }
}

// Brings `steps` keys to shared memory, and zeros where the tile has more.
template <class S, int together, class C>
__device__ void bring_keys(const S* keys, std::int64_t width, std::int64_t steps,
                           const ForwardTile<C>& tile) {
  for (std::int64_t i = threadIdx.x * together; i < kSteps * width; i += kDinThreads * together) {
    C* const to = tile.keys + i / width * tile.key_stride + i % width;
    if (i >= steps * width) {
      for (int n = 0; n < together; ++n) to[n] = 0;
      continue;
    }
    const auto read = *reinterpret_cast<const Pack<S, together>*>(keys + i);
    for (int n = 0; n < together; ++n) to[n] = widen(read.values[n]);
  }
}

// Writes the tile's scores, scaled.
template <class C>
__device__ void score_steps(const DinAttentionArguments& given, const DeviceWeights<C>& weights,
                            const ForwardTile<C>& tile) {
  const unsigned first = threadIdx.x / kUnits * kStepsEach;
  const std::int64_t hidden_stride = tile.units1 + 1;
  run_layer(tile.keys, tile.key_stride, given.width, tile.folded, tile.units1, tile.bias,
            [&](unsigned n, unsigned unit, C sum) {
              tile.hidden[(first + n) * hidden_stride + unit] =
                  activated(given.activation, sum, weights.first_units, unit);
            });
  __syncthreads();
  C parts[kStepsEach] = {};
  run_layer(tile.hidden, hidden_stride, given.hidden1, tile.second, tile.units2,
            weights.second_units.bias, [&](unsigned n, unsigned unit, C sum) {
              parts[n] += weights.score[unit] *
                          activated(given.activation, sum, weights.second_units, unit);
            });
  const C bias = weights.score[tile.units2];
  for (unsigned n = 0; n < kStepsEach; ++n) {
    for (unsigned flip = kUnits / 2; flip > 0; flip /= 2) {
      parts[n] += __shfl_xor_sync(kWholeWarp, parts[n], flip);
    }
    const auto scale = static_cast<C>(given.scale);
    if (threadIdx.x % kUnits == 0) tile.scores[first + n] = (parts[n] + bias) * scale;
  }
}

// The softmax over the steps seen so far: every thread keeps a copy.
template <class C>
struct RunningSoftmax {
  C top = -static_cast<C>(INFINITY), total = 0;

  // Whole warps, each lane with a step's score, or minus infinity where there is none. Turns it
  // into the step's weight, and returns what earlier weights are to be multiplied by.
  __device__ C add(C& score) {
    C highest = score;
    for (unsigned flip = kWarp / 2; flip > 0; flip /= 2) {
      const C other = __shfl_xor_sync(kWholeWarp, highest, flip);
      highest = other > highest || other != other ? other : highest;
    }
    const C new_top = top > highest ? top : highest;
    const C factor = total > 0 ? std::exp(top - new_top) : C{0};
    top = new_top;
    score = std::exp(score - top);
    C sum = score;
    for (unsigned flip = kWarp / 2; flip > 0; flip /= 2) {
      sum += __shfl_xor_sync(kWholeWarp, sum, flip);
    }
    total = total * factor + sum;
    return factor;
  }
};

template <class S, int together>
__global__ void __launch_bounds__(kDinThreads, sizeof(S) == 8 ? 2 : 4)
    din_forward_kernel(DinAttentionArguments given, const Compute<S>* prepared, S* outputs) {
  using C = Compute<S>;
  RECBENCH_DYNAMIC_SHARED(C, memory);
  const ForwardTile<C> tile(given, memory);
  const DeviceWeights<C> weights(given, prepared);
  const std::int64_t row = blockIdx.x, width = given.width;
  std::int64_t length = given.lengths[row];
  length = length < 0 ? 0 : length > given.steps ? given.steps : length;
  const S* const keys = static_cast<const S*>(given.keys) + row * given.steps * width;
  // The query stands where keys will.
  for (std::int64_t d = threadIdx.x; d < width; d += kDinThreads) {
    tile.keys[d] = widen(static_cast<const S*>(given.query)[row * width + d]);
    tile.output[d] = 0;
  }
  __syncthreads();
  if (length > 0) fold(given, weights, tile.keys, tile);
  RunningSoftmax<C> softmax;
  for (std::int64_t t = 0; t < length; t += kSteps) {
    const std::int64_t steps = length - t < kSteps ? length - t : kSteps;
    __syncthreads();
    bring_keys<S, together>(keys + t * width, width, steps, tile);
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
  launch(in_packs<S>(given.keys, given.width) ? din_forward_kernel<S, kPack<S>>
                                              : din_forward_kernel<S, 1>,
         static_cast<unsigned>(given.batch), kDinThreads, din_forward_shared<S>(given), stream,
         given, prepared, output);
}

}  // namespace recbench::cuda
