// What kernels are written with: CUDA where nvcc compiles them, its emulation where another
// compiler does.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__CUDACC__)

#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

#define RECBENCH_DYNAMIC_SHARED(type, name)                        \
  extern __shared__ __align__(16) unsigned char recbench_shared[]; \
  type* const name = reinterpret_cast<type*>(recbench_shared)
#define RECBENCH_SHARED(type, name, count) __shared__ type name[count]
#define RECBENCH_UNROLL _Pragma("unroll")

namespace recbench::cuda {

using Stream = cudaStream_t;

inline void check(cudaError_t error) {
  if (error != cudaSuccess) {
    throw std::runtime_error(std::string("recbench: CUDA: ") + cudaGetErrorString(error));
  }
}

// Starts a kernel that has `shared_bytes` of dynamic shared memory; does not wait for it.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            Stream stream, Arguments... arguments) {
  constexpr std::size_t unasked = 48 << 10;
  if (shared_bytes > unasked) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared_bytes)));
  }
  kernel<<<grid, block, shared_bytes, stream>>>(arguments...);
  check(cudaGetLastError());
}

}  // namespace recbench::cuda

#else

#include "cuda/host.h"

#define RECBENCH_UNROLL

namespace recbench::cuda {

// The orders in which blocks and threads run.
struct Stream {
  std::uint32_t seed;
};

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            Stream stream, Arguments... arguments) {
  emulation::launch(grid, block, shared_bytes, [&] { kernel(arguments...); }, stream.seed);
}

}  // namespace recbench::cuda

#endif

namespace recbench::cuda {

constexpr unsigned kWarp = 32;
constexpr unsigned kWholeWarp = ~0u;

}  // namespace recbench::cuda
