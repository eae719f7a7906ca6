// The memory of the backward pass. The gradients of a step's gates lie in the order: candidate (on
// the input's side), z, r, candidate (on the state's side; only where the reset gate acts after the
// weight). The first three give the gradient of the inputs, the last three that of the state.
#pragma once

#include "augru/tile.h"

namespace recbench::RECBENCH_ISA {
namespace {

// Packed weights, each with the gates as depth: [panel of inputs][n, z, r]; [panel of states][z, r,
// n] or, where the reset gate acts first, [panel of states][z, r] and apart [panel of states][n].
template <class C>
struct BackwardPacked {
  C *input, *state, *candidate;

  BackwardPacked(const AugruShape& shape, C* start)
      : input(start),
        state(input + 3 * shape.hidden * padded<C>(shape.inputs)),
        candidate(state + 2 * shape.hidden * padded<C>(shape.hidden)) {}

  static std::int64_t bytes(const AugruShape& shape) {
    return 3 * shape.hidden * (padded<C>(shape.inputs) + padded<C>(shape.hidden)) *
           std::int64_t{sizeof(C)};
  }
};

template <class S, class C>
void pack_backward(const AugruShape& shape, const AugruWeights& weights, void* to) {
  const std::int64_t inputs = shape.inputs, hidden = shape.hidden;
  const auto* w_ih = static_cast<const S*>(weights.w_ih);
  const auto* w_hh = static_cast<const S*>(weights.w_hh);
  const BackwardPacked<C> packed(shape, static_cast<C*>(to));
  for (std::int64_t place = 0; place < 3; ++place) {
    pack(w_ih + (2 - place) * hidden * inputs, inputs, 1, hidden, inputs, packed.input,
         place * hidden, 3 * hidden);
  }
  const std::int64_t depth = (shape.reset_after ? 3 : 2) * hidden;
  const S* candidate = w_hh + 2 * hidden * hidden;
  pack(w_hh + hidden * hidden, hidden, 1, hidden, hidden, packed.state, 0, depth);
  pack(w_hh, hidden, 1, hidden, hidden, packed.state, hidden, depth);
  if (shape.reset_after) {
    pack(candidate, hidden, 1, hidden, hidden, packed.state, 2 * hidden, depth);
  } else {
    pack(candidate, hidden, 1, hidden, hidden, packed.candidate, 0, hidden);
  }
}

// A part of the gradient of the weights, in the same order of gates; the biases' as the gates lie.
template <class C>
struct Partial {
  C *input, *state, *biases;

  Partial(const AugruShape& shape, C* start)
      : input(start),
        state(input + 3 * shape.hidden * padded<C>(shape.inputs)),
        biases(state + 3 * shape.hidden * padded<C>(shape.hidden)) {}

  static std::int64_t bytes(const AugruShape& shape) {
    return BackwardPacked<C>::bytes(shape) + padded<C>(4 * shape.hidden) * std::int64_t{sizeof(C)};
  }
};

template <class S, class C>
void sum_partials(const AugruShape& shape, void* partials, std::int64_t count,
                  const AugruWeightGradients& to) {
  const std::int64_t inputs = shape.inputs, hidden = shape.hidden;
  const std::int64_t size = Partial<C>::bytes(shape) / std::int64_t{sizeof(C)};
  C* total = static_cast<C*>(partials);
  for (std::int64_t n = 1; n < count; ++n) {
    for (std::int64_t i = 0; i < size; ++i) total[i] += total[n * size + i];
  }
  const Partial<C> sums(shape, total);
  for (std::int64_t gate = 0; gate < 3; ++gate) {
    const std::int64_t input_place = 2 - gate, state_place = gate == 2 ? 2 : 1 - gate;
    for (std::int64_t unit = 0; unit < hidden; ++unit) {
      const std::int64_t row = gate * hidden + unit;
      narrow(sums.input + (input_place * hidden + unit) * padded<C>(inputs),
             static_cast<S*>(to.w_ih) + row * inputs, inputs);
      narrow(sums.state + (state_place * hidden + unit) * padded<C>(hidden),
             static_cast<S*>(to.w_hh) + row * hidden, hidden);
    }
    const std::int64_t bias_place = gate == 2 ? (shape.reset_after ? 3 : 0) : input_place;
    narrow(sums.biases + input_place * hidden, static_cast<S*>(to.b_ih) + gate * hidden, hidden);
    narrow(sums.biases + bias_place * hidden, static_cast<S*>(to.b_hh) + gate * hidden, hidden);
  }
}

// A block of steps and what a step needs.
template <class C>
struct BackwardScratch {
  static constexpr std::int64_t capacity = 4 * kAugruTile;  // steps of a block
  static constexpr std::int64_t line = 64 / sizeof(C);

  std::int64_t wide, gates_row, size;
  std::int64_t* places;  // [steps], each one's place in the tensors [B, T]
  C *grad_gates, *inputs, *states, *reset_states, *grad_inputs;
  C *grad_states, *reset, *zeros;

  BackwardScratch(const AugruShape& shape, void* start) : wide(padded<C>(shape.hidden)) {
    // An odd number of cache lines, so that a column's lines do not share a few places in it.
    gates_row = ((4 * shape.hidden + kLanes<C> + line - 1) / line | 1) * line;
    // Addresses are numbers here, so that the size can be asked for without memory.
    const auto begin = reinterpret_cast<std::uintptr_t>(start);
    auto next = begin + capacity * sizeof(std::int64_t);
    places = reinterpret_cast<std::int64_t*>(begin);
    const auto part = [&next](std::int64_t elements) {
      const auto here = next;
      next += static_cast<std::uintptr_t>((elements + line - 1) / line) * 64;
      return reinterpret_cast<C*>(here);
    };
    grad_gates = part(capacity * gates_row);
    inputs = part(capacity * padded<C>(shape.inputs));
    states = part(capacity * wide);
    reset_states = part(shape.reset_after ? 0 : capacity * wide);
    grad_inputs = part(capacity * padded<C>(shape.inputs));
    grad_states = part(kAugruTile * wide);
    reset = part(kAugruTile * wide);
    zeros = part(wide > kPanel<C> ? wide : kPanel<C>);
    size = static_cast<std::int64_t>(next - begin);
  }

  static std::int64_t bytes(const AugruShape& shape) {
    return BackwardScratch(shape, nullptr).size;
  }

  void clear() const { std::memset(static_cast<void*>(places), 0, static_cast<std::size_t>(size)); }

  C* state(std::int64_t i) const { return grad_states + i * wide; }
  C* gates(std::int64_t k) const { return grad_gates + k * gates_row; }
  Matrix<const C> gates(std::int64_t k, std::int64_t first) const {
    return {gates(k) + first, gates_row, 1};
  }

  // Where column c of step k is in a matrix of panels with `columns`.
  C* at(C* panels, std::int64_t k, std::int64_t c, std::int64_t columns) const {
    const std::int64_t j = c / kPanel<C> * kPanel<C>;
    return panels + j * capacity + k * panel_width<C>(columns, j) + c - j;
  }

  // Copies `row` into the panels as step k.
  template <class S>
  void put(C* panels, std::int64_t k, std::int64_t columns, const S* row) const {
    for (std::int64_t c = 0; c < columns; c += kLanes<C>) {
      store(at(panels, k, c, columns), load_first<C>(row + c, columns - c));
    }
  }
};

}  // namespace
}  // namespace recbench::RECBENCH_ISA
