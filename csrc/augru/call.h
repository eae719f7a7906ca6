// A call of the AUGRU as torch makes it, on any device.
#pragma once

#include <vector>

#include "augru/kernel.h"
#include "torch_abi/tensor.h"

namespace recbench {

// Tensors made contiguous, checked and kept while kernels read them.
class AugruCall {
 public:
  AugruCall(const Tensor& x, const Tensor& w_hh, std::int64_t mode, bool reset_after)
      : dtype(x.dtype()) {
    require(x.dim() == 3, "augru: x must be [B, T, I]");
    require(w_hh.dim() == 2, "augru: w_hh must be [3H, H]");
    require(dtype < Dtype::int64, "augru: x must be float32, float64, bfloat16 or float16");
    require(0 <= mode && mode <= 2, "augru: att_mode must be 0, 1 or 2");
    shape = {x.size(0),  x.size(1), x.size(2), w_hh.size(1), static_cast<AttentionMode>(mode),
             reset_after};
  }

  // The tensor's data, which is there as long as this.
  const void* take(const Tensor& tensor, const std::vector<std::int64_t>& sizes,
                   const char* refusal) {
    return keep(tensor, sizes, dtype, refusal);
  }

  // The same, or null for an empty tensor, which stands for one that is not there.
  const void* take_optional(const Tensor& tensor, const std::vector<std::int64_t>& sizes,
                            const char* refusal) {
    return tensor.numel() == 0 ? nullptr : take(tensor, sizes, refusal);
  }

  const std::int64_t* take_lengths(const Tensor& lengths) {
    return static_cast<const std::int64_t*>(
        keep(lengths, {shape.batch}, Dtype::int64, "augru: lengths must be int64 of [B]"));
  }
  const void* take_x(const Tensor& x) {
    return take(x, {shape.batch, shape.steps, shape.inputs}, "augru: x must be [B, T, I]");
  }
  const void* take_attention(const Tensor& attention) {
    return take(attention, {shape.batch, shape.steps}, "augru: attention must be [B, T] as x is");
  }
  const void* take_h0(const Tensor& h0) {
    return take_optional(h0, {shape.batch, shape.hidden}, "augru: h0 must be [B, H] as x is");
  }
  const void* take_w_ih(const Tensor& w_ih) {
    return take(w_ih, {3 * shape.hidden, shape.inputs}, "augru: w_ih must be [3H, I] as x is");
  }
  const void* take_w_hh(const Tensor& w_hh) {
    return take(w_hh, {3 * shape.hidden, shape.hidden}, "augru: w_hh must be [3H, H] as x is");
  }
  const void* take_bias(const Tensor& bias) {
    return take(bias, {3 * shape.hidden}, "augru: biases must be [3H] as x is");
  }
  const void* take_outputs(const Tensor& outputs) {
    return take(outputs, {shape.batch, shape.steps, shape.hidden},
                "augru: outputs must be [B, T, H] as x is");
  }
  const void* take_saved(const Tensor& saved) {
    return take(saved, {shape.batch * shape.steps, augru_saved(shape)},
                "augru: saved must be the forward pass's");
  }
  const void* take_grad_outputs(const Tensor& gradient) {
    return take_optional(gradient, {shape.batch, shape.steps, shape.hidden},
                         "augru: grad_outputs must be [B, T, H] as x is");
  }
  const void* take_grad_last(const Tensor& gradient) {
    return take_optional(gradient, {shape.batch, shape.hidden},
                         "augru: grad_last must be [B, H] as x is");
  }

  AugruShape shape;
  const Dtype dtype;

 private:
  const void* keep(const Tensor& tensor, const std::vector<std::int64_t>& sizes, Dtype expected,
                   const char* refusal) {
    bool fits = tensor.dtype() == expected && tensor.dim() == std::int64_t(sizes.size());
    for (std::size_t axis = 0; fits && axis < sizes.size(); ++axis) {
      fits = tensor.size(std::int64_t(axis)) == sizes[axis];
    }
    require(fits, refusal);
    kept_.push_back(tensor.contiguous());
    return kept_.back().data<char>();
  }

  std::vector<Tensor> kept_;
};

}  // namespace recbench
