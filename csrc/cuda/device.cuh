// What kernels are written with: CUDA where nvcc compiles them, its emulation where another
// compiler does.
#pragma once

#include <cstddef>
#include <cstdint>

namespace recbench::cuda {

// Bytes of shared memory that a block has unasked, a kernel's own variables included, and those
// that such variables take at most where a launch adds to them.
constexpr std::size_t kUnaskedShared = 48 << 10;
constexpr int kStaticShared = 64;

inline bool must_ask(std::size_t dynamic_bytes) {
  return dynamic_bytes > kUnaskedShared - kStaticShared;
}

}  // namespace recbench::cuda

#if defined(__CUDACC__)

#include <cuda_runtime.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#define RECBENCH_DYNAMIC_SHARED(type, name)                        \
  extern __shared__ __align__(16) unsigned char recbench_shared[]; \
  type* const name = reinterpret_cast<type*>(recbench_shared)
#define RECBENCH_SHARED(type, name, count) __shared__ type name[count]
#define RECBENCH_UNROLL _Pragma("unroll")

namespace recbench::cuda {

using Stream = cudaStream_t;

// Throws what a call of the runtime says, which is then forgotten: else the next launch would say
// it.
inline void check(cudaError_t error) {
  if (error != cudaSuccess) {
    cudaGetLastError();
    throw std::runtime_error(std::string("recbench: CUDA: ") + cudaGetErrorString(error));
  }
}

// Lets a kernel have all the shared memory that a block of the current device can. The limit is the
// function's, whoever launches it: if each launch set its own, two threads' would undo each other.
inline void allow_shared(const void* kernel) {
  thread_local std::vector<std::pair<const void*, int>> allowed;
  std::pair<const void*, int> here{kernel, 0};
  check(cudaGetDevice(&here.second));
  if (std::find(allowed.begin(), allowed.end(), here) != allowed.end()) return;
  cudaFuncAttributes own;
  int most = 0;
  check(cudaFuncGetAttributes(&own, kernel));
  check(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, here.second));
  most -= static_cast<int>(own.sharedSizeBytes);
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, most));
  allowed.push_back(here);
}

// Starts a kernel that has `shared_bytes` of dynamic shared memory; does not wait for it.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            Stream stream, Arguments... arguments) {
  if (must_ask(shared_bytes)) allow_shared(reinterpret_cast<const void*>(kernel));
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
  const std::size_t most = must_ask(shared_bytes) ? emulation::kMostShared : kUnaskedShared;
  emulation::launch(grid, block, {shared_bytes, most}, [&] { kernel(arguments...); }, stream.seed);
}

}  // namespace recbench::cuda

#endif

namespace recbench::cuda {

constexpr unsigned kWarp = 32;
constexpr unsigned kWholeWarp = ~0u;

}  // namespace recbench::cuda
