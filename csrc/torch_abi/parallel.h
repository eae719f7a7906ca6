// Work shared among torch's own threads.
#pragma once

#include <atomic>
#include <exception>

#include "torch_abi/tensor.h"

namespace recbench {

// Calls `body(begin, end)` on parts of [0, count), each of at least `grain`, in any order.
// An exception in a part is thrown here, after all parts have ended; the first one wins.
template <typename Body>
void parallel_for(std::int64_t count, std::int64_t grain, const Body& body) {
  struct Context {
    const Body& body;
    std::exception_ptr failure;
    std::atomic_flag failed = ATOMIC_FLAG_INIT;
  } context{body, nullptr};
  const auto part = [](std::int64_t begin, std::int64_t end, void* opaque) {
    auto& shared = *static_cast<Context*>(opaque);
    try {
      shared.body(begin, end);
    } catch (...) {
      if (!shared.failed.test_and_set()) shared.failure = std::current_exception();
    }
  };
  check(torch_parallel_for(0, count, grain, part, &context), "run in parallel");
  if (context.failure) std::rethrow_exception(context.failure);
}

}  // namespace recbench
