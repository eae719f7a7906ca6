// The tensors of a call of DIN attention, checked as far as their shapes and dtypes tell.
#pragma once

#include <initializer_list>
#include <vector>

#include "din_attention/kernel.h"
#include "torch_abi/tensor.h"

namespace recbench {

// The tensors of one call, in memory order, and what the kernels read of them.
class DinAttentionCall {
 public:
  DinAttentionCall(Tensor&& query, Tensor&& keys, Tensor&& lengths, std::vector<Tensor>&& weights,
                   std::int64_t activation, bool softmax, double scale)
      : dtype_(query.dtype()) {
    require(dtype_ != Dtype::int64 && dtype_ != Dtype::other,
            "query: expected float32, float64, bfloat16 or float16");
    require(activation >= 0 && activation <= 3, "activation: expected 0 to 3");
    require(query.dim() == 2, "query: expected two dimensions");
    const Tensor& w1 = weights[0];
    const Tensor& w2 = weights[2];
    require(w1.dim() == 2 && w2.dim() == 2, "w1, w2: expected two dimensions");
    given_.batch = query.size(0);
    given_.width = query.size(1);
    given_.hidden1 = w1.size(0);
    given_.hidden2 = w2.size(0);
    given_.activation = static_cast<DinActivation>(activation);
    given_.softmax = softmax;
    given_.scale = scale;
    require(keys.dim() == 3 && keys.size(0) == given_.batch && keys.size(2) == given_.width,
            "keys: expected shape [B, T, D] as query has");
    given_.steps = keys.size(1);
    require(
        lengths.dtype() == Dtype::int64 && lengths.dim() == 1 && lengths.size(0) == given_.batch,
        "lengths: expected [B] of int64");
    const bool dice = given_.activation == DinActivation::dice;
    const bool sloped = dice || given_.activation == DinActivation::prelu;
    require(w1.size(1) == 4 * given_.width, "w1: expected shape [H1, 4 D]");
    require(w2.size(1) == given_.hidden1, "w2: expected shape [H2, H1]");
    given_.query = keep(std::move(query));
    given_.keys = keep(std::move(keys));
    given_.w1 = keep(std::move(weights[0]));
    given_.b1 = keep(std::move(weights[1]), {given_.hidden1}, "b1: expected shape [H1]");
    given_.w2 = keep(std::move(weights[2]));
    given_.b2 = keep(std::move(weights[3]), {given_.hidden2}, "b2: expected shape [H2]");
    given_.w3 = keep(std::move(weights[4]), {given_.hidden2}, "w3: expected shape [H2]");
    given_.b3 = keep(std::move(weights[5]), {1}, "b3: expected shape [1]");
    given_.slope1 = option(sloped, std::move(weights[6]), {given_.hidden1},
                           "slope1: expected shape [H1] for PReLU and Dice, else no elements");
    given_.slope2 = option(sloped, std::move(weights[7]), {given_.hidden2},
                           "slope2: expected shape [H2] for PReLU and Dice, else no elements");
    if (weights.size() > 8) {
      given_.gate1 = option(dice, std::move(weights[8]), {2, given_.hidden1},
                            "gate1: expected shape [2, H1] for Dice, else no elements");
      given_.gate2 = option(dice, std::move(weights[9]), {2, given_.hidden2},
                            "gate2: expected shape [2, H2] for Dice, else no elements");
    }
    lengths_.push_back(lengths.contiguous());
    given_.lengths = lengths_[0].data<std::int64_t>();
  }

  const DinAttentionArguments& given() const { return given_; }
  Dtype dtype() const { return dtype_; }
  // A tensor whose dtype and device the results share.
  const Tensor& like() const { return kept_[0]; }

  const void* keep(Tensor&& tensor) {
    require(tensor.dtype() == dtype_, "expected all floating tensors of one dtype");
    kept_.push_back(tensor.contiguous());
    return kept_.back().data<void>();
  }

  const void* keep(Tensor&& tensor, std::initializer_list<std::int64_t> shape,
                   const char* expected) {
    bool fits = tensor.dim() == static_cast<std::int64_t>(shape.size());
    std::int64_t axis = 0;
    for (const std::int64_t size : shape) {
      fits = fits && tensor.size(axis) == size;
      ++axis;
    }
    require(fits, expected);
    return keep(std::move(tensor));
  }

 private:
  const void* option(bool wanted, Tensor&& tensor, std::initializer_list<std::int64_t> shape,
                     const char* expected) {
    if (wanted) return keep(std::move(tensor), shape, expected);
    require(tensor.numel() == 0, expected);
    return nullptr;
  }

  Dtype dtype_;
  DinAttentionArguments given_{};
  std::vector<Tensor> kept_, lengths_;
};

template <typename... Tensors>
std::vector<Tensor> tensor_list(Tensors&&... tensors) {
  std::vector<Tensor> made;
  (made.push_back(std::move(tensors)), ...);
  return made;
}

}  // namespace recbench
