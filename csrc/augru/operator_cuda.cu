// The AUGRU as operators of torch on the GPU: memory, and the large products beside the kernels.
#include <algorithm>

#include "augru/backward.cuh"
#include "augru/call.h"
#include "augru/forward.cuh"
#include "augru/products.cuh"
#include "cuda/on_device.cuh"
#include "torch_abi/library.h"

namespace recbench::cuda {

// In forward.cu, backward.cu and products.cu.
#define RECBENCH_AUGRU(S)                                                                        \
  extern template void augru_forward<S>(const AugruForwardOnDevice&, void*, const AugruCard&,    \
                                        Stream);                                                 \
  extern template void augru_backward<S>(const AugruBackwardOnDevice&, void*, const AugruCard&,  \
                                         Stream);                                                \
  extern template void augru_real_inputs<S>(const AugruShape&, const std::int64_t*, const void*, \
                                            void*, Stream);                                      \
  extern template void augru_bias_gradients<S>(const AugruShape&, const void*, void*, void*,     \
                                               void*, Stream);
RECBENCH_AUGRU(float)
RECBENCH_AUGRU(double)
RECBENCH_AUGRU(BFloat16)
RECBENCH_AUGRU(Float16)

namespace {

template <class S>
constexpr Dtype kComputeDtype = sizeof(S) == sizeof(double) ? Dtype::float64 : Dtype::float32;

// A contiguous matrix, and columns of it as they are or transposed.
struct Matrix {
  Tensor tensor;
  std::int64_t rows, columns;

  Tensor select(std::int64_t first, std::int64_t count) const {
    return tensor.view({rows, count}, {columns, 1}, first);
  }
  Tensor transposed(std::int64_t first, std::int64_t count) const {
    return tensor.view({count, rows}, {1, columns}, first);
  }
};

// A contiguous tensor in the type that is computed in, as a matrix.
template <class S>
Matrix widened(const Tensor& tensor, std::int64_t rows, std::int64_t columns) {
  return {tensor.contiguous().to(kComputeDtype<S>), rows, columns};
}
template <class S>
Matrix new_matrix(const Tensor& like, std::int64_t rows, std::int64_t columns) {
  return {like.empty({rows, columns}, kComputeDtype<S>), rows, columns};
}

// out = a b, rounded once where `out` is of half width.
template <class S>
void multiply_rounded(Tensor&& out, const Tensor& a, const Tensor& b) {
  if (sizeof(S) > 2) return multiply_into(out, a, b);
  Tensor wide = out.empty({out.size(0), out.size(1)}, kComputeDtype<S>);
  multiply_into(wide, a, b);
  out.copy_from(wide);
}

// Memory of so many bytes, on the device and aligned as kernels need it.
Tensor memory(const Tensor& like, std::int64_t bytes) {
  return like.empty({(bytes + 7) / 8}, Dtype::int64);
}

AugruCard card_of(const OnDevice& device, const AugruShape& shape, std::size_t shared) {
  require(1 <= shape.hidden && shape.hidden <= kAugruMostHidden,
          "augru: expected 1 to 256 units on a GPU");
  require(shape.batch <= kMostBlocks, "augru: expected fewer than 2^31 rows on a GPU");
  require(shared <= device.most_shared(),
          "augru: expected fewer units for the device's shared memory");
  return {device.multiprocessors(), device.most_shared()};
}

// The tensors of a call, as torch gives them; each pass has its own beside these.
struct Given {
  const Tensor &x, &attention, &lengths, &w_ih, &w_hh, &h0;
};

struct Results {
  Tensor outputs, last, saved;
};

template <class S>
void run_forward(AugruCall& call, const Given& given, const Tensor& b_ih, const Tensor& b_hh,
                 const OnDevice& device, Results& to) {
  const AugruShape& shape = call.shape;
  const AugruCard card = card_of(device, shape, augru_forward_shared<S>(shape));
  const std::int64_t steps = shape.batch * shape.steps, width = 3 * shape.hidden;
  Matrix gates = new_matrix<S>(given.x, steps, width);
  multiply_into(gates.tensor, widened<S>(given.x, steps, shape.inputs).select(0, shape.inputs),
                widened<S>(given.w_ih, width, shape.inputs).transposed(0, shape.inputs));
  AugruForwardOnDevice on{};
  on.shape = shape;
  on.lengths = call.take_lengths(given.lengths);
  on.gates = gates.tensor.data<void>();
  on.attention = call.take_attention(given.attention);
  on.w_hh = call.take_w_hh(given.w_hh);
  on.b_ih = call.take_bias(b_ih);
  on.b_hh = call.take_bias(b_hh);
  on.h0 = call.take_h0(given.h0);
  on.outputs = to.outputs.mutable_data<void>();
  on.last = to.last.mutable_data<void>();
  on.saved = to.saved.numel() == 0 ? nullptr : to.saved.mutable_data<void>();
  Tensor prepared = memory(given.x, augru_prepared_bytes<S>(shape));
  augru_forward<S>(on, prepared.mutable_data<void>(), card, device.stream());
}

std::tuple<Tensor, Tensor, Tensor> forward(Tensor x, Tensor attention, Tensor lengths, Tensor w_ih,
                                           Tensor w_hh, Tensor b_ih, Tensor b_hh, Tensor h0,
                                           std::int64_t mode, bool reset_after, bool save) {
  const OnDevice device(x);
  for (const Tensor* tensor : {&attention, &lengths, &w_ih, &w_hh, &b_ih, &b_hh, &h0}) {
    device.demand(*tensor);
  }
  AugruCall call(x, w_hh, mode, reset_after);
  const AugruShape& shape = call.shape;
  call.take_w_ih(w_ih);
  Results to{x.empty({shape.batch, shape.steps, shape.hidden}),
             x.empty({shape.batch, shape.hidden}),
             x.empty({save ? shape.batch * shape.steps : 0, augru_saved(shape)})};
  const Given given{x, attention, lengths, w_ih, w_hh, h0};
  by_dtype(call.dtype,
           [&](auto type) { run_forward<decltype(type)>(call, given, b_ih, b_hh, device, to); });
  return {std::move(to.outputs), std::move(to.last), std::move(to.saved)};
}

// Gradients; those that are not wanted are empty.
struct Gradients {
  Tensor x, attention, w_ih, w_hh, b_ih, b_hh, h0;

  Gradients(const Tensor& like, const AugruShape& shape, bool of_x, bool of_weights)
      : x(of_x ? like.empty({shape.batch, shape.steps, shape.inputs}) : like.empty({0})),
        attention(like.empty({shape.batch, shape.steps})),
        w_ih(of_weights ? like.empty({3 * shape.hidden, shape.inputs}) : like.empty({0})),
        w_hh(of_weights ? like.empty({3 * shape.hidden, shape.hidden}) : like.empty({0})),
        b_ih(like.empty({of_weights ? 3 * shape.hidden : 0})),
        b_hh(like.empty({of_weights ? 3 * shape.hidden : 0})),
        h0(like.empty({shape.batch, shape.hidden})) {}
};

// What the kernel writes of all steps.
struct OfSteps {
  Matrix gates, states, reset_states;
};

template <class S>
void multiply_weights(AugruCall& call, const Given& given, const OfSteps& of, Gradients& to,
                      Stream stream) {
  const AugruShape& shape = call.shape;
  const std::int64_t hidden = shape.hidden, inputs = shape.inputs;
  Matrix real = new_matrix<S>(given.x, of.gates.rows, inputs);
  augru_real_inputs<S>(shape, call.take_lengths(given.lengths), call.take_x(given.x),
                       real.tensor.mutable_data<void>(), stream);
  multiply_rounded<S>(to.w_ih.view({3 * hidden, inputs}, {inputs, 1}),
                      of.gates.transposed(0, 3 * hidden), real.select(0, inputs));
  multiply_rounded<S>(to.w_hh.view({2 * hidden, hidden}, {hidden, 1}),
                      of.gates.transposed(0, 2 * hidden), of.states.select(0, hidden));
  const Matrix& states = shape.reset_after ? of.states : of.reset_states;
  multiply_rounded<S>(to.w_hh.view({hidden, hidden}, {hidden, 1}, 2 * hidden * hidden),
                      of.gates.transposed(of.gates.columns - hidden, hidden),
                      states.select(0, hidden));
  Matrix sums = new_matrix<S>(given.x, kMostStepParts, of.gates.columns);
  augru_bias_gradients<S>(shape, of.gates.tensor.data<void>(), sums.tensor.mutable_data<void>(),
                          to.b_ih.mutable_data<void>(), to.b_hh.mutable_data<void>(), stream);
}

// `on` has what is given, but for the shape.
template <class S>
void run_backward(AugruCall& call, const Given& given, AugruBackwardOnDevice on,
                  const OnDevice& device, bool of_x, bool of_weights, Gradients& to) {
  const AugruShape& shape = on.shape = call.shape;
  const AugruCard card = card_of(device, shape, augru_backward_shared<S>(shape));
  const std::int64_t steps = shape.batch * shape.steps, hidden = shape.hidden;
  OfSteps of{new_matrix<S>(given.x, steps, augru_gradient_gates(shape) * hidden),
             new_matrix<S>(given.x, steps, hidden),
             new_matrix<S>(given.x, shape.reset_after ? 0 : steps, hidden)};
  on.of_gates = of.gates.tensor.mutable_data<void>();
  on.states = of.states.tensor.mutable_data<void>();
  on.reset_states = of.reset_states.tensor.mutable_data<void>();
  on.grad_attention = to.attention.mutable_data<void>();
  on.grad_h0 = to.h0.mutable_data<void>();
  Tensor prepared = memory(given.x, augru_backward_bytes<S>(shape));
  augru_backward<S>(on, prepared.mutable_data<void>(), card, device.stream());
  if (of_x) {
    multiply_rounded<S>(to.x.view({steps, shape.inputs}, {shape.inputs, 1}),
                        of.gates.select(0, 3 * hidden),
                        widened<S>(given.w_ih, 3 * hidden, shape.inputs).select(0, shape.inputs));
  }
  if (of_weights) multiply_weights<S>(call, given, of, to, device.stream());
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> backward(
    Tensor grad_outputs, Tensor grad_last, Tensor x, Tensor attention, Tensor lengths, Tensor w_ih,
    Tensor w_hh, Tensor h0, Tensor outputs, Tensor saved, std::int64_t mode, bool reset_after,
    bool of_x, bool of_weights) {
  const OnDevice device(x);
  for (const Tensor* tensor :
       {&grad_outputs, &grad_last, &attention, &lengths, &w_ih, &w_hh, &h0, &outputs, &saved}) {
    device.demand(*tensor);
  }
  AugruCall call(x, w_hh, mode, reset_after);
  call.take_w_ih(w_ih);
  AugruBackwardOnDevice on{};
  on.lengths = call.take_lengths(lengths);
  on.attention = call.take_attention(attention);
  on.w_hh = call.take_w_hh(w_hh);
  on.h0 = call.take_h0(h0);
  on.outputs = call.take_outputs(outputs);
  on.saved = call.take_saved(saved);
  on.grad_outputs = call.take_grad_outputs(grad_outputs);
  on.grad_last = call.take_grad_last(grad_last);
  const Given given{x, attention, lengths, w_ih, w_hh, h0};
  Gradients to(x, call.shape, of_x, of_weights);
  by_dtype(call.dtype, [&](auto type) {
    run_backward<decltype(type)>(call, given, on, device, of_x, of_weights, to);
  });
  return {std::move(to.x),    std::move(to.attention), std::move(to.w_ih), std::move(to.w_hh),
          std::move(to.b_ih), std::move(to.b_hh),      std::move(to.h0)};
}

const Registration forward_registration(nullptr, "augru", "CUDA", boxed<forward>);
const Registration backward_registration(nullptr, "augru_backward", "CUDA", boxed<backward>);

}  // namespace
}  // namespace recbench::cuda

// For Python: bytes of shared memory of the pass that needs more, by the number of the dtype.
RECBENCH_FOR_PYTHON std::int64_t recbench_augru_shared(std::int64_t hidden, std::int64_t dtype) {
  recbench::AugruShape shape{};
  shape.hidden = hidden;
  std::int64_t bytes = 0;
  recbench::cuda::by_dtype(static_cast<recbench::Dtype>(dtype), [&](auto type) {
    using S = decltype(type);
    bytes = static_cast<std::int64_t>(std::max(recbench::cuda::augru_forward_shared<S>(shape),
                                               recbench::cuda::augru_backward_shared<S>(shape)));
  });
  return bytes;
}
