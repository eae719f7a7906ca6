// The words of CUDA that kernels here use, in the emulation's meaning. Include `cuda/device.cuh`.
#pragma once

#include <cstring>

#include "cuda/emulation.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__
#define __launch_bounds__(...)

#define threadIdx (recbench::emulation::current()->index)
#define blockIdx (recbench::emulation::current()->block->index())
#define blockDim (recbench::emulation::current()->block->shape())
#define gridDim (recbench::emulation::current()->block->grid())

// Shared memory; uninitialised it holds NaN, of any floating type.
#define RECBENCH_DYNAMIC_SHARED(type, name) \
  type* const name = static_cast<type*>(recbench::emulation::current()->block->dynamic_shared())
#define RECBENCH_SHARED(type, name, count) \
  static const char name##_site = 0;       \
  type* const name =                       \
      static_cast<type*>(recbench::emulation::static_shared(&name##_site, sizeof(type) * (count)))

namespace recbench::emulation {

inline void* static_shared(const void* site, std::size_t bytes) {
  const Unwatched unwatched;
  return current()->block->static_shared(site, bytes);
}

inline void wait(State state, Place place) {
  Thread& thread = *current();
  thread.block->wait(thread, state, place);
}

// The word that lane `from(lane)` of the warp shows.
template <class T>
T exchange(unsigned mask, T value, unsigned lane, Place place) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  Thread& thread = *current();
  if (mask != ~0u) throw std::invalid_argument("only whole warps are emulated: " + place.text());
  if (lane >= kWarp) throw std::invalid_argument("no such lane: " + place.text());
  const unsigned turn = thread.exchanges % 2;
  {
    const Unwatched unwatched;
    std::memcpy(&thread.words[turn], &value, sizeof value);
  }
  wait(State::at_warp_barrier, place);
  const Unwatched unwatched;
  std::memcpy(&value, &thread.block->of_warp(thread, lane).words[turn], sizeof value);
  return value;
}

}  // namespace recbench::emulation

inline void __syncthreads(recbench::emulation::Place place = {}) {
  recbench::emulation::wait(recbench::emulation::State::at_block_barrier, place);
}
inline void __syncwarp(unsigned mask = ~0u, recbench::emulation::Place place = {}) {
  recbench::emulation::exchange(mask, 0, 0, place);
}
template <class T>
T __shfl_sync(unsigned mask, T value, unsigned lane, recbench::emulation::Place place = {}) {
  return recbench::emulation::exchange(mask, value, lane, place);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, unsigned flip, recbench::emulation::Place place = {}) {
  const unsigned lane = recbench::emulation::current()->number % recbench::emulation::kWarp;
  return recbench::emulation::exchange(mask, value, lane ^ flip, place);
}
inline unsigned __ballot_sync(unsigned mask, bool vote, recbench::emulation::Place place = {}) {
  recbench::emulation::Thread& thread = *recbench::emulation::current();
  const unsigned turn = thread.exchanges % 2;
  recbench::emulation::exchange(mask, std::uint64_t{vote}, 0, place);
  const recbench::emulation::Unwatched unwatched;
  unsigned votes = 0;
  for (unsigned lane = 0; lane < recbench::emulation::kWarp; ++lane) {
    votes |= unsigned(thread.block->of_warp(thread, lane).words[turn]) << lane;
  }
  return votes;
}

inline int __popc(unsigned bits) {
  return __builtin_popcount(bits);
}
inline unsigned atomicAdd(unsigned* to, unsigned value) {
  return __atomic_fetch_add(to, value, __ATOMIC_RELAXED);
}
[[noreturn]] inline void __trap() {
  throw recbench::emulation::Trap();
}
