// The device that an operator's tensors are on: the current one while this lives, as in torch.
#pragma once

#include "cuda/storage.cuh"
#include "torch_abi/tensor.h"

// A function that Python finds by its name in the library, through ctypes.
#define RECBENCH_FOR_PYTHON extern "C" __attribute__((visibility("default")))

namespace recbench::cuda {

class OnDevice {
 public:
  explicit OnDevice(const Tensor& tensor);
  ~OnDevice();
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  // Torch's current stream: what it has queued there comes before a kernel, and what it will queue
  // there, such as another use of memory that the operator gives back, after it.
  Stream stream() const { return stream_; }
  // Bytes of shared memory that a launch may ask for.
  std::size_t most_shared() const { return most_shared_; }
  unsigned multiprocessors() const { return multiprocessors_; }

  // Throws unless the tensor is on this device.
  void demand(const Tensor& tensor) const {
    require(tensor.device() == device_, "expected all tensors on one device");
  }

 private:
  Device device_;
  Stream stream_{};
  std::size_t most_shared_ = 0;
  unsigned multiprocessors_ = 0;
  void* guard_ = nullptr;
};

// Calls `body` with a value of the storage type of a floating dtype.
template <class Body>
void by_dtype(Dtype dtype, const Body& body) {
  switch (dtype) {
    case Dtype::float32:
      return body(float{});
    case Dtype::float64:
      return body(double{});
    case Dtype::bfloat16:
      return body(BFloat16{});
    case Dtype::float16:
      return body(Float16{});
    default:
      throw std::invalid_argument("recbench: expected a floating dtype");
  }
}

// The most blocks of a grid.
constexpr std::int64_t kMostBlocks = INT32_MAX;

}  // namespace recbench::cuda
