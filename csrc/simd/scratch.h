// Memory for a thread's part of the work: allocated once for the part, never for each row.
#pragma once

#include "simd/vector.h"

namespace recbench::RECBENCH_ISA {

// `count` values, uninitialised, aligned to the vectors and to cache lines; freed with the object.
// Throws std::bad_alloc, as new does.
template <class C>
class Scratch {
 public:
  __attribute__((always_inline)) explicit Scratch(std::int64_t count)
      : memory_(::operator new(static_cast<std::size_t>(count) * sizeof(C) + kAlignment)),
        data_(reinterpret_cast<C*>((reinterpret_cast<std::uintptr_t>(memory_) + kAlignment - 1) /
                                   kAlignment * kAlignment)) {}
  __attribute__((always_inline)) ~Scratch() { ::operator delete(memory_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  __attribute__((always_inline)) C* data() const { return data_; }

  __attribute__((always_inline)) void clear(std::int64_t count) {
    std::memset(data_, 0, static_cast<std::size_t>(count) * sizeof(C));
  }

 private:
  static constexpr std::uintptr_t kAlignment = 64;
  void* memory_;
  C* data_;
};

}  // namespace recbench::RECBENCH_ISA
