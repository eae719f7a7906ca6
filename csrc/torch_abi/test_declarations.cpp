// Compiled only: our declarations beside torch's own. Functions of C linkage that differ in type
// cannot stand in one file, so this compiles exactly if none does.
#define USE_CUDA  // or torch hides its declarations of that part
#include <torch/csrc/stable/c/shim.h>

#include "torch_abi/declarations.h"

int main() {}
