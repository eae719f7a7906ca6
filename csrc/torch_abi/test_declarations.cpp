// Compiled only: our declarations beside torch's own. Functions of C linkage that differ in type
// cannot stand in one file, so this compiles exactly if none does.
#include <torch/csrc/stable/c/shim.h>

#include "torch_abi/declarations.h"

int main() {}
