// What stands around the AUGRU's recurrence on the GPU: the inputs of the large products beside it,
// and the gradients that are sums, always in the same order.
#pragma once

#include "augru/prepared.cuh"

namespace recbench::cuda {

// The inputs in the type that is computed in, zeros at padding whatever stands there. A block takes
// a row.
template <class S>
__global__ void __launch_bounds__(kPrepareThreads)
    real_inputs_kernel(AugruShape shape, const std::int64_t* lengths, const S* x, Compute<S>* to) {
  const std::int64_t count = shape.steps * shape.inputs, begin = blockIdx.x * count;
  const std::int64_t real = lengths[blockIdx.x] * shape.inputs;
  for (std::int64_t at = threadIdx.x; at < count; at += kPrepareThreads) {
    to[begin + at] = at < real ? widen(x[begin + at]) : Compute<S>{0};
  }
}

// `x` and `to` are [B, T, I].
template <class S>
void augru_real_inputs(const AugruShape& shape, const std::int64_t* lengths, const void* x,
                       void* to, Stream stream) {
  if (shape.batch == 0) return;
  launch(real_inputs_kernel<S>, static_cast<unsigned>(shape.batch), kPrepareThreads, 0, stream,
         shape, lengths, static_cast<const S*>(x), static_cast<Compute<S>*>(to));
}

// Adds up the groups' shares in the gradient of each attention weight; zeros at padding.
template <class S>
__global__ void __launch_bounds__(kPrepareThreads)
    sum_shares_kernel(AugruShape shape, const std::int64_t* lengths, const Compute<S>* shares,
                      unsigned groups, S* grad_attention) {
  const std::int64_t at = std::int64_t{blockIdx.x} * kPrepareThreads + threadIdx.x;
  if (at >= shape.batch * shape.steps) return;
  Compute<S> sum = 0;
  if (at % shape.steps < lengths[at / shape.steps]) {
    for (unsigned group = 0; group < groups; ++group) sum += shares[at * groups + group];
  }
  narrow(sum, grad_attention[at]);
}

// `shares` are [B, T, groups of units], `grad_attention` is [B, T].
template <class S>
void augru_attention_gradient(const AugruShape& shape, const std::int64_t* lengths,
                              const Compute<S>* shares, void* grad_attention, Stream stream) {
  const std::int64_t count = shape.batch * shape.steps;
  if (count == 0) return;
  launch(sum_shares_kernel<S>,
         static_cast<unsigned>((count + kPrepareThreads - 1) / kPrepareThreads), kPrepareThreads, 0,
         stream, shape, lengths, shares, AugruLayout<S>(shape.hidden).groups,
         static_cast<S*>(grad_attention));
}

// Parts into which all steps are split to be added up: by their number alone, so that sums are the
// same on every card.
constexpr std::int64_t kMostStepParts = 64;
constexpr std::int64_t kStepsOfPart = 256;  // at least
constexpr unsigned kStepLanes = kPrepareThreads / kWarp;

// Sums of each gradient over a part of the steps, 32 of them a block: [parts, width].
template <class C>
__global__ void __launch_bounds__(kPrepareThreads, 4)
    sum_steps_kernel(const C* of_gates, std::int64_t count, std::int64_t width, C* sums) {
  RECBENCH_SHARED(C, shares, kPrepareThreads);
  const std::int64_t column = std::int64_t{blockIdx.x} * kWarp + threadIdx.x % kWarp;
  const std::int64_t end = count * (blockIdx.y + 1) / gridDim.y;
  C sum = 0;
  for (std::int64_t step = count * blockIdx.y / gridDim.y + threadIdx.x / kWarp; step < end;
       step += kStepLanes) {
    if (column < width) sum += of_gates[step * width + column];
  }
  shares[threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.x >= kWarp || column >= width) return;
  for (unsigned lane = 1; lane < kStepLanes; ++lane) sum += shares[lane * kWarp + threadIdx.x];
  sums[blockIdx.y * width + column] = sum;
}

// One thread for each unit of each gate.
template <class S>
__global__ void __launch_bounds__(kPrepareThreads)
    bias_gradients_kernel(AugruShape shape, const Compute<S>* sums, unsigned parts, S* grad_b_ih,
                          S* grad_b_hh) {
  const std::int64_t at = std::int64_t{blockIdx.x} * kPrepareThreads + threadIdx.x;
  if (at >= 3 * shape.hidden) return;
  const std::int64_t width = augru_gradient_gates(shape) * shape.hidden;
  const bool apart = shape.reset_after && at >= 2 * shape.hidden;
  Compute<S> of_input = 0, of_state = 0;
  for (unsigned part = 0; part < parts; ++part) {
    of_input += sums[part * width + at];
    of_state += sums[part * width + at + (apart ? shape.hidden : 0)];
  }
  narrow(of_input, grad_b_ih[at]);
  narrow(of_state, grad_b_hh[at]);
}

// The sums of what `augru_backward` writes of the gates; `sums` is memory for kMostStepParts of
// each.
template <class S>
void augru_bias_gradients(const AugruShape& shape, const void* of_gates, void* sums,
                          void* grad_b_ih, void* grad_b_hh, Stream stream) {
  using C = Compute<S>;
  const std::int64_t width = augru_gradient_gates(shape) * shape.hidden;
  const std::int64_t count = shape.batch * shape.steps, wanted = count / kStepsOfPart + 1;
  const auto parts = static_cast<unsigned>(wanted < kMostStepParts ? wanted : kMostStepParts);
  launch(sum_steps_kernel<C>, dim3(static_cast<unsigned>((width + kWarp - 1) / kWarp), parts),
         kPrepareThreads, 0, stream, static_cast<const C*>(of_gates), count, width,
         static_cast<C*>(sums));
  launch(bias_gradients_kernel<S>,
         static_cast<unsigned>((3 * shape.hidden + kPrepareThreads - 1) / kPrepareThreads),
         kPrepareThreads, 0, stream, shape, static_cast<const C*>(sums), parts,
         static_cast<S*>(grad_b_ih), static_cast<S*>(grad_b_hh));
}

}  // namespace recbench::cuda
