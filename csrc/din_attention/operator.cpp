// `recbench::din_attention` and its gradient as operators of torch; what they compute is defined by
// `reference` in recbench/ops/din_attention.py.
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include "din_attention/backward_call.h"
#include "torch_abi/library.h"
#include "torch_abi/parallel.h"

namespace recbench {
namespace {

// Rows a thread takes at least in the forward pass.
constexpr std::int64_t kForwardGrain = 16;
// Chunks of the backward pass: as many partial gradients exist at once, whatever the threads.
constexpr std::int64_t kChunks = 32;

struct Free {
  void operator()(void* buffer) const { std::free(buffer); }
};

// Memory aligned to 64 bytes.
using Buffer = std::unique_ptr<void, Free>;

Buffer allocate(std::int64_t bytes) {
  const auto size = static_cast<std::size_t>((bytes + 63) / 64 * 64);
  Buffer buffer(std::aligned_alloc(64, size > 0 ? size : 64));
  if (buffer == nullptr) throw std::bad_alloc();
  return buffer;
}

Tensor forward(Tensor query, Tensor keys, Tensor lengths, Tensor w1, Tensor b1, Tensor w2,
               Tensor b2, Tensor w3, Tensor b3, Tensor slope1, Tensor slope2, Tensor gate1,
               Tensor gate2, std::int64_t activation, bool softmax, double scale) {
  const DinAttentionCall call(std::move(query), std::move(keys), std::move(lengths),
                              tensor_list(w1, b1, w2, b2, w3, b3, slope1, slope2, gate1, gate2),
                              activation, softmax, scale);
  const DinAttentionArguments& given = call.given();
  const DinAttentionForward& kernel =
      RECBENCH_SELECT(din_attention_forward)[static_cast<int>(call.dtype())];
  Tensor output = call.like().empty({given.batch, given.width});
  const Buffer weights = allocate(kernel.weights_bytes(given));
  kernel.prepare(given, weights.get());
  void* to = output.mutable_data<void>();
  parallel_for(given.batch, kForwardGrain, [&](std::int64_t begin, std::int64_t end) {
    kernel.run(given, weights.get(), begin, end, to);
  });
  return output;
}

using Gradients = DinAttentionBackwardCall::Results;

Gradients backward(Tensor gradient, Tensor query, Tensor keys, Tensor lengths, Tensor w1, Tensor b1,
                   Tensor w2, Tensor b2, Tensor w3, Tensor b3, Tensor slope1, Tensor slope2,
                   std::int64_t activation, bool softmax, double scale, bool wants_query,
                   bool wants_keys, bool wants_weights) {
  DinAttentionBackwardCall call(
      std::move(gradient),
      {std::move(query), std::move(keys), std::move(lengths),
       tensor_list(w1, b1, w2, b2, w3, b3, slope1, slope2), activation, softmax, scale},
      {wants_query, wants_keys, wants_weights});
  const DinAttentionArguments& given = call.given();
  const DinAttentionBackward& kernel =
      RECBENCH_SELECT(din_attention_backward)[static_cast<int>(call.dtype())];
  const Buffer weights = allocate(kernel.weights_bytes(given));
  kernel.prepare(given, weights.get());
  const std::int64_t rows = (given.batch + kChunks - 1) / kChunks;
  const std::int64_t chunks = rows > 0 ? (given.batch + rows - 1) / rows : 0;
  const std::int64_t bytes = kernel.partial_bytes(given);
  const Buffer partials = allocate(bytes * (chunks > 0 ? chunks : 1));
  parallel_for(chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      const std::int64_t first = chunk * rows;
      kernel.run(given, call.to(), weights.get(),
                 static_cast<std::byte*>(partials.get()) + chunk * bytes, first,
                 first + rows < given.batch ? first + rows : given.batch);
    }
  });
  if (wants_weights) {
    if (chunks == 0) std::memset(partials.get(), 0, static_cast<std::size_t>(bytes));
    kernel.reduce(given, call.to(), partials.get(), chunks);
  }
  return call.take();
}

const Registration forward_registration(
    "din_attention(Tensor query, Tensor keys, Tensor lengths, Tensor w1, Tensor b1, Tensor w2, "
    "Tensor b2, Tensor w3, Tensor b3, Tensor slope1, Tensor slope2, Tensor gate1, Tensor gate2, "
    "int activation, bool softmax, float scale) -> Tensor",
    "din_attention", "CPU", boxed<forward>);

const Registration backward_registration(
    "din_attention_backward(Tensor gradient, Tensor query, Tensor keys, Tensor lengths, Tensor w1, "
    "Tensor b1, Tensor w2, Tensor b2, Tensor w3, Tensor b3, Tensor slope1, Tensor slope2, "
    "int activation, bool softmax, float scale, bool wants_query, bool wants_keys, "
    "bool wants_weights) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, "
    "Tensor, Tensor)",
    "din_attention_backward", "CPU", boxed<backward>);

}  // namespace
}  // namespace recbench
