#include "cuda/on_device.cuh"

#if defined(__CUDACC__)

#include <dlfcn.h>

namespace recbench::cuda {
namespace {

// What torch's CUDA library gives. It is looked up where torch has loaded it, since a torch without
// CUDA has none and this library must load beside that too.
struct TorchCuda {
  decltype(&aoti_torch_create_cuda_guard) create_guard;
  decltype(&aoti_torch_delete_cuda_guard) delete_guard;
  decltype(&aoti_torch_get_current_cuda_stream) current_stream;
};

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) {
    throw std::runtime_error(std::string("recbench: this torch's CUDA library has no ") + name);
  }
}

TorchCuda find_torch_cuda() {
  void* const library = dlopen("libtorch_cuda.so", RTLD_LAZY | RTLD_NOLOAD);
  if (library == nullptr) {
    throw std::runtime_error("recbench: this torch has not loaded libtorch_cuda.so");
  }
  TorchCuda found;
  find(library, "aoti_torch_create_cuda_guard", found.create_guard);
  find(library, "aoti_torch_delete_cuda_guard", found.delete_guard);
  find(library, "aoti_torch_get_current_cuda_stream", found.current_stream);
  return found;
}

const TorchCuda& torch_cuda() {
  static const TorchCuda found = find_torch_cuda();
  return found;
}

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

}  // namespace

OnDevice::OnDevice(const Tensor& tensor) : device_(tensor.device()) {
  const TorchCuda& torch = torch_cuda();
  const int index = device_.index;
  CUDAGuardHandle guard = nullptr;
  recbench::check(torch.create_guard(index, &guard), "make a device the current one");
  guard_ = guard;
  try {
    // Torch has told its own copy of the CUDA runtime alone.
    check(cudaSetDevice(index));
    void* stream = nullptr;
    recbench::check(torch.current_stream(index, &stream), "give the current stream");
    stream_ = static_cast<Stream>(stream);
    most_shared_ = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, index) - kStaticShared;
    multiprocessors_ = attribute(cudaDevAttrMultiProcessorCount, index);
  } catch (...) {
    torch.delete_guard(guard);
    throw;
  }
}

OnDevice::~OnDevice() {
  torch_cuda().delete_guard(static_cast<CUDAGuardHandle>(guard_));
}

namespace {

__global__ void nothing_kernel() {}

// Whether the current device's driver can load what is compiled in here: one that is older than the
// compiler refuses PTX, which a card newer than all architectures needs.
bool loads() {
  cudaFuncAttributes attributes;
  return cudaFuncGetAttributes(&attributes, nothing_kernel) == cudaSuccess;
}

}  // namespace
}  // namespace recbench::cuda

// A device's compute capability, such as 90; 0 where the CUDA runtime in here has no such device or
// cannot load a kernel for it.
RECBENCH_FOR_PYTHON std::int64_t recbench_capability(std::int64_t device) {
  int before = 0, major = 0, minor = 0;
  const int index = static_cast<int>(device);
  // To set a device makes a context on it: not on another one than that which is asked about.
  if (cudaGetDevice(&before) == cudaSuccess && cudaSetDevice(index) == cudaSuccess) {
    if (recbench::cuda::loads()) {
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index);
      cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, index);
    }
    if (before != index) cudaSetDevice(before);
  }
  cudaGetLastError();  // what has failed is told by the answer alone
  return 10 * major + minor;
}

// What `OnDevice::most_shared` is on a device, before it is current; 0 where there is none.
RECBENCH_FOR_PYTHON std::int64_t recbench_most_shared(std::int64_t device) {
  int bytes = recbench::cuda::kStaticShared;
  const auto which = cudaDevAttrMaxSharedMemoryPerBlockOptin;
  cudaDeviceGetAttribute(&bytes, which, static_cast<int>(device));
  cudaGetLastError();
  return bytes - recbench::cuda::kStaticShared;
}

#else

namespace recbench::cuda {

// The emulation's device is the host; of its streams each has another order.
OnDevice::OnDevice(const Tensor& tensor)
    : device_(tensor.device()),
      most_shared_(emulation::kMostShared - kStaticShared),
      multiprocessors_(2) {
  static std::uint32_t calls = 0;
  stream_ = Stream{++calls};
}

OnDevice::~OnDevice() = default;

}  // namespace recbench::cuda

RECBENCH_FOR_PYTHON std::int64_t recbench_most_shared(std::int64_t) {
  return recbench::emulation::kMostShared - recbench::cuda::kStaticShared;
}

#endif
