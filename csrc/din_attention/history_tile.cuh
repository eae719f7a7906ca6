// A tile of a history's steps on the GPU, in a block's shared memory: the row's first layer, the
// tile's keys, and their way through the hidden layers to scores.
#pragma once

#include "cuda/warp.cuh"
#include "din_attention/layers.cuh"

namespace recbench::cuda {

// A hidden layer of a tile of steps.
template <class C>
struct LayerTile {
  unsigned units;    // with padding
  unsigned stride;   // of steps
  C *sums, *values;  // before activation, null where nobody asks, and after

  __host__ __device__ LayerTile(std::int64_t count, bool with_sums, DeviceParts<C>& parts)
      : units(padded(count)), stride(units + 1) {
    sums = with_sums ? parts.take(kSteps * stride) : nullptr;
    values = parts.take(kSteps * stride);
  }
};

// Where a block keeps its row and a tile. Rows lie odd distances apart, so that a warp can read
// along a column.
template <class C>
struct HistoryTile {
  LayerTile<C> first, second;
  unsigned key_stride;
  C *folded, *bias;  // [width, first.stride], [first.units]: the row's first layer
  C* weight2;        // [hidden1, second.stride]
  C* keys;           // [kSteps, key_stride]
  C* scores;         // [kSteps]

  // The backward pass also reads both matrices transposed, whose padding it fills, and for PReLU
  // wants the sums.
  __host__ __device__ HistoryTile(const DinAttentionArguments& given, bool backward,
                                  DeviceParts<C>& parts)
      : first(given.hidden1, backward && given.activation == DinActivation::prelu, parts),
        second(given.hidden2, backward && given.activation == DinActivation::prelu, parts),
        key_stride(padded(given.width) + 1) {
    folded = parts.take((backward ? padded(given.width) : given.width) * first.stride);
    bias = parts.take(first.units);
    weight2 = parts.take((backward ? first.units : given.hidden1) * second.stride);
    keys = parts.take(kSteps * key_stride);
    scores = parts.take(kSteps);
  }
};

inline __device__ std::int64_t clamped_length(const DinAttentionArguments& given,
                                              std::int64_t row) {
  const std::int64_t length = given.lengths[row];
  return length < 0 ? 0 : length > given.steps ? given.steps : length;
}

template <class C>
__device__ void bring_second(const DinAttentionArguments& given, const DeviceWeights<C>& weights,
                             const HistoryTile<C>& tile) {
  const auto count = static_cast<unsigned>(given.hidden1) * tile.second.units;
  for (unsigned i = threadIdx.x; i < count; i += kDinThreads) {
    tile.weight2[i / tile.second.units * tile.second.stride + i % tile.second.units] =
        weights.second[i];
  }
}

// The row's first layer, a matrix on keys and a bias; `query` is in shared memory.
template <class C>
__device__ void fold(const DinAttentionArguments& given, const DeviceWeights<C>& weights,
                     const C* query, const HistoryTile<C>& tile) {
  const auto width = static_cast<unsigned>(given.width);
  for (unsigned i = threadIdx.x; i < width * tile.first.units; i += kDinThreads) {
    const unsigned d = i / tile.first.units;
    tile.folded[d * tile.first.stride + i % tile.first.units] =
        weights.key[i] + query[d] * weights.product[i];
  }
  for (unsigned unit = threadIdx.x; unit < tile.first.units; unit += kDinThreads) {
    C sum = weights.first_units.bias[unit];
    for (unsigned d = 0; d < width; ++d) {
      sum += query[d] * weights.query[d * tile.first.units + unit];
    }
    tile.bias[unit] = sum;
  }
}

// Brings `steps` keys to shared memory, and zeros where the tile has more.
template <int together, class S, class C>
__device__ void bring_packs(const S* keys, unsigned width, unsigned steps,
                            const HistoryTile<C>& tile) {
  for (unsigned i = threadIdx.x * together; i < kSteps * width; i += kDinThreads * together) {
    C* const to = tile.keys + i / width * tile.key_stride + i % width;
    if (i >= steps * width) {
      for (int n = 0; n < together; ++n) to[n] = 0;
      continue;
    }
    const auto read = *reinterpret_cast<const Pack<S, together>*>(keys + i);
    for (int n = 0; n < together; ++n) to[n] = widen(read.values[n]);
  }
}

template <class S, class C>
__device__ void bring_keys(const S* keys, bool packed, std::int64_t width, unsigned steps,
                           const HistoryTile<C>& tile) {
  if (packed) {
    bring_packs<kPack<S>>(keys, static_cast<unsigned>(width), steps, tile);
  } else {
    bring_packs<1>(keys, static_cast<unsigned>(width), steps, tile);
  }
}

// How many of a history's steps the tile from step `t` on has.
inline __device__ unsigned steps_of_tile(std::int64_t length, std::int64_t t) {
  return static_cast<unsigned>(length - t < kSteps ? length - t : kSteps);
}

// Writes what inputs times `weights` plus `bias` come to in a layer, and its values.
template <class C>
__device__ void run_layer(DinActivation activation, View<C> inputs, unsigned depth, View<C> weights,
                          const C* bias, const UnitWeights<C>& units, const LayerTile<C>& layer) {
  const unsigned begin = first_row() * layer.stride;
  multiply(
      inputs, depth, weights, layer.units, [&](unsigned, unsigned unit) { return bias[unit]; },
      [&](unsigned n, unsigned unit, C sum) {
        layer.values[begin + n * layer.stride + unit] = sum;
      });
  // Each thread reads what it wrote itself.
  for (unsigned unit = threadIdx.x % kUnits; unit < layer.units; unit += kUnits) {
    for (unsigned n = 0; n < kStepsEach; ++n) {
      const unsigned at = begin + n * layer.stride + unit;
      const C sum = layer.values[at];
      if (layer.sums != nullptr) layer.sums[at] = sum;
      layer.values[at] = activated(activation, sum, units, unit);
    }
  }
}

// Runs the hidden layers and writes the tile's scores, scaled.
template <class C>
__device__ void score_steps(const DinAttentionArguments& given, const DeviceWeights<C>& weights,
                            const HistoryTile<C>& tile) {
  const LayerTile<C>&first = tile.first, &second = tile.second;
  const auto width = static_cast<unsigned>(given.width);
  const auto hidden1 = static_cast<unsigned>(given.hidden1);
  run_layer(given.activation, View<C>{tile.keys, tile.key_stride, 1}, width,
            View<C>{tile.folded, first.stride, 1}, tile.bias, weights.first_units, first);
  __syncthreads();
  run_layer(given.activation, View<C>{first.values, first.stride, 1}, hidden1,
            View<C>{tile.weight2, second.stride, 1}, weights.second_units.bias,
            weights.second_units, second);
  for (unsigned step = first_row(); step < first_row() + kStepsEach; ++step) {
    C score = 0;
    for (unsigned unit = threadIdx.x % kUnits; unit < second.units; unit += kUnits) {
      score += weights.score[unit] * second.values[step * second.stride + unit];
    }
    score =
        (sum_of_lanes<kUnits>(score) + weights.score[second.units]) * static_cast<C>(given.scale);
    if (threadIdx.x % kUnits == 0) tile.scores[step] = score;
  }
}

// The softmax over the steps seen so far: every lane keeps a copy.
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
    // As long as every score is minus infinity their weights are 0, not exp(-inf + inf).
    score = std::exp(score - (top == -static_cast<C>(INFINITY) ? C{0} : top));
    total = total * factor + sum_of_lanes(score);
    return factor;
  }
};

}  // namespace recbench::cuda
