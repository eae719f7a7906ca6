// What both passes of the AUGRU on the GPU share: which rows a block works, and their product with
// the recurrent weight.
//
// A block walks a few rows through all steps. A warp takes eight units; four lanes share a unit,
// each with a quarter of its depth, and finish the unit for every fourth row. The weight lies in
// planes, one of each stretch of depth that four lanes read at once: as many as fit stay in shared
// memory, the others are read through the cache at every step.
#pragma once

#include <cmath>

#include "augru/prepared.cuh"

namespace recbench::cuda {

// What a launch must know of the card.
struct AugruCard {
  unsigned processors;
  std::size_t shared;  // bytes that a block may have
};

// Rows of a block, at most: float64 would need too many registers for more.
template <class S>
constexpr unsigned kMostRows = sizeof(S) == sizeof(double) ? kSlices : 2 * kSlices;

// Whether blocks of few rows leave none without a processor; more rows share what is read of the
// weight. No sum depends on it.
inline bool few_rows(const AugruShape& shape, const AugruCard& card) {
  return shape.batch <= std::int64_t{kSlices} * card.processors;
}

// The rows of a block that a lane finishes, every fourth one from its slice on.
template <unsigned rows>
struct OwnRows {
  static constexpr unsigned count = rows / kSlices;
  std::int64_t row[count], length[count];  // no length where there is no row
  bool there[count];
  std::int64_t steps;  // of the longest of all the block's rows

  __device__ OwnRows(const AugruShape& shape, const std::int64_t* lengths,
                     const std::int64_t* order) {
    const std::int64_t first = std::int64_t{blockIdx.x} * rows;
    for (unsigned n = 0; n < count; ++n) {
      const std::int64_t place = first + slot(n);
      there[n] = place < shape.batch;
      row[n] = there[n] ? order[place] : 0;
      length[n] = there[n] ? clamped(lengths[row[n]], shape.steps) : 0;
    }
    steps = clamped(lengths[order[first]], shape.steps);
  }

  // The row's number in its block.
  static __device__ unsigned slot(unsigned n) { return n * kSlices + threadIdx.x % kSlices; }
};

// The unit that a lane has in a group.
inline __device__ unsigned unit_of(unsigned group) {
  return group * kGroup + threadIdx.x % kWarp / kSlices;
}

// The packed weight as a block finds it: its first planes in shared memory.
template <class S>
struct AugruWeight {
  AugruLayout<S> layout;
  const S *resident, *streamed;
  unsigned planes;  // in shared memory
};

template <class S>
__device__ void bring_planes(const S* weight, std::int64_t count, S* to) {
  using Part = Pack<S, AugruLayout<S>::together>;
  constexpr unsigned together = AugruLayout<S>::together;
  for (std::int64_t i = threadIdx.x * together; i < count; i += blockDim.x * together) {
    *reinterpret_cast<Part*>(to + i) = *reinterpret_cast<const Part*>(weight + i);
  }
}

// One plane's share of multiply().
template <unsigned gates, bool apart, unsigned rows, class S, class C>
__device__ __forceinline__ void multiply_plane(const S* weight, std::int64_t of_gate, const C* in,
                                               unsigned stride,
                                               C (&sums)[apart ? gates : 1][rows]) {
  constexpr unsigned together = AugruLayout<S>::together;
  C factors[gates][together];
  RECBENCH_UNROLL
  for (unsigned g = 0; g < gates; ++g) {
    const auto read = *reinterpret_cast<const Pack<S, together>*>(weight + g * of_gate);
    RECBENCH_UNROLL
    for (unsigned i = 0; i < together; ++i) factors[g][i] = widen(read.values[i]);
  }
  RECBENCH_UNROLL
  for (unsigned row = 0; row < rows; ++row) {
    RECBENCH_UNROLL
    for (unsigned v = 0; v < (apart ? 1 : gates); ++v) {
      const auto read = *reinterpret_cast<const Pack<C, together>*>(in + (v * rows + row) * stride);
      RECBENCH_UNROLL
      for (unsigned i = 0; i < together; ++i) {
        RECBENCH_UNROLL
        for (unsigned g = v; g < (apart ? gates : v + 1); ++g) {
          sums[apart ? g : 0][row] += factors[g][i] * read.values[i];
        }
      }
    }
  }
}

// Adds to `sums` this lane's share of a group's products with the rows of `in`: of each of some
// gates with the same rows, or `apart` false, of each with rows of its own, all in one sum.
template <unsigned gates, bool apart, unsigned rows, class S, class C>
__device__ __forceinline__ void multiply(const AugruWeight<S>& weight, unsigned first_gate,
                                         unsigned group, const C* in,
                                         C (&sums)[apart ? gates : 1][rows]) {
  constexpr unsigned together = AugruLayout<S>::together;
  const AugruLayout<S>& layout = weight.layout;
  const std::int64_t of_gate = layout.plane / 3;
  const std::int64_t from =
      first_gate * of_gate + (std::int64_t{group} * kWarp + threadIdx.x % kWarp) * together;
  const C* vector = in + threadIdx.x % kSlices * together;
  const S* here = weight.resident + from;
  for (unsigned plane = 0; plane < weight.planes; ++plane) {
    multiply_plane<gates, apart, rows>(here, of_gate, vector, layout.stride, sums);
    here += layout.plane;
    vector += kSlices * together;
  }
  here = weight.streamed + from + weight.planes * layout.plane;
  for (unsigned plane = weight.planes; plane < layout.planes; ++plane) {
    multiply_plane<gates, apart, rows>(here, of_gate, vector, layout.stride, sums);
    here += layout.plane;
    vector += kSlices * together;
  }
}

// Adds up the shares of a unit's lanes; each lane is left with the sums of its own rows, in front.
template <unsigned rows, class C>
__device__ __forceinline__ void share_out(C (&sums)[rows]) {
  RECBENCH_UNROLL
  for (unsigned n = 0; n < rows / kSlices; ++n) {
    RECBENCH_UNROLL
    for (unsigned half = kSlices / 2; half > 0; half /= 2) {
      const bool upper = threadIdx.x & half;
      RECBENCH_UNROLL
      for (unsigned i = n * kSlices; i < n * kSlices + half; ++i) {
        const C kept = upper ? sums[i + half] : sums[i];
        const C given = upper ? sums[i] : sums[i + half];
        sums[i] = kept + __shfl_xor_sync(kWholeWarp, given, half);
      }
    }
    sums[n] = sums[n * kSlices];
  }
}

template <class C>
__device__ C sigmoid_of(C x) {
  return C{1} / (C{1} + std::exp(-x));
}

// The step u = p - q z of the state towards the candidate, for attention `a`.
template <class C>
struct UpdateTerms {
  C p, q;

  __device__ UpdateTerms(AttentionMode mode, C a)
      : p(mode == AttentionMode::reference ? C{1} : a),
        q(mode == AttentionMode::paper       ? a
          : mode == AttentionMode::reference ? C{1} - a
                                             : C{0}) {}

  // The step's derivative by the attention.
  static __device__ C by_attention(AttentionMode mode, C z) {
    return mode == AttentionMode::paper ? C{1} - z : mode == AttentionMode::agru ? C{1} : z;
  }
};

// Writes zeros beyond the lengths of a block's rows, in a tensor of `width` a step.
template <unsigned rows, class E>
__device__ void clear_padding(const AugruShape& shape, const std::int64_t* lengths,
                              const std::int64_t* order, std::int64_t width, E* tensor) {
  const std::int64_t first = std::int64_t{blockIdx.x} * rows;
  for (std::int64_t place = first; place < first + rows && place < shape.batch; ++place) {
    const std::int64_t row = order[place], length = clamped(lengths[row], shape.steps);
    E* const to = tensor + (row * shape.steps + length) * width;
    const std::int64_t count = (shape.steps - length) * width;
    for (std::int64_t i = threadIdx.x; i < count; i += blockDim.x) to[i] = E{};
  }
}

}  // namespace recbench::cuda
