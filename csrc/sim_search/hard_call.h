// The tensors of a hard search, checked as far as their shapes and dtypes tell, and in memory
// order.
#pragma once

#include "torch_abi/tensor.h"

namespace recbench {

class HardCall {
 public:
  HardCall(Tensor&& in_category, Tensor&& in_offsets, Tensor&& in_target, Tensor&& in_rows,
           Tensor&& in_index, std::int64_t in_k)
      : category(in_category.contiguous()),
        offsets(in_offsets.contiguous()),
        target(in_target.contiguous()),
        rows(in_rows.contiguous()),
        index(in_index.contiguous()),
        k(in_k) {
    require_int64(category, -1, "expected category [N] of int64");
    require_int64(offsets, -1, "expected offsets [B + 1] of int64");
    require_int64(target, -1, "expected target [M] of int64");
    require(k >= 1, "expected k of at least 1");
    events = category.size(0);
    batch = offsets.size(0) - 1;
    targets = target.size(0);
    require(batch >= 0, "expected offsets [B + 1]");
    if (has_rows()) {
      require_int64(rows, targets, "expected rows [M] of int64");
    } else {
      require(batch == targets, "expected rows, or a target for each row");
    }
    if (has_index()) require_int64(index, events, "expected index [N] of int64");
  }

  // An empty tensor stands for one that is not there.
  bool has_rows() const { return rows.numel() > 0 || targets == 0; }
  bool has_index() const { return index.numel() > 0; }
  Tensor empty_indices() const { return target.empty({targets, k}); }

  const Tensor category, offsets, target, rows, index;
  const std::int64_t k;
  std::int64_t events, batch, targets;
};

}  // namespace recbench
