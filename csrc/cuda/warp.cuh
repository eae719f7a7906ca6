// Sums over the lanes of a warp, in an order that is always the same.
#pragma once

#include "cuda/device.cuh"

namespace recbench::cuda {

// Every lane of each `lanes` neighbours, a power of two, gets their sum.
template <unsigned lanes = kWarp, class C>
__device__ C sum_of_lanes(C value) {
  for (unsigned flip = lanes / 2; flip > 0; flip /= 2) {
    value += __shfl_xor_sync(kWholeWarp, value, flip);
  }
  return value;
}

}  // namespace recbench::cuda
