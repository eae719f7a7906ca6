// DIN attention's kernels as the operator sees them, one table for each kind of processor.
//
// With the first weight split into [Wq, Wk, Wd, Wp], a row's first layer is one matrix on its keys,
// (Wk - Wd + Wp diag(q)) k + (b1 + (Wq + Wd) q), so nothing of size [batch, steps, ...] is written.
#pragma once

#include <cstdint>

#include "simd/dispatch.h"

namespace recbench {

enum class DinActivation : std::int64_t { sigmoid, relu, prelu, dice };

// The tensors are contiguous and of one dtype, but `lengths`; slopes and gates may be null.
struct DinAttentionArguments {
  std::int64_t batch, steps, width, hidden1, hidden2;
  DinActivation activation;
  bool softmax;
  double scale;
  const void* query;            // [batch, width]
  const void* keys;             // [batch, steps, width]; padding is never read
  const std::int64_t* lengths;  // [batch]; beyond [0, steps] they count as the nearer end
  const void *w1, *b1;          // [hidden1, 4 width], [hidden1]
  const void *w2, *b2;          // [hidden2, hidden1], [hidden2]
  const void *w3, *b3;          // [hidden2], [1]
  const void *slope1, *slope2;  // [hidden1], [hidden2]: PReLU's and Dice's
  const void *gate1, *gate2;    // [2, hidden1], [2, hidden2]: Dice's mean and 1 / deviation
};

// Gradients of the arguments, shaped like them; unwanted ones are null, the weights' all or none.
// Of these ask b3, which has an element whatever the widths are: a tensor without any is null too.
struct DinAttentionGradients {
  const void* output;  // [batch, width], given
  void *query, *keys;
  void *w1, *b1, *w2, *b2, *w3, *b3, *slope1, *slope2;
};

// Kernels for one dtype. `weights`, prepared once a call, and each partial sum have as many bytes,
// aligned to 64, as the functions named so say.
struct DinAttentionForward {
  std::int64_t (*weights_bytes)(const DinAttentionArguments&);
  void (*prepare)(const DinAttentionArguments&, void* weights);
  // Computes rows [begin, end) of `output`.
  void (*run)(const DinAttentionArguments&, const void* weights, std::int64_t begin,
              std::int64_t end, void* output);
};

struct DinAttentionBackward {
  std::int64_t (*weights_bytes)(const DinAttentionArguments&);
  void (*prepare)(const DinAttentionArguments&, void* weights);
  std::int64_t (*partial_bytes)(const DinAttentionArguments&);
  // Computes rows [begin, end) of the query's and keys' gradients and writes to `partial` what
  // these rows add to the weights'.
  void (*run)(const DinAttentionArguments&, const DinAttentionGradients&, const void* weights,
              void* partial, std::int64_t begin, std::int64_t end);
  // Sums `count` partials, which lie one after another, in order; the first one is spent.
  void (*reduce)(const DinAttentionArguments&, const DinAttentionGradients&, void* partials,
                 std::int64_t count);
};

// In the order of `Dtype`: float32, float64, bfloat16, float16.
RECBENCH_FOR_EACH_ISA(extern const DinAttentionForward din_attention_forward[4];
                      extern const DinAttentionBackward din_attention_backward[4];)

}  // namespace recbench
