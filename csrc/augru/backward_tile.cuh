// A block's rows in the AUGRU's backward pass on the GPU: what is kept of them in shared memory,
// and how the gradients of their gates come about, last step first.
#pragma once

#include "augru/recurrence.cuh"

namespace recbench::cuda {

// Tensors are contiguous; those that are not there are null. `of_gates`, `states` and
// `reset_states` are of the compute type and hold zeros at padding.
struct AugruBackwardOnDevice {
  AugruShape shape;
  const std::int64_t* lengths;  // [B], taken to lie within [0, T]
  const void *attention, *w_hh, *h0, *outputs, *saved, *grad_outputs, *grad_last;
  void* of_gates;      // [B, T, augru_gradient_gates * H]
  void* states;        // before each step, [B, T, H]
  void* reset_states;  // what the reset gate lets through, where it acts first, [B, T, H]
  void *grad_attention, *grad_h0;
};

// What a block keeps in shared memory: the gradients of the states, and those of the gates that act
// on a state, in turns.
template <class S, unsigned rows>
struct AugruBackwardShared {
  using C = Compute<S>;
  C *states, *gates;  // [rows, stride], [2, 3, rows, stride]
  S* weight;

  __host__ __device__ AugruBackwardShared(const AugruLayout<S>& layout, C* memory)
      : states(memory),
        gates(states + rows * layout.stride),
        weight(reinterpret_cast<S*>(gates + 6 * rows * layout.stride)) {}

  static std::size_t bytes(const AugruLayout<S>& layout) {
    return 7 * rows * layout.stride * sizeof(C);
  }
};

template <class S, unsigned rows, bool reset_after>
struct AugruBackwardTile {
  using C = Compute<S>;
  using Own = OwnRows<rows>;
  static constexpr std::int64_t kGates = reset_after ? 4 : 3;

  const AugruBackwardOnDevice& given;
  const std::int64_t hidden;
  const AugruLayout<S> layout;
  const AugruBackwardShared<S, rows> shared;
  const AugruWeight<S> weight;
  const Own own;
  C* const of_attention;  // each group's share, [B, T, groups]
  const std::int64_t saved_wide = (hidden + 15) / 16 * 16;

  __device__ AugruBackwardTile(const AugruBackwardOnDevice& arguments, const S* packed,
                               const std::int64_t* order, C* shares, unsigned resident, C* memory)
      : given(arguments),
        hidden(given.shape.hidden),
        layout(hidden),
        shared(layout, memory),
        weight{layout, shared.weight, packed, resident},
        own(given.shape, given.lengths, order),
        of_attention(shares) {}

  // What a lane reads of a step for one unit of its rows, a step ahead.
  struct Read {
    C r[Own::count], z[Own::count], n[Own::count], reset[Own::count];
    C before[Own::count], grad_output[Own::count], attention[Own::count];
  };

  __device__ std::int64_t step_of(unsigned n, std::int64_t t) const {
    return own.row[n] * given.shape.steps + t;
  }
  __device__ C saved(std::int64_t step, unsigned gate, unsigned unit) const {
    const std::int64_t at = (step * kGates + gate) * saved_wide + unit;
    return widen(static_cast<const S*>(given.saved)[at]);
  }
  __device__ C state_before(unsigned n, std::int64_t t, unsigned unit) const {
    const void* const from = t == 0 ? given.h0 : given.outputs;
    if (from == nullptr) return 0;
    const std::int64_t at = t == 0 ? own.row[n] : step_of(n, t - 1);
    return widen(static_cast<const S*>(from)[at * hidden + unit]);
  }

  __device__ Read read(std::int64_t t, unsigned group) const {
    Read values{};
    const unsigned unit = unit_of(group);
    RECBENCH_UNROLL
    for (unsigned n = 0; n < Own::count; ++n) {
      if (t < 0 || t >= own.length[n] || unit >= hidden) continue;
      const std::int64_t step = step_of(n, t);
      if constexpr (reset_after) {
        values.r[n] = saved(step, 0, unit);
        values.reset[n] = saved(step, 3, unit);
      }
      values.z[n] = saved(step, 1, unit);
      values.n[n] = saved(step, 2, unit);
      values.before[n] = state_before(n, t, unit);
      if (given.grad_outputs != nullptr) {
        values.grad_output[n] =
            widen(static_cast<const S*>(given.grad_outputs)[step * hidden + unit]);
      }
      values.attention[n] = widen(static_cast<const S*>(given.attention)[step]);
    }
    return values;
  }

  __device__ void run(const std::int64_t* order) const {
    start(order);
    const unsigned first = threadIdx.x / kWarp;
    Read ahead = read(own.steps - 1, first);
    for (std::int64_t t = own.steps - 1; t >= 0; --t) {
      C* const gates = shared.gates + t % 2 * 3 * rows * layout.stride;
      for (unsigned group = first; group < layout.groups; group += layout.warps) {
        const Read now = ahead;
        const bool last = group + layout.warps >= layout.groups;
        ahead = last ? read(t - 1, first) : read(t, group + layout.warps);
        differentiate(t, group, now, gates);
      }
      __syncthreads();
      if constexpr (!reset_after) {
        for (unsigned group = first; group < layout.groups; group += layout.warps) {
          reset(t, group, gates);
        }
        __syncthreads();
      }
      for (unsigned group = first; group < layout.groups; group += layout.warps) {
        recur(group, gates);
      }
    }
    finish();
  }

  // Weights and the gradient of the last states; zeros at padding.
  __device__ void start(const std::int64_t* order) const {
    bring_planes(weight.streamed, weight.planes * layout.plane, shared.weight);
    for (unsigned i = threadIdx.x; i < 7 * rows * layout.stride; i += blockDim.x) {
      shared.states[i] = last_gradient(order, i / layout.stride, i % layout.stride);
    }
    const auto clear = [&](void* tensor, std::int64_t width) {
      clear_padding<rows>(given.shape, given.lengths, order, width, static_cast<C*>(tensor));
    };
    clear(given.of_gates, kGates * hidden);
    clear(given.states, hidden);
    if constexpr (!reset_after) clear(given.reset_states, hidden);
    __syncthreads();
  }

  __device__ C last_gradient(const std::int64_t* order, unsigned slot, unsigned unit) const {
    const std::int64_t place = std::int64_t{blockIdx.x} * rows + slot;
    const bool there = slot < rows && unit < hidden && place < given.shape.batch;
    if (given.grad_last == nullptr || !there) return 0;
    return widen(static_cast<const S*>(given.grad_last)[order[place] * hidden + unit]);
  }

  __device__ C* gate_gradients(std::int64_t step, unsigned unit) const {
    return static_cast<C*>(given.of_gates) + step * kGates * hidden + unit;
  }

  // The gradients of a group's gates, and in the states' what does not pass through them.
  __device__ void differentiate(std::int64_t t, unsigned group, const Read& now, C* gates) const {
    const unsigned unit = unit_of(group);
    const std::int64_t of_gate = std::int64_t{rows} * layout.stride;
    RECBENCH_UNROLL
    for (unsigned n = 0; n < Own::count; ++n) {
      const unsigned at = Own::slot(n) * layout.stride + unit;
      const bool real = unit < hidden && t < own.length[n];
      C grad_attention = 0, grad_r = 0, grad_z = 0, grad_n = 0;
      if (real) {
        const UpdateTerms<C> update(given.shape.mode, now.attention[n]);
        const C z = now.z[n], u = update.p - update.q * z;
        const C grad = shared.states[at] + now.grad_output[n];
        const C grad_u = grad * (now.n[n] - now.before[n]);
        grad_attention = grad_u * update.by_attention(given.shape.mode, z);
        grad_n = grad * u * (C{1} - now.n[n] * now.n[n]);
        grad_z = -update.q * grad_u * z * (C{1} - z);
        shared.states[at] = grad - grad * u;
        C* const to = gate_gradients(step_of(n, t), unit);
        to[hidden] = grad_z;
        to[2 * hidden] = grad_n;
        if constexpr (reset_after) {
          const C r = now.r[n];
          grad_r = grad_n * now.reset[n] * r * (C{1} - r);
          grad_n *= r;
          to[0] = grad_r;
          to[3 * hidden] = grad_n;
        }
        static_cast<C*>(given.states)[step_of(n, t) * hidden + unit] = now.before[n];
      }
      if (unit < hidden) {
        gates[at] = grad_r;
        gates[of_gate + at] = grad_z;
        gates[2 * of_gate + at] = grad_n;
      }
      for (unsigned flip = kWarp / 2; flip >= kSlices; flip /= 2) {
        grad_attention += __shfl_xor_sync(kWholeWarp, grad_attention, flip);
      }
      if (unit == group * kGroup && t < own.length[n]) {
        of_attention[step_of(n, t) * layout.groups + group] = grad_attention;
      }
    }
  }

  // Where the reset gate acts first: its gradients and, for the weights', the state let through.
  __device__ void reset(std::int64_t t, unsigned group, C* gates) const {
    const unsigned unit = unit_of(group);
    C r[Own::count], before[Own::count], sums[1][rows] = {};
    RECBENCH_UNROLL
    for (unsigned n = 0; n < Own::count; ++n) {
      const bool real = unit < hidden && t < own.length[n];
      r[n] = real ? saved(step_of(n, t), 0, unit) : C{0};
      before[n] = real ? state_before(n, t, unit) : C{0};
    }
    multiply<1, true, rows>(weight, 2, group, gates + 2 * rows * layout.stride, sums);
    share_out(sums[0]);
    if (unit >= hidden) return;
    RECBENCH_UNROLL
    for (unsigned n = 0; n < Own::count; ++n) {
      if (t >= own.length[n]) continue;
      const unsigned at = Own::slot(n) * layout.stride + unit;
      const C grad_r = sums[0][n] * before[n] * r[n] * (C{1} - r[n]);
      gates[at] = grad_r;
      shared.states[at] += sums[0][n] * r[n];
      *gate_gradients(step_of(n, t), unit) = grad_r;
      static_cast<C*>(given.reset_states)[step_of(n, t) * hidden + unit] = r[n] * before[n];
    }
  }

  // Adds to the states' gradients what passes through the gates.
  __device__ void recur(unsigned group, const C* gates) const {
    C sums[1][rows] = {};
    multiply<reset_after ? 3 : 2, false, rows>(weight, 0, group, gates, sums);
    share_out(sums[0]);
    const unsigned unit = unit_of(group);
    if (unit >= hidden) return;
    RECBENCH_UNROLL
    for (unsigned n = 0; n < Own::count; ++n) {
      shared.states[Own::slot(n) * layout.stride + unit] += sums[0][n];
    }
  }

  // Each lane reads the gradients that it wrote itself, or those of the start.
  __device__ void finish() const {
    for (unsigned group = threadIdx.x / kWarp; group < layout.groups; group += layout.warps) {
      const unsigned unit = unit_of(group);
      RECBENCH_UNROLL
      for (unsigned n = 0; n < Own::count; ++n) {
        if (unit >= hidden || !own.there[n]) continue;
        narrow(shared.states[Own::slot(n) * layout.stride + unit],
               static_cast<S*>(given.grad_h0)[own.row[n] * hidden + unit]);
      }
    }
  }
};

}  // namespace recbench::cuda
