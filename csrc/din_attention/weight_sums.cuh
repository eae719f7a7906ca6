// What a block's rows add to the weights' gradients on the GPU, and the kernel that adds up those
// of all blocks, always in the same order.
#pragma once

#include "din_attention/device_weights.cuh"

namespace recbench::cuda {

// Shaped as DeviceWeights has the weights.
template <class C>
struct WeightSums {
  C *query, *key, *product;   // [width, padded1]
  C* second;                  // [hidden1, padded2]
  C *bias1, *slope1;          // [padded1]
  C *bias2, *slope2, *score;  // [padded2]
  C* bias3;                   // [1]

  __host__ __device__ WeightSums(const DinAttentionArguments& given, DeviceParts<C>& parts) {
    const std::int64_t units1 = padded(given.hidden1), units2 = padded(given.hidden2);
    query = parts.take(given.width * units1);
    key = parts.take(given.width * units1);
    product = parts.take(given.width * units1);
    second = parts.take(given.hidden1 * units2);
    bias1 = parts.take(units1);
    slope1 = parts.take(units1);
    bias2 = parts.take(units2);
    slope2 = parts.take(units2);
    score = parts.take(units2);
    bias3 = parts.take(1);
  }

  static __host__ __device__ std::int64_t count(const DinAttentionArguments& given) {
    DeviceParts<C> parts(nullptr);
    WeightSums(given, parts);
    return parts.taken();
  }
};

// Writes the element that stands at `at` in WeightSums to where it belongs. One of `query` goes
// with its neighbour in `key`: w1 = [Wq, Wk, Wd, Wp], query = Wq + Wd and key = Wk - Wd.
template <class S, class C>
__device__ void write_weight_gradient(const DinAttentionArguments& given,
                                      const DinAttentionGradients& to, std::int64_t at, C sum,
                                      C key) {
  const std::int64_t units1 = padded(given.hidden1), units2 = padded(given.hidden2);
  const std::int64_t width = given.width, matrix = width * units1;
  if (at < 3 * matrix) {
    const std::int64_t unit = at % units1, d = at % matrix / units1;
    if (unit >= given.hidden1) return;
    S* const row = static_cast<S*>(to.w1) + unit * 4 * width + d;
    if (at >= 2 * matrix) return narrow(sum, row[3 * width]);
    narrow(sum, row[0]);
    narrow(key, row[width]);
    return narrow(sum - key, row[2 * width]);
  }
  at -= 3 * matrix;
  if (at < given.hidden1 * units2) {
    const std::int64_t unit = at % units2;
    if (unit >= given.hidden2) return;
    return narrow(sum, static_cast<S*>(to.w2)[unit * given.hidden1 + at / units2]);
  }
  at -= given.hidden1 * units2;
  const auto write = [&](void* vector, std::int64_t units, std::int64_t padded_units) {
    if (vector != nullptr && at >= 0 && at < units) narrow(sum, static_cast<S*>(vector)[at]);
    at -= padded_units;
  };
  write(to.b1, given.hidden1, units1);
  write(to.slope1, given.hidden1, units1);
  write(to.b2, given.hidden2, units2);
  write(to.slope2, given.hidden2, units2);
  write(to.w3, given.hidden2, units2);
  write(to.b3, 1, 1);
}

constexpr unsigned kSumGroups = 8;  // of a block, that share the partial sums of a warp's elements

// `partials` are `count` times WeightSums, `stride` elements apart.
template <class S>
__global__ void __launch_bounds__(kSumGroups* kWarp)
    sum_weights_kernel(DinAttentionArguments given, DinAttentionGradients to,
                       const Compute<S>* partials, std::int64_t stride, std::int64_t count) {
  using C = Compute<S>;
  RECBENCH_SHARED(C, sums, kSumGroups * kWarp);
  RECBENCH_SHARED(C, keys, kSumGroups * kWarp);
  const std::int64_t matrix = given.width * padded(given.hidden1);
  const unsigned lane = threadIdx.x % kWarp;
  std::int64_t at = std::int64_t{blockIdx.x} * kWarp + lane;
  const bool paired = at < matrix;
  if (!paired) at += matrix;  // `key` is summed with `query`.
  const bool exists = at < WeightSums<C>::count(given);
  C sum = 0, key = 0;
  for (std::int64_t n = threadIdx.x / kWarp; exists && n < count; n += kSumGroups) {
    sum += partials[n * stride + at];
    if (paired) key += partials[n * stride + at + matrix];
  }
  sums[threadIdx.x] = sum;
  keys[threadIdx.x] = key;
  __syncthreads();
  if (threadIdx.x >= kWarp || !exists) return;
  for (unsigned n = 1; n < kSumGroups; ++n) {
    sum += sums[n * kWarp + lane];
    key += keys[n * kWarp + lane];
  }
  write_weight_gradient<S>(given, to, at, sum, key);
}

template <class S>
void sum_weights(const DinAttentionArguments& given, const DinAttentionGradients& to,
                 const Compute<S>* partials, std::int64_t stride, std::int64_t count,
                 Stream stream) {
  const std::int64_t elements =
      WeightSums<Compute<S>>::count(given) - given.width * padded(given.hidden1);
  launch(sum_weights_kernel<S>, static_cast<unsigned>((elements + kWarp - 1) / kWarp),
         kSumGroups * kWarp, 0, stream, given, to, partials, stride, count);
}

}  // namespace recbench::cuda
