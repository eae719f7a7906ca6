// What the AUGRU's kernels take. Rows are worked in tiles: `order` sorts them by falling length, so
// that the rows of a tile which still run at a step are its first ones.
//
// What the forward pass saves is in the order in which it meets the steps, tile by tile, step by
// step, row by row, so that both passes run through it in a straight line.
#pragma once

#include <cstdint>

#include "simd/dispatch.h"

namespace recbench {

// The names of `recbench.ops.augru.ATTENTION_MODES`, in their order.
enum class AttentionMode : std::int32_t { paper, reference, agru };

struct AugruShape {
  std::int64_t batch, steps, inputs, hidden;
  AttentionMode mode;
  bool reset_after;
};

// Room for what a step saves for the backward pass: the gates r, z, n and, where the reset gate
// acts after the weight, what it acts on; each as wide as whole vectors are on any processor.
constexpr std::int64_t augru_saved(const AugruShape& shape) {
  return (shape.reset_after ? 4 : 3) * ((shape.hidden + 15) / 16 * 16);
}

// `void` stands for the tensors' dtype; `packed` weights and scratch are of the type that is
// computed in. Pointers of tensors that are not there are null.
struct AugruForward {
  AugruShape shape;
  const std::int64_t* lengths;  // [B], within [0, T]
  const std::int64_t* order;    // [B]
  const std::int64_t* starts;   // of each tile: its first step in `saved`
  const void *x, *attention, *h0;
  const void* packed;
  void *outputs, *last, *saved;
};

struct AugruBackward {
  AugruShape shape;
  const std::int64_t *lengths, *order, *starts;
  const void *x, *attention, *h0, *outputs, *saved;
  const void *grad_outputs, *grad_last;
  const void* packed;
  void *grad_x, *grad_attention, *grad_h0;
  bool of_weights;
};

struct AugruWeights {
  const void *w_ih, *w_hh, *b_ih, *b_hh;
};
struct AugruWeightGradients {
  void *w_ih, *w_hh, *b_ih, *b_hh;
};

// The kernels for one dtype. Sizes are in bytes; memory is aligned to 64 of them.
struct AugruKernels {
  std::int64_t (*forward_packed_bytes)(const AugruShape&);
  std::int64_t (*forward_scratch_bytes)(const AugruShape&);
  void (*pack_forward)(const AugruShape&, const AugruWeights&, void* packed);
  void (*forward)(const AugruForward&, std::int64_t tile, void* scratch);
};
struct AugruBackwardKernels {
  std::int64_t (*backward_packed_bytes)(const AugruShape&);
  std::int64_t (*backward_scratch_bytes)(const AugruShape&);
  std::int64_t (*partial_bytes)(const AugruShape&);
  void (*pack_backward)(const AugruShape&, const AugruWeights&, void* packed);
  // Adds the gradient of the weights to `partial`, which starts as zeros.
  void (*backward)(const AugruBackward&, std::int64_t tile, void* scratch, void* partial);
  // Sums `count` partial gradients, in order and in place.
  void (*sum_partials)(const AugruShape&, void* partials, std::int64_t count,
                       const AugruWeightGradients&);
};

// Indexed by the dtypes float32, float64, bfloat16 and float16.
RECBENCH_FOR_EACH_ISA(extern const AugruKernels augru_kernels[4];
                      extern const AugruBackwardKernels augru_backward_kernels[4];)

// Rows of a tile.
constexpr std::int64_t kAugruTile = 24;

}  // namespace recbench
