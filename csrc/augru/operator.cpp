// The AUGRU as torch operators: checks, memory, and the tiles shared among threads.
#include <algorithm>
#include <atomic>
#include <memory>
#include <new>

#include "augru/call.h"
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

  Schedule(const std::int64_t* values, const AugruShape& shape) {
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

using Results = std::tuple<Tensor, Tensor, Tensor>;

Results augru(Tensor x, Tensor attention, Tensor lengths, Tensor w_ih, Tensor w_hh, Tensor b_ih,
              Tensor b_hh, Tensor h0, std::int64_t mode, bool reset_after, bool save) {
  AugruCall call(x, w_hh, mode, reset_after);
  const AugruShape& shape = call.shape;
  const Schedule schedule(call.take_lengths(lengths), shape);
  const AugruWeights weights{call.take_w_ih(w_ih), call.take_w_hh(w_hh), call.take_bias(b_ih),
                             call.take_bias(b_hh)};
  Tensor outputs = x.empty({shape.batch, shape.steps, shape.hidden});
  Tensor last = x.empty({shape.batch, shape.hidden});
  Tensor saved = x.empty({save ? shape.batch * shape.steps : 0, augru_saved(shape)});

  const AugruKernels& kernels = RECBENCH_SELECT(augru_kernels)[static_cast<int>(call.dtype)];
  const Memory packed(kernels.forward_packed_bytes(shape));
  kernels.pack_forward(shape, weights, packed.get());
  const AugruForward arguments{shape,
                               schedule.lengths.data(),
                               schedule.order.data(),
                               schedule.starts.data(),
                               call.take_x(x),
                               call.take_attention(attention),
                               call.take_h0(h0),
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
  AugruCall call(x, w_hh, mode, reset_after);
  const AugruShape& shape = call.shape;
  const std::int64_t gates = 3 * shape.hidden;
  const Schedule schedule(call.take_lengths(lengths), shape);
  const AugruWeights weights{call.take_w_ih(w_ih), call.take_w_hh(w_hh), nullptr, nullptr};
  Tensor grad_x = of_x ? x.empty({shape.batch, shape.steps, shape.inputs}) : x.empty({0});
  Tensor grad_attention = x.empty({shape.batch, shape.steps});
  Tensor grad_h0 = x.empty({shape.batch, shape.hidden});
  Tensor grad_w_ih = of_weights ? x.empty({gates, shape.inputs}) : x.empty({0});
  Tensor grad_w_hh = of_weights ? x.empty({gates, shape.hidden}) : x.empty({0});
  Tensor grad_b_ih = x.empty({of_weights ? gates : 0});
  Tensor grad_b_hh = x.empty({of_weights ? gates : 0});

  const AugruBackwardKernels& kernels =
      RECBENCH_SELECT(augru_backward_kernels)[static_cast<int>(call.dtype)];
  const Memory packed(kernels.backward_packed_bytes(shape));
  kernels.pack_backward(shape, weights, packed.get());
  const AugruBackward arguments{shape,
                                schedule.lengths.data(),
                                schedule.order.data(),
                                schedule.starts.data(),
                                call.take_x(x),
                                call.take_attention(attention),
                                call.take_h0(h0),
                                call.take_outputs(outputs),
                                call.take_saved(saved),
                                call.take_grad_outputs(grad_outputs),
                                call.take_grad_last(grad_last),
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
