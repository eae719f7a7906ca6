// The AUGRU as torch operators: checks, memory, and the tiles shared among threads.
#include <algorithm>
#include <atomic>
#include <memory>
#include <new>

#include "augru/kernel.h"
#include "torch_abi/library.h"
#include "torch_abi/parallel.h"

namespace recbench {
namespace {

// Partial gradients of the weights, at most.
constexpr std::int64_t kPartials = 32;

class Memory {
 public:
  explicit Memory(std::int64_t bytes)
      : bytes_(static_cast<char*>(
            ::operator new(static_cast<std::size_t>(bytes), std::align_val_t{64}))) {}
  char* get() const { return bytes_.get(); }

 private:
  struct Free {
    void operator()(char* bytes) const { ::operator delete(bytes, std::align_val_t{64}); }
  };
  std::unique_ptr<char, Free> bytes_;
};

// Rows sorted by falling length, rows of one length in their order.
struct Schedule {
  std::vector<std::int64_t> lengths, order, starts;

  Schedule(const Tensor& given, const AugruShape& shape) {
    require(given.dtype() == Dtype::int64 && given.dim() == 1 && given.size(0) == shape.batch,
            "augru: lengths must be int64 of [B]");
    const Tensor ordered = given.contiguous();
    const auto* values = ordered.data<std::int64_t>();
    lengths.resize(shape.batch);
    std::vector<std::int64_t> places(shape.steps + 1);
    for (std::int64_t row = 0; row < shape.batch; ++row) {
      lengths[row] = std::clamp<std::int64_t>(values[row], 0, shape.steps);
      ++places[shape.steps - lengths[row]];
    }
    std::int64_t place = 0;
    for (auto& count : places) place += std::exchange(count, place);
    order.resize(shape.batch);
    for (std::int64_t row = 0; row < shape.batch; ++row) {
      order[places[shape.steps - lengths[row]]++] = row;
    }
    std::int64_t steps = 0;
    for (std::int64_t i = 0; i < shape.batch; ++i) {
      if (i % kAugruTile == 0) starts.push_back(steps);
      steps += lengths[order[i]];
    }
  }

  std::int64_t tiles() const { return static_cast<std::int64_t>(starts.size()); }
};

// Calls `body(number, scratch)` for each number below `count`, longest work first; each thread
// takes the next one, for tiles differ in length.
template <typename Body>
void share(std::int64_t count, std::int64_t scratch_bytes, const Body& body) {
  std::atomic<std::int64_t> next{0};
  parallel_for(count, 1, [&](std::int64_t, std::int64_t) {
    const Memory scratch(scratch_bytes);
    for (std::int64_t number; (number = next++) < count;) body(number, scratch.get());
  });
}

// Tensors made contiguous, checked and kept while kernels read them.
class Inputs {
 public:
  Inputs(const Tensor& x, const Tensor& w_hh, std::int64_t mode, bool reset_after)
      : dtype_(x.dtype()) {
    require(x.dim() == 3, "augru: x must be [B, T, I]");
    require(w_hh.dim() == 2, "augru: w_hh must be [3H, H]");
    require(dtype_ < Dtype::int64, "augru: x must be float32, float64, bfloat16 or float16");
    require(0 <= mode && mode <= 2, "augru: att_mode must be 0, 1 or 2");
    shape = {x.size(0),  x.size(1), x.size(2), w_hh.size(1), static_cast<AttentionMode>(mode),
             reset_after};
  }

  const void* take(const Tensor& tensor, const std::vector<std::int64_t>& sizes,
                   const char* refusal) {
    bool fits = tensor.dtype() == dtype_ && tensor.dim() == std::int64_t(sizes.size());
    for (std::size_t axis = 0; fits && axis < sizes.size(); ++axis) {
      fits = tensor.size(std::int64_t(axis)) == sizes[axis];
    }
    require(fits, refusal);
    kept_.push_back(tensor.contiguous());
    return kept_.back().data<char>();
  }

  // The same, or null for an empty tensor, which stands for one that is not there.
  const void* take_optional(const Tensor& tensor, const std::vector<std::int64_t>& sizes,
                            const char* refusal) {
    return tensor.numel() == 0 ? nullptr : take(tensor, sizes, refusal);
  }

  const void* take_x(const Tensor& x) {
    return take(x, {shape.batch, shape.steps, shape.inputs}, "augru: x must be [B, T, I]");
  }
  const void* take_attention(const Tensor& attention) {
    return take(attention, {shape.batch, shape.steps}, "augru: attention must be [B, T] as x is");
  }
  const void* take_h0(const Tensor& h0) {
    return take_optional(h0, {shape.batch, shape.hidden}, "augru: h0 must be [B, H] as x is");
  }
  AugruWeights take_weights(const Tensor& w_ih, const Tensor& w_hh) {
    const std::int64_t gates = 3 * shape.hidden;
    return {take(w_ih, {gates, shape.inputs}, "augru: w_ih must be [3H, I] as x is"),
            take(w_hh, {gates, shape.hidden}, "augru: w_hh must be [3H, H] as x is"), nullptr,
            nullptr};
  }
  const void* take_bias(const Tensor& bias) {
    return take(bias, {3 * shape.hidden}, "augru: biases must be [3H] as x is");
  }

  template <typename Kernels>
  const Kernels& choose(const Kernels* by_dtype) const {
    return by_dtype[static_cast<int>(dtype_)];
  }

  AugruShape shape;

 private:
  Dtype dtype_;
  std::vector<Tensor> kept_;
};

using Results = std::tuple<Tensor, Tensor, Tensor>;

Results augru(Tensor x, Tensor attention, Tensor lengths, Tensor w_ih, Tensor w_hh, Tensor b_ih,
              Tensor b_hh, Tensor h0, std::int64_t mode, bool reset_after, bool save) {
  Inputs inputs(x, w_hh, mode, reset_after);
  const AugruShape& shape = inputs.shape;
  const Schedule schedule(lengths, shape);
  AugruWeights weights = inputs.take_weights(w_ih, w_hh);
  weights.b_ih = inputs.take_bias(b_ih);
  weights.b_hh = inputs.take_bias(b_hh);
  Tensor outputs = x.empty({shape.batch, shape.steps, shape.hidden});
  Tensor last = x.empty({shape.batch, shape.hidden});
  Tensor saved = x.empty({save ? shape.batch * shape.steps : 0, augru_saved(shape)});

  const AugruKernels& kernels = inputs.choose(RECBENCH_SELECT(augru_kernels));
  const Memory packed(kernels.forward_packed_bytes(shape));
  kernels.pack_forward(shape, weights, packed.get());
  const AugruForward arguments{shape,
                               schedule.lengths.data(),
                               schedule.order.data(),
                               schedule.starts.data(),
                               inputs.take_x(x),
                               inputs.take_attention(attention),
                               inputs.take_h0(h0),
                               packed.get(),
                               outputs.mutable_data<char>(),
                               last.mutable_data<char>(),
                               save ? saved.mutable_data<char>() : nullptr};
  share(schedule.tiles(), kernels.forward_scratch_bytes(shape),
        [&](std::int64_t tile, void* scratch) { kernels.forward(arguments, tile, scratch); });
  return {std::move(outputs), std::move(last), std::move(saved)};
}

using Gradients = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;

Gradients augru_backward(Tensor grad_outputs, Tensor grad_last, Tensor x, Tensor attention,
                         Tensor lengths, Tensor w_ih, Tensor w_hh, Tensor h0, Tensor outputs,
                         Tensor saved, std::int64_t mode, bool reset_after, bool of_x,
                         bool of_weights) {
  Inputs inputs(x, w_hh, mode, reset_after);
  const AugruShape& shape = inputs.shape;
  const std::int64_t gates = 3 * shape.hidden;
  const Schedule schedule(lengths, shape);
  const AugruWeights weights = inputs.take_weights(w_ih, w_hh);
  Tensor grad_x = of_x ? x.empty({shape.batch, shape.steps, shape.inputs}) : x.empty({0});
  Tensor grad_attention = x.empty({shape.batch, shape.steps});
  Tensor grad_h0 = x.empty({shape.batch, shape.hidden});
  Tensor grad_w_ih = of_weights ? x.empty({gates, shape.inputs}) : x.empty({0});
  Tensor grad_w_hh = of_weights ? x.empty({gates, shape.hidden}) : x.empty({0});
  Tensor grad_b_ih = x.empty({of_weights ? gates : 0});
  Tensor grad_b_hh = x.empty({of_weights ? gates : 0});

  const AugruBackwardKernels& kernels = inputs.choose(RECBENCH_SELECT(augru_backward_kernels));
  const Memory packed(kernels.backward_packed_bytes(shape));
  kernels.pack_backward(shape, weights, packed.get());
  const std::vector<std::int64_t> states{shape.batch, shape.steps, shape.hidden};
  const std::vector<std::int64_t> last{shape.batch, shape.hidden};
  const AugruBackward arguments{
      shape,
      schedule.lengths.data(),
      schedule.order.data(),
      schedule.starts.data(),
      inputs.take_x(x),
      inputs.take_attention(attention),
      inputs.take_h0(h0),
      inputs.take(outputs, states, "augru: outputs must be [B, T, H] as x is"),
      inputs.take(saved, {shape.batch * shape.steps, augru_saved(shape)},
                  "augru: saved must be the forward pass's"),
      inputs.take_optional(grad_outputs, states, "augru: grad_outputs must be [B, T, H] as x is"),
      inputs.take_optional(grad_last, last, "augru: grad_last must be [B, H] as x is"),
      packed.get(),
      of_x ? grad_x.mutable_data<char>() : nullptr,
      grad_attention.mutable_data<char>(),
      grad_h0.mutable_data<char>(),
      of_weights};
  // Tiles of about equal length make up the sum of one partial gradient; which ones depends on the
  // batch alone.
  const std::int64_t partials = std::clamp<std::int64_t>(schedule.tiles(), 1, kPartials);
  const std::int64_t bytes = kernels.partial_bytes(shape);
  const Memory sums(of_weights ? partials * bytes : bytes);
  std::memset(sums.get(), 0, static_cast<std::size_t>(of_weights ? partials * bytes : bytes));
  share(partials, kernels.backward_scratch_bytes(shape), [&](std::int64_t part, void* scratch) {
    for (std::int64_t tile = part; tile < schedule.tiles(); tile += partials) {
      kernels.backward(arguments, tile, scratch, sums.get() + (of_weights ? part * bytes : 0));
    }
  });
  if (of_weights) {
    kernels.sum_partials(shape, sums.get(), partials,
                         {grad_w_ih.mutable_data<char>(), grad_w_hh.mutable_data<char>(),
                          grad_b_ih.mutable_data<char>(), grad_b_hh.mutable_data<char>()});
  }
  return {std::move(grad_x),    std::move(grad_attention), std::move(grad_w_ih),
          std::move(grad_w_hh), std::move(grad_b_ih),      std::move(grad_b_hh),
          std::move(grad_h0)};
}

const Registration augru_registration(
    "augru(Tensor x, Tensor attention, Tensor lengths, Tensor w_ih, Tensor w_hh, Tensor b_ih, "
    "Tensor b_hh, Tensor h0, int att_mode, bool reset_after, bool save) "
    "-> (Tensor, Tensor, Tensor)",
    "augru", "CPU", boxed<augru>);

const Registration augru_backward_registration(
    "augru_backward(Tensor grad_outputs, Tensor grad_last, Tensor x, Tensor attention, "
    "Tensor lengths, Tensor w_ih, Tensor w_hh, Tensor h0, Tensor outputs, Tensor saved, "
    "int att_mode, bool reset_after, bool of_x, bool of_weights) "
    "-> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
    "augru_backward", "CPU", boxed<augru_backward>);

}  // namespace
}  // namespace recbench
