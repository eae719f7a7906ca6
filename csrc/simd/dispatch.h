// Which of a kernel's builds runs: the widest vectors that the processor has.
//
// A kernel's header declares its table of functions for every build, and its operator asks for one:
//
//   RECBENCH_FOR_EACH_ISA(extern const DinAttentionKernels din_attention_kernels;)
//   const auto& kernels = RECBENCH_SELECT(din_attention_kernels);
#pragma once

#include "simd/isa.h"

#if defined(__x86_64__)
#define RECBENCH_FOR_EACH_ISA(declaration) \
  namespace baseline {                     \
  declaration                              \
  }                                        \
  namespace avx2 {                         \
  declaration                              \
  }                                        \
  namespace avx512 {                       \
  declaration                              \
  }
#define RECBENCH_SELECT(table)                                        \
  (recbench::isa() == recbench::Isa::avx512 ? recbench::avx512::table \
   : recbench::isa() == recbench::Isa::avx2 ? recbench::avx2::table   \
                                            : recbench::baseline::table)
#else
#define RECBENCH_FOR_EACH_ISA(declaration) \
  namespace baseline {                     \
  declaration                              \
  }
#define RECBENCH_SELECT(table) (recbench::baseline::table)
#endif
