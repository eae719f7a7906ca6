#include "simd/isa.h"

#include <cstdlib>
#include <string>

namespace recbench {

namespace {

struct Choice {
  Isa isa;
  std::string refusal;
};

Isa best_supported() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (avx512) return Isa::avx512;
  if (avx2) return Isa::avx2;
#endif
  return Isa::baseline;
}

Choice choose() {
  const Isa best = best_supported();
  const char* wanted = std::getenv("RECBENCH_ISA");
  if (wanted == nullptr || *wanted == '\0') return {best, ""};
  for (const Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    if (std::string(wanted) != isa_name(isa)) continue;
    if (isa <= best) return {isa, ""};
    return {best, std::string("this processor goes no further than ") + isa_name(best)};
  }
  return {best, "expected baseline, avx2 or avx512"};
}

const Choice& choice() {
  static const Choice chosen = choose();
  return chosen;
}

}  // namespace

Isa isa() {
  return choice().isa;
}

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return "avx512";
    case Isa::avx2:
      return "avx2";
    default:
      return "baseline";
  }
}

const char* isa_refusal() {
  return choice().refusal.empty() ? nullptr : choice().refusal.c_str();
}

}  // namespace recbench

// For Python, which asks through ctypes.
extern "C" {

__attribute__((visibility("default"))) const char* recbench_isa() {
  return recbench::isa_name(recbench::isa());
}

__attribute__((visibility("default"))) const char* recbench_isa_refusal() {
  return recbench::isa_refusal();
}
}
