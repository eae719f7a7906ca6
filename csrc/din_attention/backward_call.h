// The tensors of a call of DIN attention's gradient: those given, and those that are written.
#pragma once

#include <cstddef>
#include <tuple>

#include "din_attention/call.h"

namespace recbench {

struct WantedGradients {
  bool query, keys, weights;
};

class DinAttentionBackwardCall {
 public:
  // In the order of DinAttentionGradients.
  using Results =
      std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;

  DinAttentionBackwardCall(Tensor&& gradient, DinAttentionCall&& call, WantedGradients wanted)
      : call_(std::move(call)),
        output_(call_.keep(std::move(gradient), {given().batch, given().width},
                           "gradient: expected shape [B, D] as query has")),
        made_(make(wanted)),
        to_(pointers(wanted)) {
    require(given().activation != DinActivation::dice, "activation: no gradient for Dice");
  }

  const DinAttentionArguments& given() const { return call_.given(); }
  const DinAttentionGradients& to() const { return to_; }
  Dtype dtype() const { return call_.dtype(); }
  const Tensor& like() const { return call_.like(); }
  Results take() { return std::move(made_); }

 private:
  // Each gradient that is wanted has its argument's shape, each other one no elements.
  Results make(WantedGradients wanted) const {
    const std::initializer_list<std::int64_t> nothing{0};
    const auto empty = [&](bool yes, std::initializer_list<std::int64_t> shape) {
      return like().empty(yes ? shape : nothing);
    };
    const std::int64_t hidden1 = given().hidden1, hidden2 = given().hidden2;
    const bool slopes = wanted.weights && given().slope1 != nullptr;
    return {empty(wanted.query, {given().batch, given().width}),
            empty(wanted.keys, {given().batch, given().steps, given().width}),
            empty(wanted.weights, {hidden1, 4 * given().width}),
            empty(wanted.weights, {hidden1}),
            empty(wanted.weights, {hidden2, hidden1}),
            empty(wanted.weights, {hidden2}),
            empty(wanted.weights, {hidden2}),
            empty(wanted.weights, {1}),
            empty(slopes, {hidden1}),
            empty(slopes, {hidden2})};
  }

  DinAttentionGradients pointers(WantedGradients wanted) {
    const bool weights = wanted.weights, slopes = weights && given().slope1 != nullptr;
    const bool all[] = {wanted.query, wanted.keys, weights, weights, weights,
                        weights,      weights,     weights, slopes,  slopes};
    std::size_t n = 0;
    const auto pointer = [&](Tensor& tensor) {
      return all[n++] ? tensor.mutable_data<void>() : nullptr;
    };
    return std::apply(
        [&](auto&... tensors) { return DinAttentionGradients{output_, pointer(tensors)...}; },
        made_);
  }

  DinAttentionCall call_;
  const void* output_;
  Results made_;
  DinAttentionGradients to_;
};

}  // namespace recbench
