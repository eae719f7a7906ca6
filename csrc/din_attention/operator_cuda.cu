// DIN attention as an operator of torch on the GPU.
#include "cuda/on_device.cuh"
#include "din_attention/backward.cuh"
#include "din_attention/backward_call.h"
#include "din_attention/forward.cuh"
#include "torch_abi/library.h"

namespace recbench::cuda {

// In forward.cu.
extern template void din_forward<float>(const DinAttentionArguments&, float*, float*, Stream);
extern template void din_forward<double>(const DinAttentionArguments&, double*, double*, Stream);
extern template void din_forward<BFloat16>(const DinAttentionArguments&, float*, BFloat16*, Stream);
extern template void din_forward<Float16>(const DinAttentionArguments&, float*, Float16*, Stream);
// In backward.cu.
extern template void din_backward<float>(const DinAttentionArguments&, const DinAttentionGradients&,
                                         void*, Stream);
extern template void din_backward<double>(const DinAttentionArguments&,
                                          const DinAttentionGradients&, void*, Stream);
extern template void din_backward<BFloat16>(const DinAttentionArguments&,
                                            const DinAttentionGradients&, void*, Stream);
extern template void din_backward<Float16>(const DinAttentionArguments&,
                                           const DinAttentionGradients&, void*, Stream);

namespace {

constexpr const char* kTooWide = "expected widths that fit into the device's shared memory";

template <class S>
void run_forward(const DinAttentionCall& call, const OnDevice& device, Tensor& output) {
  const DinAttentionArguments& given = call.given();
  require(din_forward_shared<S>(given) <= device.most_shared(), kTooWide);
  constexpr Dtype compute = sizeof(S) == 8 ? Dtype::float64 : Dtype::float32;
  Tensor prepared = output.empty({device_weights_count(given)}, compute);
  din_forward<S>(given, prepared.mutable_data<Compute<S>>(), output.mutable_data<S>(),
                 device.stream());
}

Tensor forward(Tensor query, Tensor keys, Tensor lengths, Tensor w1, Tensor b1, Tensor w2,
               Tensor b2, Tensor w3, Tensor b3, Tensor slope1, Tensor slope2, Tensor gate1,
               Tensor gate2, std::int64_t activation, bool softmax, double scale) {
  const OnDevice device(query);
  for (const Tensor* tensor :
       {&keys, &lengths, &w1, &b1, &w2, &b2, &w3, &b3, &slope1, &slope2, &gate1, &gate2}) {
    device.demand(*tensor);
  }
  const DinAttentionCall call(std::move(query), std::move(keys), std::move(lengths),
                              tensor_list(w1, b1, w2, b2, w3, b3, slope1, slope2, gate1, gate2),
                              activation, softmax, scale);
  require(call.given().batch <= kMostBlocks, "expected fewer than 2^31 rows on a GPU");
  Tensor output = call.like().empty({call.given().batch, call.given().width});
  by_dtype(call.dtype(), [&](auto type) { run_forward<decltype(type)>(call, device, output); });
  return output;
}

template <class S>
void run_backward(const DinAttentionBackwardCall& call, const OnDevice& device) {
  using C = Compute<S>;
  const DinAttentionArguments& given = call.given();
  require(din_backward_shared<S>(given) <= device.most_shared(), kTooWide);
  constexpr Dtype compute = sizeof(S) == 8 ? Dtype::float64 : Dtype::float32;
  const std::int64_t count = din_backward_bytes<S>(given) / sizeof(C);
  Tensor workspace = call.like().empty({count}, compute);
  din_backward<S>(given, call.to(), workspace.mutable_data<void>(), device.stream());
}

DinAttentionBackwardCall::Results backward(Tensor gradient, Tensor query, Tensor keys,
                                           Tensor lengths, Tensor w1, Tensor b1, Tensor w2,
                                           Tensor b2, Tensor w3, Tensor b3, Tensor slope1,
                                           Tensor slope2, std::int64_t activation, bool softmax,
                                           double scale, bool wants_query, bool wants_keys,
                                           bool wants_weights) {
  const OnDevice device(query);
  for (const Tensor* tensor :
       {&gradient, &keys, &lengths, &w1, &b1, &w2, &b2, &w3, &b3, &slope1, &slope2}) {
    device.demand(*tensor);
  }
  DinAttentionBackwardCall call(
      std::move(gradient),
      {std::move(query), std::move(keys), std::move(lengths),
       tensor_list(w1, b1, w2, b2, w3, b3, slope1, slope2), activation, softmax, scale},
      {wants_query, wants_keys, wants_weights});
  by_dtype(call.dtype(), [&](auto type) { run_backward<decltype(type)>(call, device); });
  return call.take();
}

const Registration forward_registration(nullptr, "din_attention", "CUDA", boxed<forward>);
const Registration backward_registration(nullptr, "din_attention_backward", "CUDA",
                                         boxed<backward>);

}  // namespace
}  // namespace recbench::cuda

// For Python: bytes of shared memory, by the number of the dtype.
RECBENCH_FOR_PYTHON std::int64_t recbench_din_attention_shared(std::int64_t width,
                                                               std::int64_t hidden1,
                                                               std::int64_t hidden2,
                                                               std::int64_t dtype) {
  using namespace recbench;
  DinAttentionArguments given{};
  given.width = width;
  given.hidden1 = hidden1;
  given.hidden2 = hidden2;
  std::int64_t bytes = 0;
  cuda::by_dtype(static_cast<Dtype>(dtype),
                 [&](auto type) { bytes = cuda::din_forward_shared<decltype(type)>(given); });
  return bytes;
}

// The same of the gradient, which depends on the activation's number too.
RECBENCH_FOR_PYTHON std::int64_t recbench_din_attention_backward_shared(std::int64_t width,
                                                                        std::int64_t hidden1,
                                                                        std::int64_t hidden2,
                                                                        std::int64_t activation,
                                                                        std::int64_t dtype) {
  using namespace recbench;
  DinAttentionArguments given{};
  given.width = width;
  given.hidden1 = hidden1;
  given.hidden2 = hidden2;
  given.activation = static_cast<DinActivation>(activation);
  std::int64_t bytes = 0;
  cuda::by_dtype(static_cast<Dtype>(dtype),
                 [&](auto type) { bytes = cuda::din_backward_shared<decltype(type)>(given); });
  return bytes;
}
