// What the AUGRU's kernels for GPUs prepare for a pass, in memory that the caller gives: the
// recurrent weight as they read it, and the order in which rows are worked.
#pragma once

#include "augru/kernel.h"
#include "cuda/storage.cuh"

namespace recbench::cuda {

constexpr std::int64_t kAugruMostHidden = 256;
constexpr unsigned kSlices = 4;               // lanes that share a unit
constexpr unsigned kGroup = kWarp / kSlices;  // units of a warp
constexpr unsigned kMostWarps = 8;
constexpr unsigned kPrepareThreads = 256;
constexpr unsigned kOrderWindow = 4 * kPrepareThreads;  // rows that are sorted together

// The weight, packed as [plane][gate][group][lane][together].
template <class S>
struct AugruLayout {
  static constexpr unsigned together = 16 / sizeof(Compute<S>);
  unsigned groups, warps, planes;
  unsigned stride;  // of a row in shared memory: whole planes, and what spreads rows over its banks
  std::int64_t plane;

  __host__ __device__ explicit AugruLayout(std::int64_t hidden) {
    groups = static_cast<unsigned>((hidden + kGroup - 1) / kGroup);
    const unsigned rounds = (groups + kMostWarps - 1) / kMostWarps;
    warps = (groups + rounds - 1) / rounds;
    constexpr unsigned deep = kSlices * together;
    planes = static_cast<unsigned>((hidden + deep - 1) / deep);
    stride = planes * deep + kGroup;
    plane = std::int64_t{3} * groups * kWarp * together;
  }

  __host__ __device__ std::int64_t count() const { return planes * plane; }

  // How many planes fit into shared memory beside `used` bytes.
  unsigned resident(std::size_t used, std::size_t shared) const {
    const std::size_t fit = shared < used ? 0 : (shared - used) / (plane * sizeof(S));
    return fit < planes ? static_cast<unsigned>(fit) : planes;
  }
};

// Gates whose gradients are written for each step, in this order: r, z, the candidate on the
// input's side and, where the reset gate acts after the weight, the candidate on the state's side.
inline __host__ __device__ std::int64_t augru_gradient_gates(const AugruShape& shape) {
  return shape.reset_after ? 4 : 3;
}

// Bytes of the memory that a pass prepares for itself: the packed weight and the order of rows.
template <class S>
std::int64_t augru_prepared_bytes(const AugruShape& shape) {
  return AugruLayout<S>(shape.hidden).count() * std::int64_t{sizeof(S)} +
         shape.batch * std::int64_t{sizeof(std::int64_t)};
}

template <class S>
std::int64_t* order_of(const AugruShape& shape, void* prepared) {
  return reinterpret_cast<std::int64_t*>(static_cast<S*>(prepared) +
                                         AugruLayout<S>(shape.hidden).count());
}

inline __device__ std::int64_t clamped(std::int64_t length, std::int64_t steps) {
  return length < 0 ? 0 : length > steps ? steps : length;
}

// One element of the packed weight: of unit u and depth k of a gate it is w_hh[u, k] of that gate,
// or w_hh[k, u] for the backward pass.
template <class S, bool transposed>
__device__ S packed_weight(const S* w_hh, std::int64_t hidden, std::int64_t at) {
  const AugruLayout<S> layout(hidden);
  constexpr unsigned together = AugruLayout<S>::together;
  const std::int64_t row = at / together;
  const std::int64_t slice = row % kSlices;
  const std::int64_t unit = row / kSlices % (std::int64_t{layout.groups} * kGroup);
  const std::int64_t gate = at % layout.plane / (layout.plane / 3);
  const std::int64_t depth = (at / layout.plane * kSlices + slice) * together + at % together;
  if (unit >= hidden || depth >= hidden) return S{};
  const std::int64_t out = transposed ? depth : unit, in = transposed ? unit : depth;
  return w_hh[(gate * hidden + out) * hidden + in];
}

// Rows by falling length within windows, so that the rows of a tile end at about the same step.
template <class S, bool transposed>
__global__ void __launch_bounds__(kPrepareThreads)
    augru_prepare_kernel(AugruShape shape, const std::int64_t* lengths, const S* w_hh, S* weight,
                         std::int64_t* order) {
  RECBENCH_SHARED(std::int64_t, window, kOrderWindow);
  const std::int64_t first = std::int64_t{blockIdx.x} * kPrepareThreads;
  if (first + threadIdx.x < AugruLayout<S>(shape.hidden).count()) {
    weight[first + threadIdx.x] =
        packed_weight<S, transposed>(w_hh, shape.hidden, first + threadIdx.x);
  }
  if (first >= shape.batch) return;  // the whole block
  const std::int64_t begin = first / kOrderWindow * kOrderWindow;
  for (unsigned i = threadIdx.x; i < kOrderWindow; i += kPrepareThreads) {
    if (begin + i < shape.batch) window[i] = clamped(lengths[begin + i], shape.steps);
  }
  __syncthreads();
  const auto own = static_cast<unsigned>(first - begin + threadIdx.x);
  if (begin + own >= shape.batch) return;
  const std::int64_t length = window[own];
  unsigned place = 0;
  for (unsigned i = 0; i < kOrderWindow && begin + i < shape.batch; ++i) {
    place += window[i] > length || (window[i] == length && i < own);
  }
  order[begin + place] = begin + own;
}

template <class S, bool transposed>
void prepare_augru(const AugruShape& shape, const std::int64_t* lengths, const void* w_hh,
                   void* prepared, Stream stream) {
  const std::int64_t weights = AugruLayout<S>(shape.hidden).count();
  const std::int64_t count = weights > shape.batch ? weights : shape.batch;
  launch(augru_prepare_kernel<S, transposed>,
         static_cast<unsigned>((count + kPrepareThreads - 1) / kPrepareThreads), kPrepareThreads, 0,
         stream, shape, lengths, static_cast<const S*>(w_hh), static_cast<S*>(prepared),
         order_of<S>(shape, prepared));
}

}  // namespace recbench::cuda
