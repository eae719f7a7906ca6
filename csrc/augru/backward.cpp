// The backward pass: all steps of one tile of rows, last step first.
//
// Only the gradient of the state must go step by step. The gradients of the gates are collected
// over a block of steps, which stays in the cache, and then give those of inputs and weights by
// larger multiplications over real steps alone.
#include "augru/backward_layout.h"
#include "augru/tile.h"
#include "simd/math.h"

namespace recbench::RECBENCH_ISA {
namespace {

template <class S, class C, bool reset_after>
struct Backward {
  static constexpr int lanes = kLanes<C>;

  const AugruBackward& given;
  const AugruShape& shape;
  const std::int64_t inputs, hidden;
  const Tile tile;
  const BackwardPacked<C> packed;
  const BackwardScratch<C> scratch;
  const Partial<C> partial;
  const std::int64_t saved_row = (reset_after ? 4 : 3) * scratch.wide;
  std::int64_t count = 0;  // steps in the block

  Backward(const AugruBackward& arguments, std::int64_t number, void* memory, void* sums)
      : given(arguments),
        shape(arguments.shape),
        inputs(shape.inputs),
        hidden(shape.hidden),
        tile(shape, arguments.order, arguments.lengths, number),
        packed(shape, static_cast<C*>(const_cast<void*>(arguments.packed))),
        scratch(shape, memory),
        partial(shape, static_cast<C*>(sums)) {}

  void run(std::int64_t step) {
    start();
    for (std::int64_t i = 0; i < tile.count; ++i) step += tile.length(i);
    const S* saved = static_cast<const S*>(given.saved) + step * saved_row;
    std::int64_t running = 0;
    for (std::int64_t t = tile.steps() - 1; t >= 0; --t) {
      while (running < tile.count && tile.length(running) > t) ++running;
      if (count + running > scratch.capacity) finish_block();
      saved -= running * saved_row;
      for (std::int64_t i = 0; i < running; ++i) {
        // The rows of the step before lie before these; a row that joins there is not foreseen.
        if (t > 0) prefetch(saved + (i - running) * saved_row, saved_row);
        read(saved + i * saved_row, i, t);
      }
      recur(saved, running);
      count += running;
    }
    finish_block();
    auto* grad_h0 = static_cast<S*>(given.grad_h0);
    for (std::int64_t i = 0; i < tile.count; ++i) {
      narrow(scratch.state(i), grad_h0 + tile.rows[i] * hidden, hidden);
    }
  }

  // The gradient of the last states; zeros at padding.
  void start() {
    scratch.clear();
    auto* grad_x = static_cast<S*>(given.grad_x);
    auto* grad_attention = static_cast<S*>(given.grad_attention);
    for (std::int64_t i = 0; i < tile.count; ++i) {
      const std::int64_t row = tile.rows[i], first = row * shape.steps + tile.length(i);
      const auto padding = static_cast<std::size_t>(shape.steps - tile.length(i)) * sizeof(S);
      take(static_cast<const S*>(given.grad_last), row, hidden, scratch.state(i));
      std::memset(grad_attention + first, 0, padding);
      if (grad_x != nullptr) std::memset(grad_x + first * inputs, 0, padding * inputs);
    }
  }

  // Reads one step of row `i` into the block; leaves the gradients of its gates there, and in the
  // row's state what does not pass through them.
  void read(const S* saved, std::int64_t i, std::int64_t t) {
    const std::int64_t at = tile.rows[i] * shape.steps + t, k = count + i;
    scratch.places[k] = at;
    const S* x = static_cast<const S*>(given.x) + at * inputs;
    const S* before = static_cast<const S*>(given.outputs) + (at - 1) * hidden;
    if (t == 0) before = row_of(given.h0, tile.rows[i]);
    const S* grad_output = row_of(given.grad_outputs, at);
    if (t > 0) {
      prefetch(x - inputs, inputs);
      prefetch(grad_output - (given.grad_outputs == nullptr ? 0 : hidden), hidden);
      if (t > 1) prefetch(before - hidden, hidden);
    }
    if (given.of_weights) scratch.put(scratch.inputs, k, inputs, x);
    const C a = value<C>(static_cast<const S*>(given.attention), at);
    const C grad = differentiate(saved, before, grad_output, i, k, Update<C>(shape.mode, a));
    narrow(&grad, static_cast<S*>(given.grad_attention) + at, 1);
  }

  // A row [H] of a tensor, or zeros where there is none.
  const S* row_of(const void* tensor, std::int64_t row) const {
    if (tensor == nullptr) return reinterpret_cast<const S*>(scratch.zeros);
    return static_cast<const S*>(tensor) + row * hidden;
  }

  // Returns the gradient of the attention weight. A gate's gradients are stored whole vectors at a
  // time, last ones first, so that what goes beyond its end is overwritten by the next gate's.
  C differentiate(const S* saved, const S* before, const S* grad_output, std::int64_t i,
                  std::int64_t k, const Update<C>& update) {
    const std::int64_t h = hidden, wide = scratch.wide;
    C* grad_state = scratch.state(i);
    C* grads = scratch.gates(k);
    Vec<C> grad_attention = zero<C>();
    for (std::int64_t c = wide - lanes; c >= 0; c -= lanes) {
      const Vec<C> z = load_as(saved + wide + c), n = load_as(saved + 2 * wide + c);
      const Vec<C> state = load_first<C>(before + c, h - c);
      const Vec<C> grad = load(grad_state + c) + load_first<C>(grad_output + c, h - c);
      const Vec<C> u = splat(update.p) - update.q * z;
      const Vec<C> grad_u = grad * (n - state);
      const Vec<C> grad_n = grad * u * (C(1) - n * n);
      grad_attention += grad_u * (shape.mode == AttentionMode::paper  ? C(1) - z
                                  : shape.mode == AttentionMode::agru ? splat(C(1))
                                                                      : z);
      store(scratch.at(scratch.states, k, c, h), state);
      store(grad_state + c, grad - grad * u);
      store(grads + c, grad_n);
      store(grads + h + c, -update.q * grad_u * z * (C(1) - z));
      if constexpr (reset_after) {
        const Vec<C> r = load_as(saved + c), reset = load_as(saved + 3 * wide + c);
        store(grads + 2 * h + c, grad_n * reset * r * (C(1) - r));
        store(grads + 3 * h + c, grad_n * r);
      }
    }
    return sum(grad_attention);
  }

  // Adds to the states' gradients what passes through the gates.
  void recur(const S* saved, std::int64_t running) {
    if constexpr (!reset_after) reset(saved, running);
    const std::int64_t depth = (reset_after ? 3 : 2) * hidden;
    for (std::int64_t j = 0; j < hidden; j += kPanel<C>) {
      multiply(scratch.state(0) + j, scratch.wide, scratch.state(0) + j, scratch.wide, running,
               scratch.gates(count, hidden), packed.state + j * depth, depth,
               panel_width<C>(hidden, j));
    }
  }

  // Where the reset gate acts first: its gradients and, for the weights', the state let through.
  void reset(const S* saved, std::int64_t running) {
    for (std::int64_t j = 0; j < hidden; j += kPanel<C>) {
      multiply(scratch.reset + j, scratch.wide, scratch.zeros, 0, running, scratch.gates(count, 0),
               packed.candidate + j * hidden, hidden, panel_width<C>(hidden, j));
    }
    for (std::int64_t i = 0; i < running; ++i) {
      const std::int64_t k = count + i;
      for (std::int64_t c = padded<C>(hidden) - lanes; c >= 0; c -= lanes) {
        const Vec<C> r = load_as(saved + i * saved_row + c);
        const Vec<C> grad = load(scratch.reset + i * scratch.wide + c);
        const Vec<C> state = load(scratch.at(scratch.states, k, c, hidden));
        store(scratch.gates(k) + 2 * hidden + c, grad * state * r * (C(1) - r));
        store(scratch.state(i) + c, fma(grad, r, load(scratch.state(i) + c)));
        store(scratch.at(scratch.reset_states, k, c, hidden), r * state);
      }
    }
  }

  // The gradients of the block's inputs, and its share of the weights'.
  void finish_block() {
    if (given.grad_x != nullptr) {
      const std::int64_t row = padded<C>(inputs);
      for (std::int64_t j = 0; j < inputs; j += kPanel<C>) {
        multiply(scratch.grad_inputs + j, row, scratch.zeros, 0, count, scratch.gates(0, 0),
                 packed.input + j * 3 * hidden, 3 * hidden, panel_width<C>(inputs, j));
      }
      for (std::int64_t k = 0; k < count; ++k) {
        narrow(scratch.grad_inputs + k * row,
               static_cast<S*>(given.grad_x) + scratch.places[k] * inputs, inputs);
      }
    }
    if (given.of_weights) {
      add_product(partial.input, inputs, 3 * hidden, 0, scratch.inputs);
      if constexpr (reset_after) {
        add_product(partial.state, hidden, 3 * hidden, hidden, scratch.states);
      } else {
        add_product(partial.state, hidden, 2 * hidden, hidden, scratch.states);
        add_product(partial.state + 2 * hidden * scratch.wide, hidden, hidden, 0,
                    scratch.reset_states);
      }
      for (std::int64_t c = 0; c < 4 * hidden; c += lanes) {
        Vec<C> total = load(partial.biases + c);
        for (std::int64_t k = 0; k < count; ++k) total += load(scratch.gates(k) + c);
        store(partial.biases + c, total);
      }
    }
    count = 0;
  }

  // out[rows x columns] += the block's gates from `first` on, transposed, times `factor`.
  void add_product(C* out, std::int64_t columns, std::int64_t rows, std::int64_t first,
                   const C* factor) {
    const std::int64_t row = padded<C>(columns), step = 2 * kBlockRows;
    for (std::int64_t m = 0; m < rows; m += step) {
      for (std::int64_t j = 0; j < columns; j += kPanel<C>) {
        C* block = out + m * row + j;
        multiply(block, row, block, row, rows - m < step ? rows - m : step,
                 Matrix<const C>{scratch.gates(0) + first + m, 1, scratch.gates_row},
                 factor + j * scratch.capacity, count, panel_width<C>(columns, j));
      }
    }
  }
};

template <class S, class C>
void backward(const AugruBackward& arguments, std::int64_t tile, void* scratch, void* partial) {
  if (arguments.shape.reset_after) {
    Backward<S, C, true>(arguments, tile, scratch, partial).run(arguments.starts[tile]);
  } else {
    Backward<S, C, false>(arguments, tile, scratch, partial).run(arguments.starts[tile]);
  }
}

template <class S, class C>
constexpr AugruBackwardKernels kernels() {
  return {BackwardPacked<C>::bytes, BackwardScratch<C>::bytes,
          Partial<C>::bytes,        pack_backward<S, C>,
          backward<S, C>,           sum_partials<S, C>};
}

}  // namespace

extern const AugruBackwardKernels augru_backward_kernels[4];
const AugruBackwardKernels augru_backward_kernels[4] = {
    kernels<float, float>(), kernels<double, double>(), kernels<BFloat16, float>(),
    kernels<Float16, float>()};

}  // namespace recbench::RECBENCH_ISA
