// The processor's kind, as the kernels' builds tell them apart.
#pragma once

namespace recbench {

enum class Isa { baseline, avx2, avx512 };

// The best that this processor supports, or the one that the environment's RECBENCH_ISA names.
// Read once, at the first call.
Isa isa();

const char* isa_name(Isa isa);

// Why RECBENCH_ISA could not be followed, in words; null where it was, or is not set.
const char* isa_refusal();

}  // namespace recbench
