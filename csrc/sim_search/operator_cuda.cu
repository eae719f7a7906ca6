// The searches of SIM as operators of torch on the GPU.
#include <algorithm>

#include "cuda/on_device.cuh"
#include "sim_search/soft.cuh"
#include "sim_search/soft_call.h"
#include "torch_abi/library.h"

namespace recbench::cuda {

// In soft.cu.
extern template void soft_search<float>(const SoftSearchOnDevice&, Stream);
extern template void soft_search<double>(const SoftSearchOnDevice&, Stream);
extern template void soft_search<BFloat16>(const SoftSearchOnDevice&, Stream);
extern template void soft_search<Float16>(const SoftSearchOnDevice&, Stream);

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
  device.demand(keys);
  device.demand(tables);
  device.demand(offsets);
  device.demand(lengths);
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
  switch (call.stored) {
    case Dtype::float32:
      run<float>(call, device, search);
      break;
    case Dtype::float64:
      run<double>(call, device, search);
      break;
    case Dtype::bfloat16:
      run<BFloat16>(call, device, search);
      break;
    default:
      run<Float16>(call, device, search);
  }
  return {std::move(indices), std::move(scores)};
}

const Registration soft_registration(nullptr, "sim_search_soft", "CUDA", boxed<sim_search_soft>);

}  // namespace
}  // namespace recbench::cuda
