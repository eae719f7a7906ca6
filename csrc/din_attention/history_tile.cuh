// A tile of a history's steps on the GPU, in a block's shared memory: the row's first layer, the
// tile's keys, and their way through the hidden layers to scores.
#pragma once

#include "cuda/warp.cuh"
#include "din_attention/layers.cuh"

namespace recbench::cuda {

// Hands out parts of a piece of memory, one after another; without memory it only counts them.
template <class C>
class DeviceParts {
 public:
  explicit __host__ __device__ DeviceParts(C* memory) : memory_(memory) {}

  __host__ __device__ C* take(std::int64_t count) {
    C* const part = memory_ == nullptr ? nullptr : memory_ + taken_;
    taken_ += count;
    return part;
  }
  __host__ __device__ std::int64_t taken() const { return taken_; }

 private:
  C* memory_;
  std::int64_t taken_ = 0;
};

// Where a block keeps its row and a tile. Rows lie odd distances apart, so that a warp can read
// along a column.
template <class C>
struct HistoryTile {
  unsigned units1, units2;  // with padding
  std::int64_t key_stride, stride1, stride2;
  C *folded, *bias;    // [width, stride1], [units1]: the row's first layer
  C* second;           // [hidden1, stride2]
  C* keys;             // [kSteps, key_stride]
  C *sums1, *values1;  // [kSteps, stride1]: before activation, null where not asked for, and after
  C* scores;           // [kSteps]

  // The backward pass also reads both matrices transposed, with zeros for padded columns.
  __host__ __device__ HistoryTile(const DinAttentionArguments& given, bool backward,
                                  DeviceParts<C>& parts)
      : units1(padded(given.hidden1)),
        units2(padded(given.hidden2)),
        key_stride(padded(given.width) + 1),
        stride1(units1 + 1),
        stride2(units2 + 1) {
    folded = parts.take((backward ? padded(given.width) : given.width) * stride1);
    bias = parts.take(units1);
    second = parts.take((backward ? units1 : given.hidden1) * stride2);
    keys = parts.take(kSteps * key_stride);
    const bool sums = backward && given.activation == DinActivation::prelu;
    sums1 = sums ? parts.take(kSteps * stride1) : nullptr;
    values1 = parts.take(kSteps * stride1);
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
  for (std::int64_t i = threadIdx.x; i < given.hidden1 * tile.units2; i += kDinThreads) {
    tile.second[i / tile.units2 * tile.stride2 + i % tile.units2] = weights.second[i];
  }
}

// The row's first layer, a matrix on keys and a bias; `query` is in shared memory.
template <class C>
__device__ void fold(const DinAttentionArguments& given, const DeviceWeights<C>& weights,
                     const C* query, const HistoryTile<C>& tile) {
  const std::int64_t count = given.width * tile.units1;
  for (std::int64_t i = threadIdx.x; i < count; i += kDinThreads) {
    const std::int64_t d = i / tile.units1;
    tile.folded[d * tile.stride1 + i % tile.units1] =
        weights.key[i] + query[d] * weights.product[i];
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
                           const HistoryTile<C>& tile) {
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

// Writes the tile's scores, scaled, and calls keep(step, unit, sum, value) for what the second
// layer has before and after activation.
template <class C, class Keep>
__device__ void score_steps(const DinAttentionArguments& given, const DeviceWeights<C>& weights,
                            const HistoryTile<C>& tile, const Keep& keep) {
  const unsigned first = first_row();
  multiply(
      View<C>{tile.keys, tile.key_stride, 1}, given.width, View<C>{tile.folded, tile.stride1, 1},
      tile.units1, [&](unsigned, unsigned unit) { return tile.bias[unit]; },
      [&](unsigned n, unsigned unit, C sum) {
        const std::int64_t at = (first + n) * tile.stride1 + unit;
        if (tile.sums1 != nullptr) tile.sums1[at] = sum;
        tile.values1[at] = activated(given.activation, sum, weights.first_units, unit);
      });
  __syncthreads();
  C parts[kStepsEach] = {};
  multiply(
      View<C>{tile.values1, tile.stride1, 1}, given.hidden1, View<C>{tile.second, tile.stride2, 1},
      tile.units2, [&](unsigned, unsigned unit) { return weights.second_units.bias[unit]; },
      [&](unsigned n, unsigned unit, C sum) {
        const C value = activated(given.activation, sum, weights.second_units, unit);
        keep(first + n, unit, sum, value);
        parts[n] += weights.score[unit] * value;
      });
  const C bias = weights.score[tile.units2];
  for (unsigned n = 0; n < kStepsEach; ++n) {
    const C score = (sum_of_lanes<kUnits>(parts[n]) + bias) * static_cast<C>(given.scale);
    if (threadIdx.x % kUnits == 0) tile.scores[first + n] = score;
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
    score = std::exp(score - top);
    total = total * factor + sum_of_lanes(score);
    return factor;
  }
};

}  // namespace recbench::cuda
