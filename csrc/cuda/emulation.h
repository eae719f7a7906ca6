// Runs CUDA kernels on the host, for tests: blocks one after another in random order, the threads
// of a block as fibers that take turns in random order, from one barrier to the next.
//
// Kernels are held to more than a device holds them to: all threads of a block, or of a warp, must
// come to the same barrier, at the same place in the source, before any has ended; warps are whole.
#pragma once

#include <algorithm>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "cuda/fiber.h"

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned in_x = 1, unsigned in_y = 1, unsigned in_z = 1)
      : x(in_x), y(in_y), z(in_z) {}
  constexpr std::uint64_t count() const { return std::uint64_t{x} * y * z; }
};

namespace recbench::emulation {

constexpr unsigned kWarp = 32;
// What a block may have on an sm_80: threads and bytes of shared memory.
constexpr std::uint64_t kMostThreads = 1024;
constexpr std::size_t kMostShared = 163 << 10;

// Threads wait at barriers that can never open.
struct Divergence : std::logic_error {
  using std::logic_error::logic_error;
};
// The kernel stopped itself by `__trap()`.
struct Trap : std::runtime_error {
  Trap() : std::runtime_error("the kernel called __trap()") {}
};

// A line of a kernel; the default is the line of the call whose argument it is.
struct Place {
  const char* file = __builtin_FILE();
  int line = __builtin_LINE();

  bool operator==(const Place& other) const {
    return line == other.line && std::string(file) == other.file;
  }
  std::string text() const { return std::string(file) + ":" + std::to_string(line); }
};

// Bytes of shared memory: what a launch adds to the kernel's own, and what there may be in all.
struct SharedBytes {
  std::size_t dynamic, most;
};

class Block;

enum class State { ready, at_block_barrier, at_warp_barrier, ended };

struct Thread {
  Block* block;
  Fiber* fiber;
  unsigned number;  // in its block
  dim3 index;
  State state;
  Place waits_at;
  unsigned barriers;       // of the block, and
  unsigned exchanges;      // of the warp, that it has come to
  std::uint64_t words[2];  // what it shows to its warp, in turns
  char points[2];          // of the first of a warp: where the warp meets, in turns
};

inline Thread*& current() {
  static Thread* thread = nullptr;
  return thread;
}

// Made once, since to the thread sanitizer each is a costly thing.
inline std::vector<std::unique_ptr<Fiber>>& fibers() {
  static std::vector<std::unique_ptr<Fiber>> made;
  return made;
}

// The block that runs.
class Block {
 public:
  Block(dim3 grid, dim3 shape, SharedBytes shared, const std::function<void()>& kernel,
        std::uint32_t seed)
      : grid_(grid),
        shape_(shape),
        shared_(shared),
        kernel_(kernel),
        random_(seed),
        threads_(shape.count()) {
    if (grid.count() == 0 || grid.x >= 1u << 31 || grid.y > 65535 || grid.z > 65535) {
      throw std::invalid_argument("a grid that no device takes");
    }
    if (shape.count() % kWarp != 0 || shape.count() == 0 || shape.count() > kMostThreads) {
      throw std::invalid_argument("a block that is not made of 1 to 32 whole warps");
    }
    demand_shared();
  }

  ~Block() {
    acquire(&finished_);
    // After a failure some hold threads that will never end.
    if (ended_ < threads_.size()) fibers().clear();
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  void run_grid() {
    const std::vector<std::uint64_t> order = random_order(grid_.count());
    while (fibers().size() < threads_.size()) fibers().push_back(std::make_unique<Fiber>());
    release(&started_);
    for (const std::uint64_t number : order) run(number);
  }

  const dim3& grid() const { return grid_; }
  const dim3& shape() const { return shape_; }
  const dim3& index() const { return index_; }
  Thread& of_warp(const Thread& thread, unsigned lane) {
    return threads_[thread.number / kWarp * kWarp + lane];
  }

  // Each allocation has its exact size, so that the address sanitizer sees what lies beyond.
  void* dynamic_shared() { return dynamic_.get(); }
  void* static_shared(const void* site, std::size_t bytes) {
    std::unique_ptr<char[]>& memory = static_[site];
    if (memory == nullptr) {
      static_bytes_ += bytes;
      demand_shared();
      memory = poisoned(bytes);
    }
    return memory.get();
  }

  void wait(Thread& thread, State state, Place place) {
    char* point;
    {
      const Unwatched unwatched;
      thread.state = state;
      thread.waits_at = place;
      // Points take turns, so that nobody meets those who have gone ahead to the next barrier.
      point = state == State::at_block_barrier ? &points_[thread.barriers++ % 2]
                                               : &of_warp(thread, 0).points[thread.exchanges++ % 2];
    }
    release(point);
    release(&finished_);
    thread.fiber->pause();
    acquire(point);
  }

 private:
  void demand_shared() const {
    if (static_bytes_ + shared_.dynamic > shared_.most) {
      throw std::invalid_argument("more shared memory than there is");
    }
  }

  static std::unique_ptr<char[]> poisoned(std::size_t bytes) {
    std::unique_ptr<char[]> memory(new char[bytes]);
    std::fill(memory.get(), memory.get() + bytes, static_cast<char>(0xff));
    return memory;
  }

  std::vector<std::uint64_t> random_order(std::uint64_t count) {
    std::vector<std::uint64_t> order(count);
    for (std::uint64_t i = 0; i < count; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random_);
    return order;
  }

  static void run_thread(void* argument) {
    auto* thread = static_cast<Thread*>(argument);
    Block& block = *thread->block;
    acquire(&block.started_);
    std::exception_ptr failure;
    try {
      block.kernel_();
    } catch (...) {
      failure = std::current_exception();
    }
    release(&block.finished_);
    const Unwatched unwatched;
    if (failure != nullptr) block.failure_ = failure;
    thread->state = State::ended;
  }

  void run(std::uint64_t number) {
    index_ = dim3(number % grid_.x, number / grid_.x % grid_.y, number / grid_.x / grid_.y);
    static_.clear();
    static_bytes_ = 0;
    dynamic_ = poisoned(shared_.dynamic);
    start_threads();
    while (!ready_.empty()) turn();
    if (ended_ < threads_.size()) throw Divergence(describe("no thread can go on"));
  }

  void start_threads() {
    // A fiber's own past is no race: it goes on as another thread in the next block.
    const std::vector<std::uint64_t> order = random_order(threads_.size());
    for (unsigned i = 0; i < threads_.size(); ++i) {
      const dim3 index(i % shape_.x, i / shape_.x % shape_.y, i / shape_.x / shape_.y);
      threads_[i] = {this, fibers()[order[i]].get(), i, index, State::ready, {}, 0, 0, {}, {}};
      threads_[i].fiber->set(run_thread, &threads_[i]);
    }
    ended_ = at_block_barrier_ = 0;
    at_warp_barrier_.assign(threads_.size() / kWarp, 0);
    warps_run_ahead_ = random_() % 2 == 0;
    make_ready(0, threads_.size());
  }

  // In random order, but warp by warp.
  void make_ready(std::size_t first, std::size_t count) {
    std::vector<unsigned> warps(count / kWarp);
    for (std::size_t i = 0; i < warps.size(); ++i) warps[i] = first + i * kWarp;
    std::shuffle(warps.begin(), warps.end(), random_);
    for (const unsigned warp : warps) {
      for (unsigned lane = 0; lane < kWarp; ++lane) {
        threads_[warp + lane].state = State::ready;
        ready_.push_back(warp + lane);
      }
      std::shuffle(ready_.end() - kWarp, ready_.end(), random_);
    }
  }

  // Lets one thread run to its next barrier: any one, or one of the warp that has run ahead.
  void turn() {
    if (!warps_run_ahead_) std::swap(ready_[random_() % ready_.size()], ready_.back());
    Thread* const thread = &threads_[ready_.back()];
    ready_.pop_back();
    current() = thread;
    thread->fiber->resume();
    if (failure_ != nullptr) std::rethrow_exception(failure_);
    open_barrier(*thread);
  }

  // Opens the barrier that a thread has come to, if it is the last one.
  void open_barrier(const Thread& thread) {
    const unsigned warp = thread.number / kWarp;
    if (thread.state == State::ended) {
      ++ended_;
    } else if (thread.state == State::at_block_barrier) {
      if (++at_block_barrier_ < threads_.size()) return;
      at_block_barrier_ = 0;
      open(0, threads_.size());
    } else {
      if (++at_warp_barrier_[warp] < kWarp) return;
      at_warp_barrier_[warp] = 0;
      open(warp * kWarp, kWarp);
    }
  }

  void open(std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) {
      if (!(threads_[i].waits_at == threads_[first].waits_at)) {
        throw Divergence(describe("threads meet at different lines"));
      }
    }
    make_ready(first, count);
  }

  // Where threads are, one line for each place.
  std::string describe(const char* what) const {
    std::map<std::string, std::vector<unsigned>> at;
    for (const Thread& thread : threads_) {
      const bool ended = thread.state == State::ended;
      at[ended ? "have ended" : "wait at " + thread.waits_at.text()].push_back(thread.number);
    }
    std::string text = std::string(what) + " in block " + std::to_string(index_.x) + ", " +
                       std::to_string(index_.y) + ", " + std::to_string(index_.z);
    for (const auto& [place, numbers] : at) {
      text += "\n  " + std::to_string(numbers.size()) + " threads, the first of them " +
              std::to_string(numbers[0]) + ", " + place;
    }
    return text;
  }

  const dim3 grid_, shape_;
  const SharedBytes shared_;
  const std::function<void()>& kernel_;
  std::mt19937 random_;
  std::vector<Thread> threads_;

  dim3 index_;
  std::unique_ptr<char[]> dynamic_;
  std::map<const void*, std::unique_ptr<char[]>> static_;
  std::size_t static_bytes_ = 0;
  std::exception_ptr failure_;

  std::vector<unsigned> ready_;  // the next one last
  bool warps_run_ahead_ = false;
  std::size_t ended_ = 0, at_block_barrier_ = 0;
  std::vector<unsigned> at_warp_barrier_;
  char started_ = 0, finished_ = 0, points_[2] = {};  // where threads meet
};

inline void launch(dim3 grid, dim3 shape, SharedBytes shared, const std::function<void()>& kernel,
                   std::uint32_t seed) {
  const Unwatched unwatched;
  Block(grid, shape, shared, kernel, seed).run_grid();
}

}  // namespace recbench::emulation
