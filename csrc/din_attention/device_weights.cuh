// The weights as the kernels for GPUs read them: widened, folded, transposed and padded, once a
// call, in memory that the caller gives.
#pragma once

#include "cuda/storage.cuh"
#include "din_attention/kernel.h"

namespace recbench::cuda {

// Units that are computed side by side, to a multiple of which layers are filled up with zeros.
constexpr unsigned kUnits = 16;

inline __host__ __device__ unsigned padded(std::int64_t units) {
  return static_cast<unsigned>((units + kUnits - 1) / kUnits * kUnits);
}

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

// An activation's weights for each unit of a layer; those that it does not have are 0.
template <class C>
struct UnitWeights {
  const C *bias, *slope, *mean, *gain;
};

template <class C>
struct DeviceWeights {
  // [width, padded1]: of the query, of a key, and of their product.
  const C *query, *key, *product;
  const C* second;  // [hidden1, padded2]
  const C* score;   // [padded2], and then its bias
  UnitWeights<C> first_units, second_units;

  // `memory` has device_weights_count elements.
  __host__ __device__ DeviceWeights(const DinAttentionArguments& given, const C* memory) {
    const std::int64_t units1 = padded(given.hidden1), units2 = padded(given.hidden2);
    query = memory;
    key = query + given.width * units1;
    product = key + given.width * units1;
    second = product + given.width * units1;
    score = second + given.hidden1 * units2;
    const C* const of_first = score + units2 + 1;
    const C* const of_second = of_first + 4 * units1;
    first_units = {of_first, of_first + units1, of_first + 2 * units1, of_first + 3 * units1};
    second_units = {of_second, of_second + units2, of_second + 2 * units2, of_second + 3 * units2};
  }
};

inline std::int64_t device_weights_count(const DinAttentionArguments& given) {
  const std::int64_t units1 = padded(given.hidden1), units2 = padded(given.hidden2);
  return (3 * given.width + 4) * units1 + (given.hidden1 + 5) * units2 + 1;
}

constexpr unsigned kWeightThreads = 256;

// One element of what stands in DeviceWeights, by its place there.
template <class S, class C>
__device__ C device_weight(const DinAttentionArguments& given, std::int64_t at) {
  const std::int64_t units1 = padded(given.hidden1), units2 = padded(given.hidden2);
  const auto read = [](const void* tensor, std::int64_t n) {
    return tensor == nullptr ? C{0} : C{widen(static_cast<const S*>(tensor)[n])};
  };
  const std::int64_t matrix = given.width * units1;
  if (at < 3 * matrix) {
    const std::int64_t which = at / matrix, d = at % matrix / units1, unit = at % units1;
    if (unit >= given.hidden1) return 0;
    const std::int64_t row = unit * 4 * given.width + d;
    if (which == 0) return read(given.w1, row) + read(given.w1, row + 2 * given.width);
    if (which == 1) {
      return read(given.w1, row + given.width) - read(given.w1, row + 2 * given.width);
    }
    return read(given.w1, row + 3 * given.width);
  }
  at -= 3 * matrix;
  if (at < given.hidden1 * units2) {
    const std::int64_t unit = at % units2;
    return unit < given.hidden2 ? read(given.w2, unit * given.hidden1 + at / units2) : C{0};
  }
  at -= given.hidden1 * units2;
  if (at < units2) return at < given.hidden2 ? read(given.w3, at) : C{0};
  at -= units2;
  if (at == 0) return read(given.b3, 0);
  at -= 1;
  const bool first = at < 4 * units1;
  if (!first) at -= 4 * units1;
  const std::int64_t units = first ? units1 : units2,
                     hidden = first ? given.hidden1 : given.hidden2;
  const std::int64_t unit = at % units;
  if (unit >= hidden) return 0;
  const void* const gate = first ? given.gate1 : given.gate2;
  switch (at / units) {
    case 0:
      return read(first ? given.b1 : given.b2, unit);
    case 1:
      return read(first ? given.slope1 : given.slope2, unit);
    default:
      return read(gate, at / units == 2 ? unit : hidden + unit);
  }
}

template <class S, class C>
__global__ void __launch_bounds__(kWeightThreads)
    device_weights_kernel(DinAttentionArguments given, C* to, std::int64_t count) {
  const std::int64_t at = std::int64_t{blockIdx.x} * kWeightThreads + threadIdx.x;
  if (at < count) to[at] = device_weight<S, C>(given, at);
}

// Writes what DeviceWeights reads.
template <class S, class C>
void prepare_weights(const DinAttentionArguments& given, C* to, Stream stream) {
  const std::int64_t count = device_weights_count(given);
  launch(device_weights_kernel<S, C>,
         static_cast<unsigned>((count + kWeightThreads - 1) / kWeightThreads), kWeightThreads, 0,
         stream, given, to, count);
}

}  // namespace recbench::cuda
