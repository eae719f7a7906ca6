// The searches of SIM and the index by category, as operators of torch.
#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

#include "data_plane/category_index.h"
#include "sim_search/hard_call.h"
#include "sim_search/kernel.h"
#include "sim_search/soft_call.h"
#include "torch_abi/library.h"
#include "torch_abi/parallel.h"

namespace recbench {
namespace {

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
  const std::int64_t* length = lengths.data<std::int64_t>();
  std::vector<SearchRow> padded;
  padded.reserve(rows);
  for (std::int64_t row = 0; row < rows; ++row) {
    require(0 <= length[row] && length[row] <= steps, "expected lengths from 0 to T");
    padded.push_back({row * steps, length[row]});
  }
  return padded;
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
    default:
      return kernels.soft_float16;
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
  const SoftCall call(std::move(query), std::move(keys), std::move(tables), std::move(offsets),
                      std::move(lengths), k);
  const std::vector<SearchRow> rows = call.padded()
                                          ? padded_rows(call.lengths, call.batch, call.steps())
                                          : rows_between(call.offsets, call.events);
  std::int64_t longest = 0;
  for (const SearchRow& row : rows) longest = std::max(longest, row.length);
  require(longest <= std::numeric_limits<std::int32_t>::max(),
          "expected histories below 2^31 events");
  Tensor indices = call.empty_indices();
  Tensor scores = call.empty_scores();
  const SoftSearch search{call.query.data<void>(),
                          call.fields.data(),
                          static_cast<std::int64_t>(call.fields.size()),
                          call.width,
                          rows.data(),
                          call.queries,
                          k,
                          2 * std::min(k, longest) + kSearchTile,
                          indices.mutable_data<std::int64_t>(),
                          scores.mutable_data<void>()};
  if (call.batch * call.queries > 0) {
    run(search, call.batch, kernel_for(call.stored),
        call.stored == Dtype::float64 ? sizeof(double) : sizeof(float));
  }
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
  const HardCall call(std::move(category), std::move(offsets), std::move(target), std::move(rows),
                      std::move(index), k);
  std::vector<SearchRow> searched = rows_between(call.offsets, call.events);
  if (call.has_rows()) {
    const std::int64_t* row = call.rows.data<std::int64_t>();
    std::vector<SearchRow> of_targets;
    of_targets.reserve(call.targets);
    for (std::int64_t i = 0; i < call.targets; ++i) {
      require(0 <= row[i] && row[i] < call.batch, "expected rows from 0 to B - 1");
      of_targets.push_back(searched[row[i]]);
    }
    searched = std::move(of_targets);
  }

  Tensor found = call.empty_indices();
  const HardSearch search{call.category.data<std::int64_t>(), searched.data(),
                          call.target.data<std::int64_t>(), k, found.mutable_data<std::int64_t>()};
  if (!call.has_index()) {
    const SimSearchKernels& kernels = RECBENCH_SELECT(sim_search_kernels);
    parallel_for(call.targets, 1,
                 [&](std::int64_t begin, std::int64_t end) { kernels.hard(search, begin, end); });
    return found;
  }
  const std::int64_t* order = call.index.data<std::int64_t>();
  // A look-up takes about a microsecond: less than it costs to hand a few to a thread.
  parallel_for(call.targets, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const SearchRow row = search.rows[i];
      look_up({order, search.category, call.events, row.first, row.first + row.length},
              search.target[i], k, search.indices + i * k);
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
