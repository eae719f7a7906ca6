// The device that an operator's tensors are on: the current one while this lives, as in torch.
#pragma once

#include <utility>
#include <vector>

#include "cuda/device.cuh"
#include "torch_abi/tensor.h"

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
  void demand(const std::vector<Tensor>& tensors) const {
    for (const Tensor& tensor : tensors) demand(tensor);
  }

 private:
  Device device_;
  Stream stream_{};
  std::size_t most_shared_ = 0;
  unsigned multiprocessors_ = 0;
  void* guard_ = nullptr;
};

// The most blocks of a grid.
constexpr std::int64_t kMostBlocks = INT32_MAX;
// Bytes of shared memory left to a kernel's own variables.
constexpr int kStaticShared = 64;

}  // namespace recbench::cuda
