// The searches of SIM as operators of torch on the GPU.
#include <algorithm>

#include "cuda/on_device.cuh"
#include "sim_search/hard.cuh"
#include "sim_search/hard_call.h"
#include "sim_search/soft.cuh"
#include "sim_search/soft_call.h"
#include "torch_abi/library.h"

namespace recbench::cuda {

// In soft.cu and hard.cu.
extern template void soft_search<float>(const SoftSearchOnDevice&, Stream);
extern template void soft_search<double>(const SoftSearchOnDevice&, Stream);
extern template void soft_search<BFloat16>(const SoftSearchOnDevice&, Stream);
extern template void soft_search<Float16>(const SoftSearchOnDevice&, Stream);
extern template void hard_search<false>(const HardSearchOnDevice&, Stream);
extern template void hard_search<true>(const HardSearchOnDevice&, Stream);

namespace {

// Blocks that a multiprocessor is given at least, while rows are long enough to be split for that.
constexpr std::int64_t kBlocksEach = 8;
// Events that a part of a row has on average at least, and parts that a row has at most.
constexpr std::int64_t kEventsOfPart = 1024;
constexpr std::int64_t kMostParts = 64;

// How many parts each row is split into; what is found does not depend on it.
std::int64_t choose_parts(const SoftCall& call, const OnDevice& device) {
  const std::int64_t targets = call.batch * call.queries;
  const std::int64_t wanted = kBlocksEach * device.multiprocessors() / targets;
  const std::int64_t worth = call.events / call.batch / kEventsOfPart;
  return std::clamp<std::int64_t>(std::min(wanted, worth), 1, kMostParts);
}

SoftSearchOnDevice arguments(const SoftCall& call, std::int64_t parts) {
  SoftSearchOnDevice search{};
  search.query = call.query.data<void>();
  std::copy(call.fields.begin(), call.fields.end(), search.fields);
  search.field_count = static_cast<int>(call.fields.size());
  search.width = call.width;
  search.offsets = call.padded() ? nullptr : call.offsets.data<std::int64_t>();
  search.lengths = call.padded() ? call.lengths.data<std::int64_t>() : nullptr;
  search.steps = call.steps();
  search.events = call.events;
  search.batch = call.batch;
  search.queries = call.queries;
  search.k = call.k;
  search.parts = parts;
  return search;
}

template <class S>
void run(const SoftCall& call, const OnDevice& device, SoftSearchOnDevice& search) {
  require(soft_search_shared<S>(call.width, call.k) <= device.most_shared(),
          "expected query narrow enough for the device's shared memory");
  constexpr std::int64_t words = sizeof(Packed<Compute<S>>) / sizeof(std::int64_t);
  const std::int64_t count = call.batch * call.queries * search.parts * call.k;
  Tensor candidates = call.query.empty({search.parts > 1 ? count : 0, words}, Dtype::int64);
  search.candidates = candidates.mutable_data<void>();
  soft_search<S>(search, device.stream());
}

std::tuple<Tensor, Tensor> sim_search_soft(Tensor query, std::vector<Tensor> keys,
                                           std::vector<Tensor> tables, Tensor offsets,
                                           Tensor lengths, std::int64_t k) {
  const OnDevice device(query);
  for (const Tensor& tensor : keys) device.demand(tensor);
  for (const Tensor& tensor : tables) device.demand(tensor);
  for (const Tensor* tensor : {&offsets, &lengths}) device.demand(*tensor);
  const SoftCall call(std::move(query), std::move(keys), std::move(tables), std::move(offsets),
                      std::move(lengths), k);
  require(k <= kMostFound, "expected k of at most 1024 on a GPU");
  require(call.fields.size() <= kMostFields, "expected at most 8 fields on a GPU");
  require(call.batch * call.queries <= kMostBlocks, "expected fewer than 2^31 queries on a GPU");
  Tensor indices = call.empty_indices();
  Tensor scores = call.empty_scores();
  if (call.batch * call.queries == 0) return {std::move(indices), std::move(scores)};
  SoftSearchOnDevice search = arguments(call, choose_parts(call, device));
  search.indices = indices.mutable_data<std::int64_t>();
  search.scores = scores.mutable_data<void>();
  by_dtype(call.stored, [&](auto type) { run<decltype(type)>(call, device, search); });
  return {std::move(indices), std::move(scores)};
}

Tensor sim_search_hard(Tensor category, Tensor offsets, Tensor target, Tensor rows, Tensor index,
                       std::int64_t k) {
  const OnDevice device(category);
  for (const Tensor* tensor : {&offsets, &target, &rows, &index}) device.demand(*tensor);
  const HardCall call(std::move(category), std::move(offsets), std::move(target), std::move(rows),
                      std::move(index), k);
  require(call.targets <= kMostBlocks, "expected fewer than 2^31 targets on a GPU");
  Tensor found = call.empty_indices();
  const HardSearchOnDevice search{call.category.data<std::int64_t>(),
                                  call.offsets.data<std::int64_t>(),
                                  call.target.data<std::int64_t>(),
                                  call.has_rows() ? call.rows.data<std::int64_t>() : nullptr,
                                  call.index.data<std::int64_t>(),
                                  call.events,
                                  call.batch,
                                  call.targets,
                                  k,
                                  found.mutable_data<std::int64_t>()};
  (call.has_index() ? hard_search<true> : hard_search<false>)(search, device.stream());
  return found;
}

const Registration soft_registration(nullptr, "sim_search_soft", "CUDA", boxed<sim_search_soft>);
const Registration hard_registration(nullptr, "sim_search_hard", "CUDA", boxed<sim_search_hard>);

}  // namespace
}  // namespace recbench::cuda

// For Python: bytes of shared memory of a soft search, by the number of the dtype of what is
// stored.
RECBENCH_FOR_PYTHON std::int64_t recbench_sim_search_soft_shared(std::int64_t width, std::int64_t k,
                                                                 std::int64_t dtype) {
  std::int64_t bytes = 0;
  recbench::cuda::by_dtype(static_cast<recbench::Dtype>(dtype), [&](auto type) {
    bytes = recbench::cuda::soft_search_shared<decltype(type)>(width, k);
  });
  return bytes;
}
