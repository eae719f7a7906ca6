// Which cards the library has kernels for: CMake's list, such as "80-real,90", of which those
// without a suffix also bring PTX for later cards. Empty without CUDA. For Python, through ctypes.
#ifndef RECBENCH_CUDA_ARCHITECTURES
#define RECBENCH_CUDA_ARCHITECTURES ""
#endif

extern "C" __attribute__((visibility("default"))) const char* recbench_cuda_architectures() {
  return RECBENCH_CUDA_ARCHITECTURES;
}
