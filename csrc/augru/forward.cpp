// The forward pass: all steps of one tile of rows, without leaving it.
//
// A step's inputs and the state before it lie side by side, so that the gates' sums over both are
// one multiplication. Of the candidate the two halves stay apart: the reset gate acts on one.
#include "augru/tile.h"
#include "simd/math.h"

namespace recbench::RECBENCH_ISA {
namespace {

// Packed weights: for the gates r and z [panel][I + H][width], for n its input's and its state's
// part; then the four biases, those of r and z being sums.
template <class C>
struct Packed {
  std::int64_t wide;  // columns with padding
  C *r, *z, *n_input, *n_state, *biases;

  Packed(const AugruShape& shape, C* start) : wide(padded<C>(shape.hidden)), r(start) {
    const std::int64_t both = shape.inputs + shape.hidden;
    z = r + both * wide;
    n_input = z + both * wide;
    n_state = n_input + shape.inputs * wide;
    biases = n_state + shape.hidden * wide;
  }

  static std::int64_t bytes(const AugruShape& shape) {
    return (3 * (shape.inputs + shape.hidden) + 4) * padded<C>(shape.hidden) *
           std::int64_t{sizeof(C)};
  }
};

template <class C>
struct Scratch {
  std::int64_t wide, row;
  C *inputs_and_state, *next, *r, *z, *n, *reset;

  Scratch(const AugruShape& shape, C* start)
      : wide(padded<C>(shape.hidden)), row(padded<C>(shape.inputs) + wide) {
    inputs_and_state = start;
    next = inputs_and_state + kAugruTile * row;
    r = next + kAugruTile * row;
    z = r + kAugruTile * wide;
    n = z + kAugruTile * wide;
    reset = n + kAugruTile * wide;
  }

  static std::int64_t bytes(const AugruShape& shape) {
    return kAugruTile * (2 * padded<C>(shape.inputs) + 6 * padded<C>(shape.hidden)) *
           std::int64_t{sizeof(C)};
  }
};

template <class S, class C>
void pack_weights(const AugruShape& shape, const AugruWeights& weights, void* to) {
  const std::int64_t inputs = shape.inputs, hidden = shape.hidden, both = inputs + hidden;
  const auto* w_ih = static_cast<const S*>(weights.w_ih);
  const auto* w_hh = static_cast<const S*>(weights.w_hh);
  const auto* b_ih = static_cast<const S*>(weights.b_ih);
  const auto* b_hh = static_cast<const S*>(weights.b_hh);
  const Packed<C> packed(shape, static_cast<C*>(to));
  for (int gate = 0; gate < 2; ++gate) {
    C* panels = gate == 0 ? packed.r : packed.z;
    pack(w_ih + gate * hidden * inputs, 1, inputs, inputs, hidden, panels, 0, both);
    pack(w_hh + gate * hidden * hidden, 1, hidden, hidden, hidden, panels, inputs, both);
  }
  pack(w_ih + 2 * hidden * inputs, 1, inputs, inputs, hidden, packed.n_input, 0, inputs);
  pack(w_hh + 2 * hidden * hidden, 1, hidden, hidden, hidden, packed.n_state, 0, hidden);
  std::memset(packed.biases, 0, static_cast<std::size_t>(4 * packed.wide) * sizeof(C));
  for (std::int64_t j = 0; j < 2 * hidden; ++j) {
    packed.biases[j / hidden * packed.wide + j % hidden] = value<C>(b_ih, j) + value<C>(b_hh, j);
  }
  take(b_ih, 2, hidden, packed.biases + 2 * packed.wide);
  take(b_hh, 2, hidden, packed.biases + 3 * packed.wide);
}

template <class S, class C, bool reset_after>
struct Forward {
  static constexpr int lanes = kLanes<C>;

  const AugruForward& given;
  const AugruShape& shape;
  const std::int64_t inputs, hidden;
  const Tile tile;
  const Packed<C> packed;
  Scratch<C> scratch;
  const std::int64_t saved_row = (reset_after ? 4 : 3) * scratch.wide;
  S* saved = nullptr;  // of this step, its first row

  Forward(const AugruForward& arguments, std::int64_t number, void* memory)
      : given(arguments),
        shape(arguments.shape),
        inputs(shape.inputs),
        hidden(shape.hidden),
        tile(shape, arguments.order, arguments.lengths, number),
        packed(shape, static_cast<C*>(const_cast<void*>(arguments.packed))),
        scratch(shape, static_cast<C*>(memory)) {}

  void run(std::int64_t step) {
    start();
    std::int64_t running = tile.count;
    if (given.saved != nullptr) saved = static_cast<S*>(given.saved) + step * saved_row;
    for (std::int64_t t = 0; t < tile.steps(); ++t) {
      while (tile.length(running - 1) <= t) --running;
      read(t, running);
      advance(t, running);
      write(t, running);
      if (saved != nullptr) saved += running * saved_row;
      C* before = scratch.inputs_and_state;
      scratch.inputs_and_state = scratch.next;
      scratch.next = before;
    }
  }

  // The first states, which are also the last of rows without a step; zeros at padding.
  void start() {
    const auto* h0 = static_cast<const S*>(given.h0);
    auto* outputs = static_cast<S*>(given.outputs);
    auto* last = static_cast<S*>(given.last);
    const auto used = static_cast<std::size_t>(2 * kAugruTile * scratch.row);
    std::memset(scratch.inputs_and_state, 0, used * sizeof(C));
    for (std::int64_t i = 0; i < tile.count; ++i) {
      const std::int64_t row = tile.rows[i], length = tile.length(i);
      C* state = scratch.inputs_and_state + i * scratch.row + inputs;
      take(h0, row, hidden, state);
      if (length == 0) narrow(state, last + row * hidden, hidden);
      std::memset(outputs + (row * shape.steps + length) * hidden, 0,
                  static_cast<std::size_t>((shape.steps - length) * hidden) * sizeof(S));
    }
  }

  void read(std::int64_t t, std::int64_t running) {
    const auto* x = static_cast<const S*>(given.x);
    for (std::int64_t i = 0; i < running; ++i) {
      const S* row = x + (tile.rows[i] * shape.steps + t) * inputs;
      widen(row, scratch.inputs_and_state + i * scratch.row, inputs);
      if (t + 1 < tile.length(i)) prefetch(row + inputs, inputs);
    }
  }

  // out = bias + a b for the panel at column j; `a` begins at column `from` of inputs and state.
  void gate(C* out, int bias, const C* weights, std::int64_t from, std::int64_t depth,
            std::int64_t running, std::int64_t j, std::int64_t width) {
    multiply(out + j, scratch.wide, packed.biases + bias * scratch.wide + j, 0, running,
             Matrix<const C>{scratch.inputs_and_state + from, scratch.row, 1}, weights + j * depth,
             depth, width);
  }

  void advance(std::int64_t t, std::int64_t running) {
    const std::int64_t both = inputs + hidden;
    if constexpr (!reset_after) {
      for (std::int64_t j = 0; j < hidden; j += kPanel<C>) {
        const std::int64_t width = panel_width<C>(hidden, j);
        gate(scratch.r, 0, packed.r, 0, both, running, j, width);
        reset(running, j, width);
      }
    }
    for (std::int64_t j = 0; j < hidden; j += kPanel<C>) {
      const std::int64_t width = panel_width<C>(hidden, j);
      gate(scratch.z, 1, packed.z, 0, both, running, j, width);
      gate(scratch.n, 2, packed.n_input, 0, inputs, running, j, width);
      if constexpr (reset_after) {
        gate(scratch.r, 0, packed.r, 0, both, running, j, width);
        gate(scratch.reset, 3, packed.n_state, inputs, hidden, running, j, width);
      } else {
        C* out = scratch.n + j;
        add(out, packed.biases + 3 * scratch.wide + j, running, width);
        multiply(out, scratch.wide, out, scratch.wide, running,
                 Matrix<const C>{scratch.reset, scratch.wide, 1}, packed.n_state + j * hidden,
                 hidden, width);
      }
      move(t, running, j, width);
    }
  }

  void save(int gate, std::int64_t i, std::int64_t c, Vec<C> values) {
    if (saved != nullptr) {
      store_as(saved + i * saved_row + gate * scratch.wide + c, values);
    }
  }

  // Where the reset gate acts first: r, and the state that it lets through.
  void reset(std::int64_t running, std::int64_t j, std::int64_t width) {
    for (std::int64_t i = 0; i < running; ++i) {
      const C* state = scratch.inputs_and_state + i * scratch.row + inputs;
      for (std::int64_t c = j; c < j + width; c += lanes) {
        const std::int64_t at = i * scratch.wide + c;
        const Vec<C> r = sigmoid(load(scratch.r + at));
        save(0, i, c, r);
        store(scratch.reset + at, r * load(state + c));
      }
    }
  }

  void add(C* out, const C* bias, std::int64_t running, std::int64_t width) {
    for (std::int64_t i = 0; i < running; ++i) {
      for (std::int64_t c = 0; c < width; c += lanes) {
        store(out + i * scratch.wide + c, load(out + i * scratch.wide + c) + load(bias + c));
      }
    }
  }

  // Moves the states of a panel's units towards their candidates.
  void move(std::int64_t t, std::int64_t running, std::int64_t j, std::int64_t width) {
    const auto* attention = static_cast<const S*>(given.attention);
    for (std::int64_t i = 0; i < running; ++i) {
      const Update<C> update(shape.mode, value<C>(attention, tile.rows[i] * shape.steps + t));
      const C* state = scratch.inputs_and_state + i * scratch.row + inputs;
      C* next = scratch.next + i * scratch.row + inputs;
      for (std::int64_t c = j; c < j + width; c += lanes) {
        const std::int64_t at = i * scratch.wide + c;
        const Vec<C> z = sigmoid(load(scratch.z + at));
        Vec<C> n = load(scratch.n + at);
        if constexpr (reset_after) {
          const Vec<C> r = sigmoid(load(scratch.r + at));
          const Vec<C> reset = load(scratch.reset + at);
          n = fma(r, reset, n);
          save(0, i, c, r);
          save(3, i, c, reset);
        }
        n = tanh(n);
        save(1, i, c, z);
        save(2, i, c, n);
        const Vec<C> u = splat(update.p) - update.q * z;
        const Vec<C> h = load(state + c);
        store(next + c, fma(u, n - h, h));
      }
    }
  }

  void write(std::int64_t t, std::int64_t running) {
    auto* outputs = static_cast<S*>(given.outputs);
    auto* last = static_cast<S*>(given.last);
    for (std::int64_t i = 0; i < running; ++i) {
      const std::int64_t row = tile.rows[i];
      const C* state = scratch.next + i * scratch.row + inputs;
      narrow(state, outputs + (row * shape.steps + t) * hidden, hidden);
      if (t + 1 == tile.length(i)) narrow(state, last + row * hidden, hidden);
    }
  }
};

template <class S, class C>
void forward(const AugruForward& arguments, std::int64_t tile, void* scratch) {
  if (arguments.shape.reset_after) {
    Forward<S, C, true>(arguments, tile, scratch).run(arguments.starts[tile]);
  } else {
    Forward<S, C, false>(arguments, tile, scratch).run(arguments.starts[tile]);
  }
}

template <class S, class C>
constexpr AugruKernels kernels() {
  return {Packed<C>::bytes, Scratch<C>::bytes, pack_weights<S, C>, forward<S, C>};
}

}  // namespace

extern const AugruKernels augru_kernels[4];
const AugruKernels augru_kernels[4] = {kernels<float, float>(), kernels<double, double>(),
                                       kernels<BFloat16, float>(), kernels<Float16, float>()};

}  // namespace recbench::RECBENCH_ISA
