// DIN attention's backward pass on the GPU: each block takes some rows and goes through each row's
// history a tile of steps at a time, computing the hidden layers again. Of a whole history only
// G = sum_t d_t k_t^T and S = sum_t d_t are kept, d_t being the gradient of the first layer's sums:
//   d(Wk - Wd) += G,  dWp += G diag(q),  d(Wq + Wd) += S q^T,  dq = (Wq + Wd)^T S + rowsum(G * Wp).
//
// What a block adds to the weights' gradients lies in memory of its own, until a second kernel adds
// up what all blocks have.
#pragma once

#include "din_attention/backward_block.cuh"

namespace recbench::cuda {

// The most blocks and partial sums: the same on every card, so that results do not depend on it. An
// H100 has 132 multiprocessors of two blocks, which are twice full; an A100's 108 nearly.
constexpr std::int64_t kDinBlocks = 528;

template <class S>
__global__ void __launch_bounds__(kDinThreads, 2)
    din_backward_kernel(DinAttentionArguments given, DinAttentionGradients to, bool packed_keys,
                        const Compute<S>* prepared, Compute<S>* partials, std::int64_t stride) {
  using C = Compute<S>;
  RECBENCH_DYNAMIC_SHARED(C, memory);
  DeviceParts<C> shared(memory), own(partials + blockIdx.x * stride);
  const BackwardBlock<S> block{given,           to,          packed_keys, {given, prepared},
                               {given, shared}, {given, own}};
  block.start();
  for (std::int64_t row = blockIdx.x; row < given.batch; row += gridDim.x) block.run_row(row);
}

// Bytes of shared memory of a block, which the device must have.
template <class S>
std::size_t din_backward_shared(const DinAttentionArguments& given) {
  DeviceParts<Compute<S>> parts(nullptr);
  BackwardTile<Compute<S>>(given, parts);
  return parts.taken() * sizeof(Compute<S>);
}

inline std::int64_t din_backward_blocks(const DinAttentionArguments& given) {
  return given.batch < kDinBlocks ? given.batch : kDinBlocks;
}

// Bytes of the workspace, whichever gradients are wanted.
template <class S>
std::size_t din_backward_bytes(const DinAttentionArguments& given) {
  const std::int64_t stride = BackwardPartial<Compute<S>>::count(given);
  return (device_weights_count(given) + din_backward_blocks(given) * stride) * sizeof(Compute<S>);
}

// Not for Dice. `workspace` has din_backward_bytes and is aligned to the compute type.
template <class S>
void din_backward(const DinAttentionArguments& given, const DinAttentionGradients& to,
                  void* workspace, Stream stream) {
  using C = Compute<S>;
  C* const prepared = static_cast<C*>(workspace);
  C* const partials = prepared + device_weights_count(given);
  const std::int64_t stride = BackwardPartial<C>::count(given), blocks = din_backward_blocks(given);
  const bool wanted = to.query != nullptr || to.keys != nullptr || to.b3 != nullptr;
  if (wanted && blocks > 0) {
    prepare_weights<S>(given, prepared, stream);
    launch(din_backward_kernel<S>, static_cast<unsigned>(blocks), kDinThreads,
           din_backward_shared<S>(given), stream, given, to, in_packs<S>(given.keys, given.width),
           prepared, partials, stride);
  }
  if (to.b3 != nullptr) sum_weights<S>(given, to, partials, stride, blocks, stream);
}

}  // namespace recbench::cuda
