// Elements of tensors as kernels read and write them: float and double as they are, bfloat16 and
// float16 through float.
#pragma once

#include "cuda/device.cuh"

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#else
#include "simd/storage.h"
#endif

namespace recbench::cuda {

#if defined(__CUDACC__)

struct BFloat16 {
  std::uint16_t bits;
};
struct Float16 {
  std::uint16_t bits;
};

template <class S>
struct ComputeType {
  using Type = S;
};
template <>
struct ComputeType<BFloat16> {
  using Type = float;
};
template <>
struct ComputeType<Float16> {
  using Type = float;
};
// The type that a storage type is computed in.
template <class S>
using Compute = typename ComputeType<S>::Type;

__device__ __forceinline__ float widen(float value) {
  return value;
}
__device__ __forceinline__ double widen(double value) {
  return value;
}
__device__ __forceinline__ float widen(BFloat16 value) {
  return __uint_as_float(std::uint32_t{value.bits} << 16);
}
__device__ __forceinline__ float widen(Float16 value) {
  return __half2float(__ushort_as_half(value.bits));
}

// To the nearest, ties to even.
__device__ __forceinline__ void narrow(float value, float& to) {
  to = value;
}
__device__ __forceinline__ void narrow(double value, double& to) {
  to = value;
}
__device__ __forceinline__ void narrow(float value, BFloat16& to) {
  to.bits = __bfloat16_as_ushort(__float2bfloat16_rn(value));
}
__device__ __forceinline__ void narrow(float value, Float16& to) {
  to.bits = __half_as_ushort(__float2half_rn(value));
}

#else

using RECBENCH_ISA::BFloat16;
using RECBENCH_ISA::Compute;
using RECBENCH_ISA::Float16;

template <class S>
Compute<S> widen(S value) {
  Compute<S> wide;
  RECBENCH_ISA::widen(&value, &wide, 1);
  return wide;
}

template <class S>
void narrow(Compute<S> value, S& to) {
  RECBENCH_ISA::narrow(&value, &to, 1);
}

#endif

// Elements that lie together and are read at once.
template <class S, int count>
struct alignas(sizeof(S) * count) Pack {
  S values[count];
};

// How many elements make 16 bytes, the most that a thread reads at once.
template <class S>
constexpr int kPack = 16 / sizeof(S);

// Whether rows of `width` elements from `start` on can be read in packs.
template <class S>
bool in_packs(const void* start, std::int64_t width) {
  return reinterpret_cast<std::uintptr_t>(start) % 16 == 0 && width % kPack<S> == 0;
}

}  // namespace recbench::cuda
