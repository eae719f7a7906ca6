// A block of DIN attention's backward pass on the GPU, and its own memory in the workspace, of
// which each element is one thread's at a time.
#pragma once

#include "din_attention/backward_tile.cuh"
#include "din_attention/weight_sums.cuh"

namespace recbench::cuda {

// A block's own memory in the workspace.
template <class C>
struct BackwardPartial {
  WeightSums<C> sums;
  C* outer;  // G, [width, padded1]

  __host__ __device__ BackwardPartial(const DinAttentionArguments& given, DeviceParts<C>& parts)
      : sums(given, parts), outer(parts.take(given.width * padded(given.hidden1))) {}

  static std::int64_t count(const DinAttentionArguments& given) {
    DeviceParts<C> parts(nullptr);
    BackwardPartial(given, parts);
    return parts.taken();
  }
};

template <class S>
struct BackwardBlock {
  using C = Compute<S>;
  const DinAttentionArguments& given;
  const DinAttentionGradients& to;
  const bool packed_keys;
  const DeviceWeights<C> weights;
  const BackwardTile<C> tile;
  const BackwardPartial<C> partial;

  // Before the first row.
  __device__ void start() const {
    tile.fill_padding();
    __syncthreads();
    bring_second(given, weights, tile);
    if (to.b3 != nullptr)
      tile.zero(partial.sums.query, static_cast<unsigned>(WeightSums<C>::count(given)));
  }

  __device__ void run_row(std::int64_t row) const {
    const std::int64_t length = clamped_length(given, row);
    __syncthreads();
    start_row(row, length);
    if (length == 0) return;
    __syncthreads();
    fold(given, weights, tile.query, tile);
    // Softmax needs all scores before any has a gradient; the layers are then computed twice.
    const bool apart = given.softmax && length > kSteps;
    HistorySoftmax<C> softmax;
    for (int pass = apart ? 0 : 1; pass < 2; ++pass) {
      for (std::int64_t t = 0; t < length; t += kSteps) {
        const unsigned steps = steps_of_tile(length, t);
        run_steps(row, t, steps);
        if (threadIdx.x < kWarp && given.softmax && apart == (pass == 0)) {
          softmax.add_tile(
              threadIdx.x < steps ? tile.scores[threadIdx.x] : -static_cast<C>(INFINITY),
              threadIdx.x < steps ? tile.pulls[threadIdx.x] : C{0});
        }
        if (pass == 1) differentiate(row, t, steps, softmax);
      }
    }
    if (to.b3 != nullptr || to.query != nullptr) finish_row(row);
  }

 private:
  __device__ std::int64_t at_step(std::int64_t row, std::int64_t step) const {
    return (row * given.steps + step) * given.width;
  }

  // Brings what the row has one of, and writes the gradients of what is not there.
  __device__ void start_row(std::int64_t row, std::int64_t length) const {
    for (std::int64_t d = threadIdx.x; d < given.width; d += kDinThreads) {
      const std::int64_t at = row * given.width + d;
      tile.query[d] = widen(static_cast<const S*>(given.query)[at]);
      tile.gradient[d] = widen(static_cast<const S*>(to.output)[at]);
      if (length == 0 && to.query != nullptr) narrow(C{0}, static_cast<S*>(to.query)[at]);
    }
    tile.zero(tile.first_sums, tile.first.units);
    if (to.keys == nullptr) return;
    S* const keys = static_cast<S*>(to.keys);
    const std::int64_t end = at_step(row, given.steps);
    for (std::int64_t i = at_step(row, length) + threadIdx.x; i < end; i += kDinThreads) {
      narrow(C{0}, keys[i]);
    }
  }

  // The hidden layers, scores and pulls of a tile.
  __device__ void run_steps(std::int64_t row, std::int64_t t, unsigned steps) const {
    const S* const keys = static_cast<const S*>(given.keys) + at_step(row, t);
    __syncthreads();
    bring_keys(keys, packed_keys, given.width, steps, tile);
    __syncthreads();
    pull_steps(tile);
    score_steps(given, weights, tile);
    __syncthreads();
  }

  __device__ void differentiate(std::int64_t row, std::int64_t t, unsigned steps,
                                const HistorySoftmax<C>& softmax) const {
    if (threadIdx.x < kWarp) {
      const C sum = weigh_steps(given, steps, softmax, tile);
      if (threadIdx.x == 0 && to.b3 != nullptr) partial.sums.bias3[0] += sum;
    }
    __syncthreads();
    differentiate_second(steps);
    __syncthreads();
    if (to.b3 != nullptr) add_second(steps);
    __syncthreads();
    differentiate_first();
    __syncthreads();
    if (to.keys != nullptr) write_keys(row, t, steps);
    if (to.b3 == nullptr && to.query == nullptr) return;
    add_first_sums(steps);
    add_outer(t, steps);
  }

  // Turns the second layer's values into the gradients of its sums, a unit for each thread.
  __device__ void differentiate_second(unsigned steps) const {
    for (unsigned unit = threadIdx.x; unit < tile.second.units; unit += kDinThreads) {
      const C weight = weights.score[unit], slope = weights.second_units.slope[unit];
      C of_score = 0, of_bias = 0, of_slope = 0;
      for (unsigned t = 0; t < steps; ++t) {
        const unsigned at = t * tile.second.stride + unit;
        const C pull = tile.score_gradients[t];
        const auto gradient =
            differentiated(given.activation, tile.second, at, slope, pull * weight);
        of_score += pull * tile.second.values[at];
        of_bias += gradient.sum;
        of_slope += gradient.slope;
        tile.second.values[at] = gradient.sum;
      }
      if (to.b3 == nullptr) continue;
      partial.sums.score[unit] += of_score;
      partial.sums.bias2[unit] += of_bias;
      partial.sums.slope2[unit] += of_slope;
    }
  }

  // The gradient of the second layer's weight.
  __device__ void add_second(unsigned steps) const {
    const unsigned units = tile.second.units;
    for (unsigned from = 0; from + first_row() < tile.first.units; from += kSteps) {
      const unsigned row = from + first_row();
      C* const sums = partial.sums.second + std::int64_t{row} * units;
      multiply(
          View<C>{tile.first.values + from, 1, tile.first.stride}, steps,
          View<C>{tile.second.values, tile.second.stride, 1}, units,
          [&](unsigned n, unsigned unit) {
            return row + n < given.hidden1 ? sums[n * units + unit] : C{0};
          },
          [&](unsigned n, unsigned unit, C sum) {
            if (row + n < given.hidden1) sums[n * units + unit] = sum;
          });
    }
  }

  // Turns the first layer's values into the gradients of its sums, and the sums into those of the
  // slopes.
  __device__ void differentiate_first() const {
    const LayerTile<C>& first = tile.first;
    const auto hidden2 = static_cast<unsigned>(given.hidden2);
    const unsigned begin = first_row() * first.stride;
    multiply(
        View<C>{tile.second.values, tile.second.stride, 1}, hidden2,
        View<C>{tile.weight2, 1, tile.second.stride}, first.units,
        [](unsigned, unsigned) { return C{0}; },
        [&](unsigned n, unsigned unit, C pull) {
          const unsigned at = begin + n * first.stride + unit;
          const auto gradient =
              differentiated(given.activation, first, at, weights.first_units.slope[unit], pull);
          first.values[at] = gradient.sum;
          if (first.sums != nullptr) first.sums[at] = gradient.slope;
        });
  }

  __device__ void add_first_sums(unsigned steps) const {
    const LayerTile<C>& first = tile.first;
    for (unsigned unit = threadIdx.x; unit < first.units; unit += kDinThreads) {
      C of_bias = 0, of_slope = 0;
      for (unsigned t = 0; t < steps; ++t) {
        of_bias += first.values[t * first.stride + unit];
        if (first.sums != nullptr) of_slope += first.sums[t * first.stride + unit];
      }
      tile.first_sums[unit] += of_bias;
      if (to.b3 == nullptr) continue;
      partial.sums.bias1[unit] += of_bias;
      partial.sums.slope1[unit] += of_slope;
    }
  }

  __device__ void write_keys(std::int64_t row, std::int64_t t, unsigned steps) const {
    S* const keys = static_cast<S*>(to.keys) + at_step(row, t);
    const auto hidden1 = static_cast<unsigned>(given.hidden1);
    const unsigned first = first_row();
    multiply(
        View<C>{tile.first.values, tile.first.stride, 1}, hidden1,
        View<C>{tile.folded, 1, tile.first.stride}, tile.columns,
        [&](unsigned n, unsigned d) { return tile.weights[first + n] * tile.gradient[d]; },
        [&](unsigned n, unsigned d, C sum) {
          if (first + n >= steps || d >= given.width) return;
          narrow(sum, keys[(first + n) * given.width + d]);
        });
  }

  // Adds a tile to G.
  __device__ void add_outer(std::int64_t t, unsigned steps) const {
    const unsigned units = tile.first.units;
    for (unsigned from = 0; from + first_row() < tile.columns; from += kSteps) {
      const unsigned d = from + first_row();
      C* const outer = partial.outer + std::int64_t{d} * units;
      multiply(
          View<C>{tile.keys + from, 1, tile.key_stride}, steps,
          View<C>{tile.first.values, tile.first.stride, 1}, units,
          [&](unsigned n, unsigned unit) {
            return t > 0 && d + n < given.width ? outer[n * units + unit] : C{0};
          },
          [&](unsigned n, unsigned unit, C sum) {
            if (d + n < given.width) outer[n * units + unit] = sum;
          });
    }
  }

  // What the whole history adds to the first layer's weights and to the query, whose columns are
  // shared by as many threads as there are units side by side.
  __device__ void finish_row(std::int64_t row) const {
    __syncthreads();
    for (unsigned d = threadIdx.x / kUnits; d < tile.columns; d += kDinThreads / kUnits) {
      C query = 0;
      for (unsigned unit = threadIdx.x % kUnits; d < given.width && unit < tile.first.units;
           unit += kUnits) {
        const unsigned at = d * tile.first.units + unit;
        const C outer = partial.outer[at], sum = tile.first_sums[unit];
        query += sum * weights.query[at] + outer * weights.product[at];
        if (to.b3 == nullptr) continue;
        partial.sums.query[at] += sum * tile.query[d];
        partial.sums.key[at] += outer;
        partial.sums.product[at] += outer * tile.query[d];
      }
      query = sum_of_lanes<kUnits>(query);
      if (to.query != nullptr && threadIdx.x % kUnits == 0 && d < given.width) {
        narrow(query, static_cast<S*>(to.query)[row * given.width + d]);
      }
    }
  }
};

}  // namespace recbench::cuda
