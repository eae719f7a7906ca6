// A stack of its own for each emulated CUDA thread, and what the sanitizers must be told of it.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RECBENCH_ADDRESS_SANITIZER
#endif
#if __has_feature(thread_sanitizer)
#define RECBENCH_THREAD_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define RECBENCH_ADDRESS_SANITIZER
#endif
#if defined(__SANITIZE_THREAD__)
#define RECBENCH_THREAD_SANITIZER
#endif

#if defined(RECBENCH_ADDRESS_SANITIZER)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(RECBENCH_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace recbench::emulation {

// What comes before a release of `point` comes before what follows an acquisition of it. To the
// thread sanitizer each fiber is a thread, and nothing else orders what they do.
inline void release([[maybe_unused]] void* point) {
#if defined(RECBENCH_THREAD_SANITIZER)
  __tsan_release(point);
#endif
}
inline void acquire([[maybe_unused]] void* point) {
#if defined(RECBENCH_THREAD_SANITIZER)
  __tsan_acquire(point);
#endif
}

// While it lives the thread sanitizer looks away from what this thread reads and writes: the
// emulation's own memory, which all of them share in turns.
class Unwatched {
 public:
  Unwatched() {
#if defined(RECBENCH_THREAD_SANITIZER)
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
#endif
  }
  ~Unwatched() {
#if defined(RECBENCH_THREAD_SANITIZER)
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
#endif
  }
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
};

// Runs a function over and over on a stack of its own, in turns with whoever resumes it.
class Fiber {
 public:
  Fiber() : stack_(new char[kStackBytes]) {
    getcontext(&inside_);
    inside_.uc_stack.ss_sp = stack_.get();
    inside_.uc_stack.ss_size = kStackBytes;
    inside_.uc_link = nullptr;
    // makecontext hands over ints alone.
    const auto self = reinterpret_cast<std::uintptr_t>(this);
    makecontext(&inside_, reinterpret_cast<void (*)()>(&Fiber::enter), 2,
                static_cast<unsigned>(self), static_cast<unsigned>(self >> 32));
#if defined(RECBENCH_THREAD_SANITIZER)
    watched_ = __tsan_create_fiber(0);
#endif
  }
  ~Fiber() {
#if defined(RECBENCH_THREAD_SANITIZER)
    __tsan_destroy_fiber(watched_);
#endif
  }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // What is called when it is next resumed, if the last call has returned.
  void set(void (*function)(void*), void* argument) {
    function_ = function;
    argument_ = argument;
  }

  // Runs the function until it pauses or returns.
  void resume() {
#if defined(RECBENCH_ADDRESS_SANITIZER)
    void* kept = nullptr;
    __sanitizer_start_switch_fiber(&kept, stack_.get(), kStackBytes);
#endif
#if defined(RECBENCH_THREAD_SANITIZER)
    watched_outside_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(watched_, __tsan_switch_to_fiber_no_sync);
#endif
    swapcontext(&outside_, &inside_);
#if defined(RECBENCH_ADDRESS_SANITIZER)
    __sanitizer_finish_switch_fiber(kept, nullptr, nullptr);
#endif
  }

  // Called by the function: goes back to whoever resumed it.
  void pause() {
#if defined(RECBENCH_ADDRESS_SANITIZER)
    void* kept = nullptr;
    __sanitizer_start_switch_fiber(&kept, outside_stack_, outside_bytes_);
#endif
#if defined(RECBENCH_THREAD_SANITIZER)
    __tsan_switch_to_fiber(watched_outside_, __tsan_switch_to_fiber_no_sync);
#endif
    swapcontext(&inside_, &outside_);
#if defined(RECBENCH_ADDRESS_SANITIZER)
    __sanitizer_finish_switch_fiber(kept, &outside_stack_, &outside_bytes_);
#endif
  }

 private:
  static constexpr std::size_t kStackBytes = 64 << 10;

  static void enter(unsigned low, unsigned high) {
    auto* self =
        reinterpret_cast<Fiber*>(std::uintptr_t{low} | static_cast<std::uintptr_t>(high) << 32);
#if defined(RECBENCH_ADDRESS_SANITIZER)
    __sanitizer_finish_switch_fiber(nullptr, &self->outside_stack_, &self->outside_bytes_);
#endif
    for (;; self->pause()) self->function_(self->argument_);
  }

  std::unique_ptr<char[]> stack_;
  ucontext_t inside_, outside_;
  void (*function_)(void*) = nullptr;
  void* argument_ = nullptr;
#if defined(RECBENCH_ADDRESS_SANITIZER)
  const void* outside_stack_ = nullptr;
  std::size_t outside_bytes_ = 0;
#endif
#if defined(RECBENCH_THREAD_SANITIZER)
  void *watched_ = nullptr, *watched_outside_ = nullptr;
#endif
};

}  // namespace recbench::emulation
