// For tests of one processor's build: ends the program as skipped where the processor lacks it.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace {

void skip_unless_supported() {
#if defined(__AVX512F__)
  const bool supported = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const char* name = "AVX-512";
#elif defined(__AVX2__)
  const bool supported = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const char* name = "AVX2 and FMA";
#else
  const bool supported = true;
  const char* name = "";
#endif
  if (supported) return;
  std::printf("skipped: this processor lacks %s\n", name);
  std::exit(77);
}

}  // namespace
