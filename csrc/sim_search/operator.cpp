// The searches of SIM and the index by category, as operators of torch.
#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

#include "data_plane/category_index.h"
#include "sim_search/kernel.h"
#include "torch_abi/library.h"
#include "torch_abi/parallel.h"

namespace recbench {
namespace {

void require_int64(const Tensor& tensor, std::int64_t length, const char* what) {
  require(tensor.dim() == 1 && tensor.dtype() == Dtype::int64, what);
  require(length < 0 || tensor.size(0) == length, what);
}

// The rows between offsets, which must ascend from 0 to the number of events.
std::vector<SearchRow> rows_between(const Tensor& offsets, std::int64_t events) {
  require_int64(offsets, -1, "expected offsets [B + 1] of int64");
  const std::int64_t* at = offsets.data<std::int64_t>();
  const std::int64_t rows = offsets.size(0) - 1;
  require(rows >= 0 && at[0] == 0 && at[rows] == events,
          "expected offsets that run from 0 to the number of events");
  std::vector<SearchRow> between;
  between.reserve(rows);
  for (std::int64_t row = 0; row < rows; ++row) {
    require(at[row] <= at[row + 1], "expected offsets that ascend");
    between.push_back({at[row], at[row + 1] - at[row]});
  }
  return between;
}

std::vector<SearchRow> padded_rows(const Tensor& lengths, std::int64_t rows, std::int64_t steps) {
  require_int64(lengths, rows, "expected lengths [B] of int64");
  const std::int64_t* length = lengths.data<std::int64_t>();
  std::vector<SearchRow> padded;
  padded.reserve(rows);
  for (std::int64_t row = 0; row < rows; ++row) {
    require(0 <= length[row] && length[row] <= steps, "expected lengths from 0 to T");
    padded.push_back({row * steps, length[row]});
  }
  return padded;
}

std::vector<Tensor> all_contiguous(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> contiguous;
  for (const Tensor& tensor : tensors) contiguous.push_back(tensor.contiguous());
  return contiguous;
}

// Fields whose vectors lie in tables, where ids name them; returns the number of events.
std::int64_t fields_of_ids(const std::vector<Tensor>& ids, const std::vector<Tensor>& tables,
                           std::vector<SearchField>& fields) {
  require(ids.size() == tables.size(), "expected a table for each field of ids");
  for (std::size_t f = 0; f < ids.size(); ++f) {
    require(tables[f].dim() == 2 && tables[f].dtype() == tables[0].dtype(),
            "expected tables [V, D] of one dtype");
    require_int64(ids[f], f == 0 ? -1 : ids[0].size(0), "expected ids [N] of int64");
    fields.push_back({tables[f].data<void>(), ids[f].data<std::int64_t>(), tables[f].size(1),
                      tables[f].size(0)});
  }
  return ids[0].size(0);
}

SoftSearchKernel kernel_for(Dtype dtype) {
  const SimSearchKernels& kernels = RECBENCH_SELECT(sim_search_kernels);
  switch (dtype) {
    case Dtype::float32:
      return kernels.soft_float;
    case Dtype::float64:
      return kernels.soft_double;
    case Dtype::bfloat16:
      return kernels.soft_bfloat16;
    case Dtype::float16:
      return kernels.soft_float16;
    default:
      require(false, "expected keys of a floating dtype");
      return nullptr;
  }
}

// Runs the kernel on parts of the blocks of queries, each part with memory of its own.
void run(const SoftSearch& search, std::int64_t rows, SoftSearchKernel kernel,
         std::int64_t compute_bytes) {
  const std::int64_t blocks = (search.queries + kSearchQueries - 1) / kSearchQueries;
  const std::int64_t bytes = search_scratch(search, compute_bytes);
  parallel_for(rows * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    const std::unique_ptr<char[]> scratch(new char[bytes]);
    if (!kernel(search, begin, end, scratch.get())) {
      throw std::out_of_range("recbench: expected ids that name rows of the tables");
    }
  });
}

std::tuple<Tensor, Tensor> sim_search_soft(Tensor query, std::vector<Tensor> keys,
                                           std::vector<Tensor> tables, Tensor offsets,
                                           Tensor lengths, std::int64_t k) {
  require(query.dim() == 3 && !keys.empty() && k >= 1,
          "expected query [B, Q, D], keys and k of at least 1");
  const std::int64_t batch = query.size(0), queries = query.size(1), width = query.size(2);
  const bool padded = tables.empty() && keys[0].dim() == 3;
  query = query.contiguous();
  keys = all_contiguous(keys);
  tables = all_contiguous(tables);
  offsets = offsets.contiguous();
  lengths = lengths.contiguous();

  std::vector<SearchField> fields;
  std::int64_t events;
  if (!tables.empty()) {
    events = fields_of_ids(keys, tables, fields);
  } else {
    require(keys.size() == 1 && (padded || keys[0].dim() == 2),
            "expected one tensor of keys, [N, D] or [B, T, D]");
    events = keys[0].size(0) * (padded ? keys[0].size(1) : 1);
    fields.push_back({keys[0].data<void>(), nullptr, keys[0].size(padded ? 2 : 1), events});
  }
  std::int64_t fields_width = 0;
  for (const SearchField& field : fields) fields_width += field.width;
  require(fields_width == width, "expected keys as wide as query");
  require(!padded || keys[0].size(0) == batch, "expected keys [B, T, D]");
  const std::vector<SearchRow> rows =
      padded ? padded_rows(lengths, batch, keys[0].size(1)) : rows_between(offsets, events);
  require(static_cast<std::int64_t>(rows.size()) == batch, "expected offsets [B + 1]");
  std::int64_t longest = 0;
  for (const SearchRow& row : rows) longest = std::max(longest, row.length);
  require(longest <= std::numeric_limits<std::int32_t>::max(),
          "expected histories below 2^31 events");

  const Dtype stored = tables.empty() ? keys[0].dtype() : tables[0].dtype();
  const SoftSearchKernel kernel = kernel_for(stored);
  const bool wide = stored == Dtype::float64;
  require(query.dtype() == (wide ? Dtype::float64 : Dtype::float32),
          "expected query of float32, or of float64 as keys have");
  Tensor indices = query.empty({batch, queries, k}, Dtype::int64);
  Tensor scores = query.empty({batch, queries, k});
  const SoftSearch search{query.data<void>(),
                          fields.data(),
                          static_cast<std::int64_t>(fields.size()),
                          width,
                          rows.data(),
                          queries,
                          k,
                          2 * std::min(k, longest) + kSearchTile,
                          indices.mutable_data<std::int64_t>(),
                          scores.mutable_data<void>()};
  if (batch * queries > 0) run(search, batch, kernel, wide ? sizeof(double) : sizeof(float));
  return {std::move(indices), std::move(scores)};
}

// The latest k events of a category, by two binary searches in the index of its row.
void look_up(const CategoryRun<std::int64_t>& run, std::int64_t target, std::int64_t k,
             std::int64_t* indices) {
  const std::int64_t first = run.lower_bound(target, run.begin);
  const std::int64_t last = run.lower_bound(target, run.end);
  const std::int64_t found = std::min(k, last - first);
  for (std::int64_t i = 0; i < found; ++i) {
    const std::int64_t event = run.index[last - 1 - i];
    // Its category is not looked up: k scattered reads would take longer than the searches.
    require(run.begin <= event && event < run.end,
            "expected the index that category_index made of category and offsets");
    indices[i] = event - run.begin;
  }
  std::fill(indices + found, indices + k, -1);
}

Tensor sim_search_hard(Tensor category, Tensor offsets, Tensor target, Tensor rows, Tensor index,
                       std::int64_t k) {
  require_int64(category, -1, "expected category [N] of int64");
  require_int64(target, -1, "expected target [M] of int64");
  require(k >= 1, "expected k of at least 1");
  category = category.contiguous();
  offsets = offsets.contiguous();
  target = target.contiguous();
  const std::int64_t events = category.size(0), targets = target.size(0);
  std::vector<SearchRow> searched = rows_between(offsets, events);
  if (rows.numel() > 0 || targets == 0) {
    require_int64(rows, targets, "expected rows [M] of int64");
    rows = rows.contiguous();
    const std::int64_t* row = rows.data<std::int64_t>();
    std::vector<SearchRow> of_targets;
    of_targets.reserve(targets);
    for (std::int64_t i = 0; i < targets; ++i) {
      require(0 <= row[i] && row[i] < static_cast<std::int64_t>(searched.size()),
              "expected rows from 0 to B - 1");
      of_targets.push_back(searched[row[i]]);
    }
    searched = std::move(of_targets);
  }
  require(static_cast<std::int64_t>(searched.size()) == targets,
          "expected rows, or a target for each row");

  Tensor found = target.empty({targets, k});
  const HardSearch search{category.data<std::int64_t>(), searched.data(),
                          target.data<std::int64_t>(), k, found.mutable_data<std::int64_t>()};
  if (index.numel() == 0) {
    const SimSearchKernels& kernels = RECBENCH_SELECT(sim_search_kernels);
    parallel_for(targets, 1,
                 [&](std::int64_t begin, std::int64_t end) { kernels.hard(search, begin, end); });
    return found;
  }
  require_int64(index, events, "expected index [N] of int64");
  index = index.contiguous();
  const std::int64_t* order = index.data<std::int64_t>();
  // A look-up takes about a microsecond: less than it costs to hand a few to a thread.
  parallel_for(targets, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const SearchRow row = search.rows[i];
      look_up({order, search.category, events, row.first, row.first + row.length}, search.target[i],
              k, search.indices + i * k);
    }
  });
  return found;
}

Tensor category_index_of(Tensor category, Tensor offsets) {
  require_int64(category, -1, "expected category [N] of int64");
  category = category.contiguous();
  offsets = offsets.contiguous();
  const auto rows = static_cast<std::int64_t>(rows_between(offsets, category.size(0)).size());
  Tensor index = category.empty({category.size(0)});
  const std::int64_t* at = offsets.data<std::int64_t>();
  const std::int64_t* from = category.data<std::int64_t>();
  std::int64_t* to = index.mutable_data<std::int64_t>();
  parallel_for(rows, 1, [&](std::int64_t begin, std::int64_t end) {
    category_index(at + begin, end - begin, from, to + at[begin]);
  });
  return index;
}

Registration soft_registration(
    "sim_search_soft(Tensor query, Tensor[] keys, Tensor[] tables, Tensor offsets, "
    "Tensor lengths, int k) -> (Tensor, Tensor)",
    "sim_search_soft", "CPU", boxed<sim_search_soft>);
Registration hard_registration(
    "sim_search_hard(Tensor category, Tensor offsets, Tensor target, Tensor rows, Tensor index, "
    "int k) -> Tensor",
    "sim_search_hard", "CPU", boxed<sim_search_hard>);
Registration index_registration("category_index(Tensor category, Tensor offsets) -> Tensor",
                                "category_index", "CPU", boxed<category_index_of>);

}  // namespace
}  // namespace recbench
