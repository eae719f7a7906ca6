// The AUGRU's forward pass on the GPU, all steps in one kernel. What the inputs give to the gates
// is one large product that goes before it.
#pragma once

#include "augru/recurrence.cuh"

namespace recbench::cuda {

// Tensors are contiguous; those that are not there are null.
struct AugruForwardOnDevice {
  AugruShape shape;
  const std::int64_t* lengths;  // [B], taken to lie within [0, T]
  const void* gates;            // w_ih x of each step, [B, T, 3H] of the compute type
  const void *attention, *w_hh, *b_ih, *b_hh, *h0;
  void *outputs, *last;
  void* saved;  // [B, T, augru_saved]
};

// What a block keeps in shared memory.
template <class S, unsigned rows>
struct AugruForwardShared {
  using C = Compute<S>;
  C *states, *reset, *biases;  // [2, rows, stride], [rows, stride], [4, units]
  S* weight;

  __host__ __device__ AugruForwardShared(const AugruLayout<S>& layout, C* memory)
      : states(memory),
        reset(states + 2 * rows * layout.stride),
        biases(reset + rows * layout.stride),
        weight(reinterpret_cast<S*>(biases + 4 * layout.groups * kGroup)) {}

  static std::size_t bytes(const AugruLayout<S>& layout) {
    return (3 * rows * layout.stride + 4 * layout.groups * kGroup) * sizeof(C);
  }
};

// Bytes of shared memory of a block, which the card must have; what it has beyond holds weights.
template <class S>
std::size_t augru_forward_shared(const AugruShape& shape) {
  return AugruForwardShared<S, kMostRows<S>>::bytes(AugruLayout<S>(shape.hidden));
}

template <class S, unsigned rows, bool reset_after>
struct AugruForwardTile {
  using C = Compute<S>;
  using Own = OwnRows<rows>;

  const AugruForwardOnDevice& given;
  const std::int64_t hidden;
  const AugruLayout<S> layout;
  const AugruForwardShared<S, rows> shared;
  const AugruWeight<S> weight;
  const Own own;
  const std::int64_t saved_wide = (hidden + 15) / 16 * 16;

  __device__ AugruForwardTile(const AugruForwardOnDevice& arguments, const S* packed,
                              const std::int64_t* order, unsigned resident, C* memory)
      : given(arguments),
        hidden(given.shape.hidden),
        layout(hidden),
        shared(layout, memory),
        weight{layout, shared.weight, packed, resident},
        own(given.shape, given.lengths, order) {}

  // What a lane reads of a step for one unit of its rows, a step ahead; r where it is needed with
  // the others.
  static constexpr unsigned kFirst = reset_after ? 0 : 1;
  struct Read {
    C gates[3 - kFirst][Own::count], attention[Own::count];
  };

  __device__ C from_inputs(std::int64_t step, unsigned gate, unsigned unit) const {
    return static_cast<const C*>(given.gates)[(step * 3 + gate) * hidden + unit];
  }

  __device__ Read read(std::int64_t t, unsigned group) const {
    Read values;
    const unsigned unit = unit_of(group);
    RECBENCH_UNROLL
    for (unsigned n = 0; n < Own::count; ++n) {
      const bool real = unit < hidden && t < own.length[n];
      const std::int64_t step = own.row[n] * given.shape.steps + t;
      RECBENCH_UNROLL
      for (unsigned gate = kFirst; gate < 3; ++gate) {
        values.gates[gate - kFirst][n] = real ? from_inputs(step, gate, unit) : C{0};
      }
      values.attention[n] = real ? widen(static_cast<const S*>(given.attention)[step]) : C{0};
    }
    return values;
  }

  __device__ void run(const std::int64_t* order) const {
    start(order);
    Read ahead = read(0, threadIdx.x / kWarp);
    for (std::int64_t t = 0; t < own.steps; ++t) {
      const C* const state = shared.states + t % 2 * rows * layout.stride;
      C* const next = shared.states + (t + 1) % 2 * rows * layout.stride;
      if constexpr (!reset_after) {
        for (unsigned group = threadIdx.x / kWarp; group < layout.groups; group += layout.warps) {
          reset(t, group, state);
        }
        __syncthreads();
      }
      for (unsigned group = threadIdx.x / kWarp; group < layout.groups; group += layout.warps) {
        const Read now = ahead;
        const bool last = group + layout.warps >= layout.groups;
        ahead = last ? read(t + 1, threadIdx.x / kWarp) : read(t, group + layout.warps);
        advance(t, group, state, next, now);
      }
      __syncthreads();
    }
    finish();
  }

  // Weights, biases and the first states; zeros at padding.
  __device__ void start(const std::int64_t* order) const {
    bring_planes(weight.streamed, weight.planes * layout.plane, shared.weight);
    const unsigned units = layout.groups * kGroup;
    for (unsigned i = threadIdx.x; i < 4 * units; i += blockDim.x) {
      shared.biases[i] = i % units < hidden ? bias(i / units, i % units) : C{0};
    }
    for (unsigned i = threadIdx.x; i < 3 * rows * layout.stride; i += blockDim.x) {
      shared.states[i] = first_state(order, i / layout.stride, i % layout.stride);
    }
    clear_padding<rows>(given.shape, given.lengths, order, hidden, static_cast<S*>(given.outputs));
    __syncthreads();
  }

  // Of r and z the sum of both sides, of the candidate the input's and then the state's.
  __device__ C bias(unsigned which, unsigned unit) const {
    const auto from = [&](const void* biases, unsigned gate) {
      return widen(static_cast<const S*>(biases)[gate * hidden + unit]);
    };
    if (which < 2) return from(given.b_ih, which) + from(given.b_hh, which);
    return from(which == 2 ? given.b_ih : given.b_hh, 2);
  }

  __device__ C first_state(const std::int64_t* order, unsigned slot, unsigned unit) const {
    const std::int64_t place = std::int64_t{blockIdx.x} * rows + slot;
    const bool there = slot < rows && unit < hidden && place < given.shape.batch;
    if (given.h0 == nullptr || !there) return 0;
    return widen(static_cast<const S*>(given.h0)[order[place] * hidden + unit]);
  }

  __device__ void save(std::int64_t step, unsigned gate, unsigned unit, C value) const {
    if (given.saved == nullptr) return;
    const std::int64_t wide = (reset_after ? 4 : 3) * saved_wide;
    narrow(value, static_cast<S*>(given.saved)[step * wide + gate * saved_wide + unit]);
  }

  // Where the reset gate acts first: r, and the state that it lets through.
  __device__ void reset(std::int64_t t, unsigned group, const C* state) const {
    const unsigned unit = unit_of(group);
    C inputs[Own::count], sums[1][rows] = {};
    RECBENCH_UNROLL
    for (unsigned n = 0; n < Own::count; ++n) {
      const bool real = unit < hidden && t < own.length[n];
      inputs[n] = real ? from_inputs(own.row[n] * given.shape.steps + t, 0, unit) : C{0};
    }
    multiply<1, true, rows>(weight, 0, group, state, sums);
    share_out(sums[0]);
    if (unit >= hidden) return;
    RECBENCH_UNROLL
    for (unsigned n = 0; n < Own::count; ++n) {
      if (t >= own.length[n]) continue;
      const C r = sigmoid_of(inputs[n] + (shared.biases[unit] + sums[0][n]));
      const unsigned at = Own::slot(n) * layout.stride + unit;
      shared.reset[at] = r * state[at];
      save(own.row[n] * given.shape.steps + t, 0, unit, r);
    }
  }

  // Moves the states of a group's units towards their candidates.
  __device__ void advance(std::int64_t t, unsigned group, const C* state, C* next,
                          const Read& now) const {
    C sums[3][rows] = {};
    if constexpr (reset_after) {
      multiply<3, true, rows>(weight, 0, group, state, sums);
      share_out(sums[0]);
    } else {
      multiply<1, true, rows>(weight, 1, group, state, reinterpret_cast<C(&)[1][rows]>(sums[1]));
      multiply<1, true, rows>(weight, 2, group, shared.reset,
                              reinterpret_cast<C(&)[1][rows]>(sums[2]));
    }
    share_out(sums[1]);
    share_out(sums[2]);
    const unsigned unit = unit_of(group);
    if (unit >= hidden) return;
    const C* const bias = shared.biases + unit;
    const unsigned units = layout.groups * kGroup;
    RECBENCH_UNROLL
    for (unsigned n = 0; n < Own::count; ++n) {
      const unsigned at = Own::slot(n) * layout.stride + unit;
      C h = state[at];
      if (t < own.length[n]) {
        const std::int64_t step = own.row[n] * given.shape.steps + t;
        const C z = sigmoid_of(now.gates[1 - kFirst][n] + (bias[units] + sums[1][n]));
        const C let_through = bias[3 * units] + sums[2][n];
        C r = 1;
        if constexpr (reset_after) {
          r = sigmoid_of(now.gates[0][n] + (bias[0] + sums[0][n]));
          save(step, 0, unit, r);
          save(step, 3, unit, let_through);
        }
        const C candidate =
            std::tanh((now.gates[2 - kFirst][n] + bias[2 * units]) + r * let_through);
        save(step, 1, unit, z);
        save(step, 2, unit, candidate);
        const UpdateTerms<C> update(given.shape.mode, now.attention[n]);
        h += (update.p - update.q * z) * (candidate - h);
        narrow(h, static_cast<S*>(given.outputs)[step * hidden + unit]);
      }
      next[at] = h;
    }
  }

  // Each lane reads the states that it wrote itself, or those of the start.
  __device__ void finish() const {
    const C* const state = shared.states + own.steps % 2 * rows * layout.stride;
    for (unsigned group = threadIdx.x / kWarp; group < layout.groups; group += layout.warps) {
      const unsigned unit = unit_of(group);
      RECBENCH_UNROLL
      for (unsigned n = 0; n < Own::count; ++n) {
        if (unit >= hidden || !own.there[n]) continue;
        narrow(state[Own::slot(n) * layout.stride + unit],
               static_cast<S*>(given.last)[own.row[n] * hidden + unit]);
      }
    }
  }
};

template <class S, unsigned rows, bool reset_after>
__global__ void __launch_bounds__(kMostWarps* kWarp, rows > kSlices && reset_after ? 2 : 1)
    augru_forward_kernel(AugruForwardOnDevice given, const S* packed, const std::int64_t* order,
                         unsigned resident) {
  RECBENCH_DYNAMIC_SHARED(Compute<S>, memory);
  AugruForwardTile<S, rows, reset_after>(given, packed, order, resident, memory).run(order);
}

template <class S, unsigned rows>
void launch_augru_forward(const AugruForwardOnDevice& given, void* prepared, const AugruCard& card,
                          Stream stream) {
  const AugruLayout<S> layout(given.shape.hidden);
  const std::size_t used = AugruForwardShared<S, rows>::bytes(layout);
  const unsigned resident = layout.resident(used, card.shared);
  launch(given.shape.reset_after ? augru_forward_kernel<S, rows, true>
                                 : augru_forward_kernel<S, rows, false>,
         static_cast<unsigned>((given.shape.batch + rows - 1) / rows), layout.warps * kWarp,
         used + resident * layout.plane * sizeof(S), stream, given, static_cast<const S*>(prepared),
         order_of<S>(given.shape, prepared), resident);
}

// `prepared` is memory of augru_prepared_bytes, aligned to 16.
template <class S>
void augru_forward(const AugruForwardOnDevice& given, void* prepared, const AugruCard& card,
                   Stream stream) {
  if (given.shape.batch == 0) return;
  prepare_augru<S, false>(given.shape, given.lengths, given.w_hh, prepared, stream);
  if (few_rows(given.shape, card))
    return launch_augru_forward<S, kSlices>(given, prepared, card, stream);
  launch_augru_forward<S, kMostRows<S>>(given, prepared, card, stream);
}

}  // namespace recbench::cuda
