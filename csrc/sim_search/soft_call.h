// The tensors of a soft search, checked as far as their shapes and dtypes tell, and in memory
// order.
#pragma once

#include <vector>

#include "sim_search/kernel.h"
#include "torch_abi/tensor.h"

namespace recbench {

class SoftCall {
 public:
  SoftCall(Tensor&& in_query, std::vector<Tensor>&& in_keys, std::vector<Tensor>&& in_tables,
           Tensor&& in_offsets, Tensor&& in_lengths, std::int64_t in_k)
      : query(in_query.contiguous()),
        keys(all_contiguous(in_keys)),
        tables(all_contiguous(in_tables)),
        offsets(in_offsets.contiguous()),
        lengths(in_lengths.contiguous()),
        k(in_k) {
    require(query.dim() == 3 && !keys.empty() && k >= 1,
            "expected query [B, Q, D], keys and k of at least 1");
    batch = query.size(0);
    queries = query.size(1);
    width = query.size(2);
    if (!tables.empty()) {
      take_ids();
    } else {
      take_keys();
    }
    std::int64_t fields_width = 0;
    for (const SearchField& field : fields) fields_width += field.width;
    require(fields_width == width, "expected keys as wide as query");
    if (padded()) {
      require(keys[0].size(0) == batch, "expected keys [B, T, D]");
      require_int64(lengths, batch, "expected lengths [B] of int64");
    } else {
      require_int64(offsets, batch + 1, "expected offsets [B + 1] of int64");
    }
    stored = tables.empty() ? keys[0].dtype() : tables[0].dtype();
    require(stored < Dtype::int64, "expected keys of a floating dtype");
    require(query.dtype() == (stored == Dtype::float64 ? Dtype::float64 : Dtype::float32),
            "expected query of float32, or of float64 as keys have");
  }

  bool padded() const { return tables.empty() && keys[0].dim() == 3; }
  std::int64_t steps() const { return padded() ? keys[0].size(1) : 0; }
  Tensor empty_indices() const { return query.empty({batch, queries, k}, Dtype::int64); }
  Tensor empty_scores() const { return query.empty({batch, queries, k}); }

  const Tensor query;
  const std::vector<Tensor> keys, tables;
  const Tensor offsets, lengths;
  const std::int64_t k;
  std::int64_t batch, queries, width;
  std::int64_t events;  // of all rows, padding included
  Dtype stored;
  std::vector<SearchField> fields;

 private:
  static std::vector<Tensor> all_contiguous(const std::vector<Tensor>& tensors) {
    std::vector<Tensor> contiguous;
    for (const Tensor& tensor : tensors) contiguous.push_back(tensor.contiguous());
    return contiguous;
  }

  // Fields whose vectors lie in tables, where ids name them.
  void take_ids() {
    require(keys.size() == tables.size(), "expected a table for each field of ids");
    for (std::size_t f = 0; f < keys.size(); ++f) {
      require(tables[f].dim() == 2 && tables[f].dtype() == tables[0].dtype(),
              "expected tables [V, D] of one dtype");
      require_int64(keys[f], f == 0 ? -1 : keys[0].size(0), "expected ids [N] of int64");
      fields.push_back({tables[f].data<void>(), keys[f].data<std::int64_t>(), tables[f].size(1),
                        tables[f].size(0)});
    }
    events = keys[0].size(0);
  }

  void take_keys() {
    require(keys.size() == 1 && (padded() || keys[0].dim() == 2),
            "expected one tensor of keys, [N, D] or [B, T, D]");
    events = keys[0].size(0) * (padded() ? keys[0].size(1) : 1);
    fields.push_back({keys[0].data<void>(), nullptr, keys[0].size(padded() ? 2 : 1), events});
  }
};

}  // namespace recbench
