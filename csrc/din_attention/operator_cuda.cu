// DIN attention as an operator of torch on the GPU.
#include "cuda/on_device.cuh"
#include "din_attention/call.h"
#include "din_attention/forward.cuh"
#include "torch_abi/library.h"

namespace recbench::cuda {

// In forward.cu.
extern template void din_forward<float>(const DinAttentionArguments&, float*, float*, Stream);
extern template void din_forward<double>(const DinAttentionArguments&, double*, double*, Stream);
extern template void din_forward<BFloat16>(const DinAttentionArguments&, float*, BFloat16*, Stream);
extern template void din_forward<Float16>(const DinAttentionArguments&, float*, Float16*, Stream);

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

const Registration forward_registration(nullptr, "din_attention", "CUDA", boxed<forward>);

}  // namespace
}  // namespace recbench::cuda

// For Python: bytes of shared memory, by the number of the dtype.
RECBENCH_FOR_PYTHON std::int64_t recbench_din_attention_shared(std::int64_t width,
                                                               std::int64_t hidden1,
                                                               std::int64_t hidden2,
                                                               std::int64_t dtype) {
  recbench::DinAttentionArguments given{};
  given.width = width;
  given.hidden1 = hidden1;
  given.hidden2 = hidden2;
  std::int64_t bytes = 0;
  recbench::cuda::by_dtype(static_cast<recbench::Dtype>(dtype), [&](auto type) {
    bytes = recbench::cuda::din_forward_shared<decltype(type)>(given);
  });
  return bytes;
}
