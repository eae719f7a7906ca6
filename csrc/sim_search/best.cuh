// The best of a stream of candidates, kept by a block of threads: survivors of a threshold go to a
// buffer in shared memory, which is sorted and cut to the best k whenever it may overflow.
#pragma once

#include <cmath>
#include <cstring>

#include "cuda/device.cuh"

namespace recbench::cuda {

// A score and the place it was found at, as one number: larger scores first, of equal ones the
// earlier place. No candidate is 0.
template <class C>
struct PackedType;
template <>
struct PackedType<float> {
  using Bits = std::uint32_t;
  using Type = std::uint64_t;
};
template <>
struct PackedType<double> {
  using Bits = std::uint64_t;
  using Type = unsigned __int128;
};
template <class C>
using Packed = typename PackedType<C>::Type;

// NaN counts as minus infinity, and -0 as 0: a fused multiply-add can make one of a sum begun at 0.
template <class C>
__device__ Packed<C> pack(C score, std::uint32_t place) {
  using Bits = typename PackedType<C>::Bits;
  constexpr Bits sign = Bits{1} << (8 * sizeof(C) - 1);
  score = score == score ? score + C{0} : -static_cast<C>(INFINITY);
  Bits bits;
  std::memcpy(&bits, &score, sizeof bits);
  const Bits ordered = bits & sign ? ~bits : bits | sign;
  return Packed<C>{ordered} << 32 | static_cast<std::uint32_t>(~place);
}

template <class C>
__device__ C score_of(Packed<C> packed) {
  using Bits = typename PackedType<C>::Bits;
  constexpr Bits sign = Bits{1} << (8 * sizeof(C) - 1);
  const auto ordered = static_cast<Bits>(packed >> 32);
  const Bits bits = ordered & sign ? ordered ^ sign : ~ordered;
  C score;
  std::memcpy(&score, &bits, sizeof score);
  return score;
}

template <class C>
__device__ std::uint32_t place_of(Packed<C> packed) {
  return ~static_cast<std::uint32_t>(packed);
}

// Sorts `count` numbers, the largest first; behind them lies room up to the next power of two.
// Bitonic: all threads of the block.
template <unsigned threads, class Number>
__device__ void sort(Number* numbers, unsigned count) {
  unsigned size = 1;
  while (size < count) size *= 2;
  for (unsigned i = count + threadIdx.x; i < size; i += threads) numbers[i] = 0;
  __syncthreads();
  for (unsigned run = 2; run <= size; run *= 2) {
    for (unsigned stride = run / 2; stride > 0; stride /= 2) {
      for (unsigned pair = threadIdx.x; pair < size / 2; pair += threads) {
        const unsigned first = 2 * pair - (pair & (stride - 1)), second = first + stride;
        const Number a = numbers[first], b = numbers[second];
        if ((a < b) == ((first & run) == 0)) {
          numbers[first] = b;
          numbers[second] = a;
        }
      }
      __syncthreads();
    }
  }
}

// `buffer` and `count` are shared by the block; the rest is each thread's own copy.
template <unsigned threads, class C>
class Best {
 public:
  // All threads. `capacity` is a power of two, and at least k and what one `make_room` asks for.
  __device__ Best(Packed<C>* buffer, unsigned* count, unsigned capacity, unsigned k)
      : buffer_(buffer), count_(count), capacity_(capacity), k_(k) {
    if (threadIdx.x == 0) *count = 0;
    __syncthreads();
  }

  // All threads. Makes room for `count` candidates that the block offers next.
  __device__ void make_room(unsigned count) {
    __syncthreads();
    const unsigned held = *count_;
    if (held + count > capacity_) {
      const unsigned kept = keep_best(held);
      threshold_ = kept == k_ ? buffer_[k_ - 1] : 0;
      if (threadIdx.x == 0) *count_ = kept;
    }
    __syncthreads();
  }

  // All threads of a warp. 0 is no candidate.
  __device__ void offer(Packed<C> candidate) {
    const bool survives = candidate > threshold_;
    const unsigned survivors = __ballot_sync(kWholeWarp, survives);
    const unsigned lane = threadIdx.x % kWarp;
    unsigned first = 0;
    if (lane == 0 && survivors != 0) first = atomicAdd(count_, __popc(survivors));
    first = __shfl_sync(kWholeWarp, first, 0);
    if (survives) buffer_[first + __popc(survivors & ((1u << lane) - 1))] = candidate;
  }

  // All threads. Leaves the best in the buffer, in order, and returns how many they are.
  __device__ unsigned finish() {
    __syncthreads();
    return keep_best(*count_);
  }

  __device__ const Packed<C>& operator[](unsigned rank) const { return buffer_[rank]; }

 private:
  __device__ unsigned keep_best(unsigned held) {
    sort<threads>(buffer_, held);
    return held < k_ ? held : k_;
  }

  Packed<C>* const buffer_;
  unsigned* const count_;
  const unsigned capacity_, k_;
  Packed<C> threshold_ = 0;  // what is not above it has no place among the best
};

}  // namespace recbench::cuda
