// The AUGRU's backward pass on the GPU: the gradients of all steps' gates in one kernel, last step
// first.
//
// Those of the weights and of the inputs are left to the caller, as products of what is written
// here over all steps at once: the card's matrix units are at their best there, and partial sums of
// each block would take shared memory from the recurrence and be more to add up than such a
// product.
#pragma once

#include "augru/backward_tile.cuh"
#include "augru/products.cuh"

namespace recbench::cuda {

template <class S, unsigned rows, bool reset_after>
__global__ void __launch_bounds__(kMostWarps* kWarp, rows > kSlices && reset_after ? 2 : 1)
    augru_backward_kernel(AugruBackwardOnDevice given, const S* packed, const std::int64_t* order,
                          Compute<S>* shares, unsigned resident) {
  RECBENCH_DYNAMIC_SHARED(Compute<S>, memory);
  const AugruBackwardTile<S, rows, reset_after> tile(given, packed, order, shares, resident,
                                                     memory);
  tile.run(order);
}

// Bytes of shared memory of a block, which the card must have; what it has beyond holds weights.
template <class S>
std::size_t augru_backward_shared(const AugruShape& shape) {
  return AugruBackwardShared<S, kMostRows<S>>::bytes(AugruLayout<S>(shape.hidden));
}

// Bytes of memory that the backward pass prepares for itself, aligned to 16.
template <class S>
std::int64_t augru_backward_bytes(const AugruShape& shape) {
  return augru_prepared_bytes<S>(shape) + shape.batch * shape.steps *
                                              AugruLayout<S>(shape.hidden).groups *
                                              std::int64_t{sizeof(Compute<S>)};
}

template <class S, unsigned rows>
void launch_augru_backward(const AugruBackwardOnDevice& given, void* prepared, Compute<S>* shares,
                           const AugruCard& card, Stream stream) {
  const AugruLayout<S> layout(given.shape.hidden);
  const std::size_t used = AugruBackwardShared<S, rows>::bytes(layout);
  const unsigned resident = layout.resident(used, card.shared);
  launch(given.shape.reset_after ? augru_backward_kernel<S, rows, true>
                                 : augru_backward_kernel<S, rows, false>,
         static_cast<unsigned>((given.shape.batch + rows - 1) / rows), layout.warps * kWarp,
         used + resident * layout.plane * sizeof(S), stream, given, static_cast<const S*>(prepared),
         order_of<S>(given.shape, prepared), shares, resident);
}

template <class S>
void augru_backward(const AugruBackwardOnDevice& given, void* prepared, const AugruCard& card,
                    Stream stream) {
  const AugruShape& shape = given.shape;
  if (shape.batch == 0) return;
  prepare_augru<S, true>(shape, given.lengths, given.w_hh, prepared, stream);
  auto* const shares = reinterpret_cast<Compute<S>*>(order_of<S>(shape, prepared) + shape.batch);
  if (few_rows(shape, card)) {
    launch_augru_backward<S, kSlices>(given, prepared, shares, card, stream);
  } else {
    launch_augru_backward<S, kMostRows<S>>(given, prepared, shares, card, stream);
  }
  augru_attention_gradient<S>(shape, given.lengths, shares, given.grad_attention, stream);
}

}  // namespace recbench::cuda
