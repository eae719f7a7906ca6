// The emulation itself: what it must find in wrong kernels, and what right ones must come to.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "check.h"
#include "cuda/device.cuh"

namespace {

using namespace recbench;
using cuda::kWholeWarp;
using cuda::launch;
using cuda::Stream;

constexpr unsigned kThreads = 96;

// Each block reverses its part.
template <bool with_barrier>
__global__ void reverse(const float* from, float* to) {
  RECBENCH_SHARED(float, kept, kThreads);
  const unsigned at = blockIdx.x * kThreads, i = threadIdx.x;
  kept[i] = from[at + i];
  if (with_barrier) __syncthreads();
  to[at + i] = kept[kThreads - 1 - i];
}

// Sums a block's values, first those of a warp.
template <bool with_barrier>
__global__ void sum(const float* from, float* to) {
  RECBENCH_DYNAMIC_SHARED(float, of_warps);
  float value = from[blockIdx.x * blockDim.x + threadIdx.x];
  for (unsigned flip = 16; flip > 0; flip /= 2) value += __shfl_xor_sync(kWholeWarp, value, flip);
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = value;
  if (with_barrier) __syncthreads();
  if (threadIdx.x > 0) return;
  float total = 0;
  for (unsigned warp = 0; warp < blockDim.x / 32; ++warp) total += of_warps[warp];
  to[blockIdx.x] = total;
}

// Every so manyth thread adds to one number, whoever else does.
template <bool with_atomic>
__global__ void count(unsigned* to, unsigned each) {
  if (threadIdx.x % each > 0) return;
  if (with_atomic) {
    atomicAdd(to, 1u);
  } else {
    *to += 1;
  }
}

// Reads or writes the element behind the last one.
enum class Beyond { nothing, read_dynamic, write_dynamic, read_static, write_static, read, write };
template <Beyond beyond>
__global__ void reach(float* values, unsigned size) {
  RECBENCH_DYNAMIC_SHARED(float, dynamic);
  RECBENCH_SHARED(float, fixed, 33);
  if (threadIdx.x != 31) return;
  for (unsigned i = 0; i < 33; ++i) dynamic[i] = fixed[i] = 1;
  if (beyond == Beyond::read_dynamic) values[0] = dynamic[threadIdx.x + 2];
  if (beyond == Beyond::write_dynamic) dynamic[threadIdx.x + 2] = 1;
  if (beyond == Beyond::read_static) values[0] = fixed[threadIdx.x + 2];
  if (beyond == Beyond::write_static) fixed[threadIdx.x + 2] = 1;
  if (beyond == Beyond::read) values[0] = values[size];
  if (beyond == Beyond::write) values[size] = 1;
}

enum class Wrong { nothing, some_absent, two_places, one_ended, lane_absent, half_a_warp, mixed };
template <Wrong wrong>
__global__ void meet(unsigned* to) {
  const unsigned i = threadIdx.x;
  if (wrong == Wrong::one_ended && i == 40) return;
  if (wrong == Wrong::two_places && i < 32) {
    __syncthreads();
  } else if (wrong != Wrong::some_absent || i >= 32) {
    __syncthreads();
  }
  if (wrong == Wrong::lane_absent && i % 32 == 7) return;
  if (wrong == Wrong::mixed && i == 3) __syncthreads();
  const unsigned mask = wrong == Wrong::half_a_warp ? 0xffffu : kWholeWarp;
  const unsigned votes = __ballot_sync(mask, i % 3 == 0);
  to[i] = __shfl_sync(kWholeWarp, votes + i, 5);
}

// Whether a part's result is right, found out in a process of its own: a sanitizer may end it.
template <class Part>
bool is_right(const Part& part) {
  emulation::fibers().clear();  // The thread sanitizer sees nothing after a fork of several.
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    std::exit(part() ? 0 : 1);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

using Kernel = void (*)(const float*, float*);

bool reverses(Kernel kernel, std::uint32_t seed) {
  std::vector<float> from(3 * kThreads), to(3 * kThreads);
  for (unsigned i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i);
  launch(kernel, 3, kThreads, 0, Stream{seed}, from.data(), to.data());
  bool right = true;
  for (unsigned i = 0; i < to.size(); ++i) {
    right = right && to[i] == from[i / kThreads * kThreads + kThreads - 1 - i % kThreads];
  }
  return right;
}

bool sums(Kernel kernel, std::uint32_t seed) {
  const std::vector<float> from(5 * kThreads, 1);
  std::vector<float> to(5);
  launch(kernel, 5, kThreads, kThreads / 32 * sizeof(float), Stream{seed}, from.data(), to.data());
  bool right = true;
  for (const float total : to) right = right && total == kThreads;
  return right;
}

void check_removed_barriers() {
  for (std::uint32_t seed = 0; seed < 4; ++seed) {
    CHECK(reverses(reverse<true>, seed));
    CHECK(sums(sum<true>, seed));
  }
  CHECK(!is_right([] { return reverses(reverse<false>, 0); }));
  CHECK(is_right([] { return sums(sum<true>, 0); }));
  CHECK(!is_right([] {
    bool right = true;
    for (std::uint32_t seed = 0; seed < 10; ++seed) right = sums(sum<false>, seed) && right;
    return right;
  }));
}

bool counts(void (*kernel)(unsigned*, unsigned), unsigned blocks, unsigned each) {
  unsigned counted = 0;
  launch(kernel, blocks, 64, 0, Stream{1}, &counted, each);
  return counted == blocks * 64 / each;
}

// Threads take turns, so what they do to one another shows in no result: a race is seen by the
// thread sanitizer alone.
void check_races() {
  CHECK(is_right([] { return counts(count<true>, 4, 1); }));
#if defined(RECBENCH_THREAD_SANITIZER)
  CHECK(!is_right([] { return counts(count<false>, 1, 1); }));
  CHECK(!is_right([] { return counts(count<false>, 4, 64); }));
#endif
}

template <Beyond beyond>
bool stays_inside() {
  return is_right([] {
    std::unique_ptr<float[]> values(new float[3]());
    launch(reach<beyond>, 1, 32, 33 * sizeof(float), Stream{1}, values.get(), 3u);
    return true;
  });
}

void check_bounds() {
  CHECK(stays_inside<Beyond::nothing>());
#if defined(RECBENCH_ADDRESS_SANITIZER)
  CHECK(!stays_inside<Beyond::read_dynamic>());
  CHECK(!stays_inside<Beyond::write_dynamic>());
  CHECK(!stays_inside<Beyond::read_static>());
  CHECK(!stays_inside<Beyond::write_static>());
  CHECK(!stays_inside<Beyond::read>());
  CHECK(!stays_inside<Beyond::write>());
#endif
}

template <Wrong wrong>
void run_meet() {
  unsigned to[kThreads] = {};
  launch(meet<wrong>, 1, kThreads, 0, Stream{3}, to);
  for (unsigned i = 0; i < kThreads; ++i) {
    const unsigned first = i / 32 * 32;
    unsigned votes = 5 + first;
    for (unsigned lane = 0; lane < 32; ++lane) votes += ((first + lane) % 3 == 0) << lane;
    CHECK(to[i] == votes);
  }
}

void check_divergence() {
  run_meet<Wrong::nothing>();
  CHECK_THROWS(run_meet<Wrong::some_absent>(), emulation::Divergence);
  CHECK_THROWS(run_meet<Wrong::two_places>(), emulation::Divergence);
  CHECK_THROWS(run_meet<Wrong::one_ended>(), emulation::Divergence);
  CHECK_THROWS(run_meet<Wrong::lane_absent>(), emulation::Divergence);
  CHECK_THROWS(run_meet<Wrong::mixed>(), emulation::Divergence);
  CHECK_THROWS(run_meet<Wrong::half_a_warp>(), std::invalid_argument);
}

template <class T>
__global__ void leave_behind(bool* poisoned) {
  RECBENCH_DYNAMIC_SHARED(T, dynamic);
  RECBENCH_SHARED(T, fixed, 32);
  const unsigned i = threadIdx.x;
  poisoned[blockIdx.x * 32 + i] = dynamic[i] != dynamic[i] && fixed[i] != fixed[i];
  dynamic[i] = fixed[i] = 1;
}

template <class T>
void check_poison() {
  bool poisoned[4 * 32] = {};
  launch(leave_behind<T>, 4, 32, 32 * sizeof(T), Stream{1}, poisoned);
  for (const bool each : poisoned) CHECK(each);
}

__global__ void note_order(unsigned* order, unsigned* count) {
  const unsigned turn = atomicAdd(count, 1u);
  order[turn] = (blockIdx.y * gridDim.x + blockIdx.x) * blockDim.x * blockDim.y +
                threadIdx.y * blockDim.x + threadIdx.x;
}

void check_orders() {
  std::set<std::vector<unsigned>> orders;
  for (std::uint32_t seed = 0; seed < 4; ++seed) {
    std::vector<unsigned> order(6 * 64);
    unsigned count = 0;
    launch(note_order, dim3(3, 2), dim3(16, 4), 0, Stream{seed}, order.data(), &count);
    CHECK(std::set<unsigned>(order.begin(), order.end()).size() == order.size());
    orders.insert(order);
  }
  CHECK(orders.size() == 4);
}

__global__ void stop() {
  if (threadIdx.x == 9) __trap();
  __syncthreads();
}

void check_refusals() {
  CHECK_THROWS(launch(stop, 2, 64, 0, Stream{1}), emulation::Trap);
  CHECK_THROWS(launch(stop, 0, 64, 0, Stream{1}), std::invalid_argument);
  CHECK_THROWS(launch(stop, 1, 48, 0, Stream{1}), std::invalid_argument);
  CHECK_THROWS(launch(stop, 1, 1056, 0, Stream{1}), std::invalid_argument);
  CHECK_THROWS(launch(stop, dim3(1, 70000), 64, 0, Stream{1}), std::invalid_argument);
  CHECK_THROWS(launch(stop, 1, 64, 200 << 10, Stream{1}), std::invalid_argument);
}

}  // namespace

int main() {
  check_removed_barriers();
  check_races();
  check_bounds();
  check_divergence();
  check_poison<float>();
  check_poison<double>();
  check_orders();
  check_refusals();
}
