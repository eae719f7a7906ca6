// A tensor as operators see it: one owned handle, freed on every path.
#pragma once

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "torch_abi/declarations.h"

namespace recbench {

// Throws if a call of torch's C ABI failed: with what torch says of it, or, where it is too old to
// say and has printed it instead, with what is most likely.
inline void check(AOTITorchError error, const char* what, const char* likely = "see above") {
  if (error == 0) return;
  const bool says = torch_exception_get_what_without_backtrace != nullptr;
  throw std::runtime_error(std::string("recbench: torch refused to ") + what + ": " +
                           (says ? torch_exception_get_what_without_backtrace() : likely));
}

// Throws what Python raises as ValueError; the Python wrappers check first and say more.
inline void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(std::string("recbench: ") + what);
}

struct Device {
  std::int32_t type, index;

  bool operator==(const Device& other) const { return type == other.type && index == other.index; }
};

enum class Dtype { float32, float64, bfloat16, float16, int64, other };

class Tensor {
 public:
  explicit Tensor(AtenTensorHandle owned) : handle_(owned) {}
  Tensor(Tensor&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Tensor& operator=(Tensor&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;
  ~Tensor() {
    if (handle_ != nullptr) aoti_torch_delete_tensor_object(handle_);
  }

  AtenTensorHandle handle() const { return handle_; }
  AtenTensorHandle release() { return std::exchange(handle_, nullptr); }

  std::int64_t dim() const { return ask<std::int64_t>(aoti_torch_get_dim, "count dimensions"); }
  std::int64_t numel() const { return ask<std::int64_t>(aoti_torch_get_numel, "count elements"); }
  std::int64_t size(std::int64_t axis) const {
    std::int64_t value;
    check(aoti_torch_get_size(handle_, axis, &value), "tell a size");
    return value;
  }

  Device device() const {
    return {ask<std::int32_t>(aoti_torch_get_device_type, "tell a device"),
            ask<std::int32_t>(aoti_torch_get_device_index, "tell a device")};
  }

  Dtype dtype() const {
    const auto code = ask<std::int32_t>(aoti_torch_get_dtype, "tell a dtype");
    if (code == aoti_torch_dtype_float32()) return Dtype::float32;
    if (code == aoti_torch_dtype_float64()) return Dtype::float64;
    if (code == aoti_torch_dtype_bfloat16()) return Dtype::bfloat16;
    if (code == aoti_torch_dtype_float16()) return Dtype::float16;
    return code == aoti_torch_dtype_int64() ? Dtype::int64 : Dtype::other;
  }

  template <typename T>
  const T* data() const {
    const void* pointer;
    check(torch_get_const_data_ptr(handle_, &pointer), "give a tensor's data");
    return static_cast<const T*>(pointer);
  }
  template <typename T>
  T* mutable_data() {
    void* pointer;
    check(torch_get_mutable_data_ptr(handle_, &pointer), "give a tensor's data");
    return static_cast<T*>(pointer);
  }

  // A new, uninitialised, contiguous tensor of the same dtype and device.
  Tensor empty(std::initializer_list<std::int64_t> shape) const {
    return empty(std::vector<std::int64_t>(shape),
                 ask<std::int32_t>(aoti_torch_get_dtype, "tell a dtype"));
  }
  // The same of another dtype.
  Tensor empty(std::initializer_list<std::int64_t> shape, Dtype dtype) const {
    return empty(std::vector<std::int64_t>(shape), code(dtype));
  }

  // The tensor itself if its elements lie in order without gaps, else a copy in which they do.
  Tensor contiguous() const {
    if (ask<bool>(aoti_torch_is_contiguous, "tell whether a tensor is contiguous")) {
      return share();
    }
    return copy(ask<std::int32_t>(aoti_torch_get_dtype, "tell a dtype"));
  }

  // The tensor itself if it is of that dtype, else a copy which is.
  Tensor to(Dtype wanted) const { return dtype() == wanted ? share() : copy(code(wanted)); }

  // Takes another tensor's elements, of any dtype; it has the same shape.
  void copy_from(const Tensor& from) {
    check(aoti_torch_copy_(handle_, from.handle_, 0), "copy a tensor");
  }

  // The same memory under another shape; `offset` more elements are passed over, which torch adds
  // to the tensor's own offset.
  Tensor view(std::initializer_list<std::int64_t> sizes,
              std::initializer_list<std::int64_t> strides, std::int64_t offset = 0) const {
    AtenTensorHandle seen;
    check(aoti_torch__reinterpret_tensor(handle_, static_cast<std::int64_t>(sizes.size()),
                                         sizes.begin(), strides.begin(), offset, &seen),
          "view a tensor");
    return Tensor(seen);
  }

 private:
  template <typename Value>
  Value ask(AOTITorchError (*question)(AtenTensorHandle, Value*), const char* what) const {
    Value value;
    check(question(handle_, &value), what);
    return value;
  }

  static std::int32_t code(Dtype dtype) {
    switch (dtype) {
      case Dtype::float32:
        return aoti_torch_dtype_float32();
      case Dtype::float64:
        return aoti_torch_dtype_float64();
      case Dtype::bfloat16:
        return aoti_torch_dtype_bfloat16();
      case Dtype::float16:
        return aoti_torch_dtype_float16();
      case Dtype::int64:
        return aoti_torch_dtype_int64();
      case Dtype::other:
        break;
    }
    throw std::invalid_argument("recbench: no such dtype");
  }

  Tensor share() const {
    AtenTensorHandle same;
    check(aoti_torch_new_tensor_handle(handle_, &same), "share a tensor");
    return Tensor(same);
  }

  // A contiguous copy.
  Tensor copy(std::int32_t dtype) const {
    std::vector<std::int64_t> shape;
    for (std::int64_t axis = 0; axis < dim(); ++axis) shape.push_back(size(axis));
    Tensor made = empty(shape, dtype);
    made.copy_from(*this);
    return made;
  }

  Tensor empty(const std::vector<std::int64_t>& shape, std::int32_t dtype) const {
    std::vector<std::int64_t> strides(shape.size(), 1);
    for (std::size_t axis = shape.size(); axis-- > 1;) {
      strides[axis - 1] = strides[axis] * (shape[axis] > 0 ? shape[axis] : 1);
    }
    const Device here = device();
    AtenTensorHandle made;
    check(aoti_torch_empty_strided(static_cast<std::int64_t>(shape.size()), shape.data(),
                                   strides.data(), dtype, here.type, here.index, &made),
          "make a tensor", "probably out of memory");
    return Tensor(made);
  }

  AtenTensorHandle handle_;
};

// Throws unless a tensor is a vector of int64, of `length` elements if that is not negative.
inline void require_int64(const Tensor& tensor, std::int64_t length, const char* what) {
  require(tensor.dim() == 1 && tensor.dtype() == Dtype::int64, what);
  require(length < 0 || tensor.size(0) == length, what);
}

// out = a b, by torch's own matrix multiply.
inline void multiply_into(Tensor& out, const Tensor& a, const Tensor& b) {
  check(aoti_torch_mm_out(out.handle(), a.handle(), b.handle()), "multiply matrices");
}

}  // namespace recbench
