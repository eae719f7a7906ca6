// `recbench::din_attention` and its gradient as operators of torch; what they compute is defined by
// `reference` in recbench/ops/din_attention.py.
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include "din_attention/kernel.h"
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

// The tensors of one call, in memory order, and what the kernels read of them.
class Call {
 public:
  Call(Tensor&& query, Tensor&& keys, Tensor&& lengths, std::vector<Tensor>&& weights,
       std::int64_t activation, bool softmax, double scale)
      : dtype_(query.dtype()) {
    require(dtype_ != Dtype::int64 && dtype_ != Dtype::other,
            "query: expected float32, float64, bfloat16 or float16");
    require(activation >= 0 && activation <= 3, "activation: expected 0 to 3");
    require(query.dim() == 2, "query: expected two dimensions");
    const Tensor& w1 = weights[0];
    const Tensor& w2 = weights[2];
    require(w1.dim() == 2 && w2.dim() == 2, "w1, w2: expected two dimensions");
    given_.batch = query.size(0);
    given_.width = query.size(1);
    given_.hidden1 = w1.size(0);
    given_.hidden2 = w2.size(0);
    given_.activation = static_cast<DinActivation>(activation);
    given_.softmax = softmax;
    given_.scale = scale;
    require(keys.dim() == 3 && keys.size(0) == given_.batch && keys.size(2) == given_.width,
            "keys: expected shape [B, T, D] as query has");
    given_.steps = keys.size(1);
    require(
        lengths.dtype() == Dtype::int64 && lengths.dim() == 1 && lengths.size(0) == given_.batch,
        "lengths: expected [B] of int64");
    const bool dice = given_.activation == DinActivation::dice;
    const bool sloped = dice || given_.activation == DinActivation::prelu;
    require(w1.size(1) == 4 * given_.width, "w1: expected shape [H1, 4 D]");
    require(w2.size(1) == given_.hidden1, "w2: expected shape [H2, H1]");
    given_.query = keep(std::move(query));
    given_.keys = keep(std::move(keys));
    given_.w1 = keep(std::move(weights[0]));
    given_.b1 = keep(std::move(weights[1]), {given_.hidden1}, "b1: expected shape [H1]");
    given_.w2 = keep(std::move(weights[2]));
    given_.b2 = keep(std::move(weights[3]), {given_.hidden2}, "b2: expected shape [H2]");
    given_.w3 = keep(std::move(weights[4]), {given_.hidden2}, "w3: expected shape [H2]");
    given_.b3 = keep(std::move(weights[5]), {1}, "b3: expected shape [1]");
    given_.slope1 = option(sloped, std::move(weights[6]), {given_.hidden1},
                           "slope1: expected shape [H1] for PReLU and Dice, else no elements");
    given_.slope2 = option(sloped, std::move(weights[7]), {given_.hidden2},
                           "slope2: expected shape [H2] for PReLU and Dice, else no elements");
    if (weights.size() > 8) {
      given_.gate1 = option(dice, std::move(weights[8]), {2, given_.hidden1},
                            "gate1: expected shape [2, H1] for Dice, else no elements");
      given_.gate2 = option(dice, std::move(weights[9]), {2, given_.hidden2},
                            "gate2: expected shape [2, H2] for Dice, else no elements");
    }
    lengths_.push_back(lengths.contiguous());
    given_.lengths = lengths_[0].data<std::int64_t>();
  }

  const DinAttentionArguments& given() const { return given_; }
  int dtype_index() const { return static_cast<int>(dtype_); }
  // A tensor whose dtype and device the results share.
  const Tensor& like() const { return kept_[0]; }

  const void* keep(Tensor&& tensor) {
    require(tensor.dtype() == dtype_, "expected all floating tensors of one dtype");
    kept_.push_back(tensor.contiguous());
    return kept_.back().data<void>();
  }

  const void* keep(Tensor&& tensor, std::initializer_list<std::int64_t> shape,
                   const char* expected) {
    bool fits = tensor.dim() == static_cast<std::int64_t>(shape.size());
    std::int64_t axis = 0;
    for (const std::int64_t size : shape) {
      fits = fits && tensor.size(axis) == size;
      ++axis;
    }
    require(fits, expected);
    return keep(std::move(tensor));
  }

 private:
  const void* option(bool wanted, Tensor&& tensor, std::initializer_list<std::int64_t> shape,
                     const char* expected) {
    if (wanted) return keep(std::move(tensor), shape, expected);
    require(tensor.numel() == 0, expected);
    return nullptr;
  }

  Dtype dtype_;
  DinAttentionArguments given_{};
  std::vector<Tensor> kept_, lengths_;
};

template <typename... Tensors>
std::vector<Tensor> list(Tensors&&... tensors) {
  std::vector<Tensor> made;
  (made.push_back(std::move(tensors)), ...);
  return made;
}

Tensor forward(Tensor query, Tensor keys, Tensor lengths, Tensor w1, Tensor b1, Tensor w2,
               Tensor b2, Tensor w3, Tensor b3, Tensor slope1, Tensor slope2, Tensor gate1,
               Tensor gate2, std::int64_t activation, bool softmax, double scale) {
  const Call call(std::move(query), std::move(keys), std::move(lengths),
                  list(w1, b1, w2, b2, w3, b3, slope1, slope2, gate1, gate2), activation, softmax,
                  scale);
  const DinAttentionArguments& given = call.given();
  const DinAttentionForward& kernel = RECBENCH_SELECT(din_attention_forward)[call.dtype_index()];
  Tensor output = call.like().empty({given.batch, given.width});
  const Buffer weights = allocate(kernel.weights_bytes(given));
  kernel.prepare(given, weights.get());
  void* to = output.mutable_data<void>();
  parallel_for(given.batch, kForwardGrain, [&](std::int64_t begin, std::int64_t end) {
    kernel.run(given, weights.get(), begin, end, to);
  });
  return output;
}

using Gradients =
    std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;

Gradients make_gradients(const Call& call, bool query, bool keys, bool weights) {
  const DinAttentionArguments& given = call.given();
  const std::initializer_list<std::int64_t> nothing{0};
  const auto make = [&](bool wanted, std::initializer_list<std::int64_t> shape) {
    return call.like().empty(wanted ? shape : nothing);
  };
  const std::int64_t hidden1 = given.hidden1, hidden2 = given.hidden2;
  const bool slopes = weights && given.slope1 != nullptr;
  return {make(query, {given.batch, given.width}),
          make(keys, {given.batch, given.steps, given.width}),
          make(weights, {hidden1, 4 * given.width}),
          make(weights, {hidden1}),
          make(weights, {hidden2, hidden1}),
          make(weights, {hidden2}),
          make(weights, {hidden2}),
          make(weights, {1}),
          make(slopes, {hidden1}),
          make(slopes, {hidden2})};
}

Gradients backward(Tensor gradient, Tensor query, Tensor keys, Tensor lengths, Tensor w1, Tensor b1,
                   Tensor w2, Tensor b2, Tensor w3, Tensor b3, Tensor slope1, Tensor slope2,
                   std::int64_t activation, bool softmax, double scale, bool wants_query,
                   bool wants_keys, bool wants_weights) {
  require(activation != static_cast<std::int64_t>(DinActivation::dice),
          "activation: no gradient for Dice");
  Call call(std::move(query), std::move(keys), std::move(lengths),
            list(w1, b1, w2, b2, w3, b3, slope1, slope2), activation, softmax, scale);
  const DinAttentionArguments& given = call.given();
  const void* output = call.keep(std::move(gradient), {given.batch, given.width},
                                 "gradient: expected shape [B, D] as query has");
  Gradients made = make_gradients(call, wants_query, wants_keys, wants_weights);
  const DinAttentionGradients to = std::apply(
      [&](auto&... tensors) {
        const auto pointer = [](Tensor& tensor, bool wanted) {
          return wanted ? tensor.mutable_data<void>() : nullptr;
        };
        const bool slopes = wants_weights && given.slope1 != nullptr;
        const bool wanted[] = {wants_query,   wants_keys,    wants_weights, wants_weights,
                               wants_weights, wants_weights, wants_weights, wants_weights,
                               slopes,        slopes};
        std::size_t n = 0;
        return DinAttentionGradients{output, pointer(tensors, wanted[n++])...};
      },
      made);

  const DinAttentionBackward& kernel = RECBENCH_SELECT(din_attention_backward)[call.dtype_index()];
  const Buffer weights = allocate(kernel.weights_bytes(given));
  kernel.prepare(given, weights.get());
  const std::int64_t rows = (given.batch + kChunks - 1) / kChunks;
  const std::int64_t chunks = rows > 0 ? (given.batch + rows - 1) / rows : 0;
  const std::int64_t bytes = kernel.partial_bytes(given);
  const Buffer partials = allocate(bytes * (chunks > 0 ? chunks : 1));
  parallel_for(chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      const std::int64_t first = chunk * rows;
      kernel.run(given, to, weights.get(), static_cast<std::byte*>(partials.get()) + chunk * bytes,
                 first, first + rows < given.batch ? first + rows : given.batch);
    }
  });
  if (wants_weights) {
    if (chunks == 0) std::memset(partials.get(), 0, static_cast<std::size_t>(bytes));
    kernel.reduce(given, to, partials.get(), chunks);
  }
  return made;
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
