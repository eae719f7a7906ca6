// The kernels alone, against the concatenation [q, k, q - k, q * k] written out in double.
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "check.h"
#include "din_attention/kernel.h"
#include "simd/storage.h"
#include "simd/supported.h"

namespace recbench::RECBENCH_ISA {
extern const DinAttentionForward din_attention_forward[4];
extern const DinAttentionBackward din_attention_backward[4];
}  // namespace recbench::RECBENCH_ISA

namespace {

using namespace recbench;
using namespace recbench::RECBENCH_ISA;
using Doubles = std::vector<double>;

struct Problem {
  std::vector<std::int64_t> lengths;
  std::int64_t steps, width, hidden1, hidden2;
  DinActivation activation;
  bool softmax;
  double scale;

  std::int64_t batch() const { return static_cast<std::int64_t>(lengths.size()); }
  bool sloped() const { return activation >= DinActivation::prelu; }
};

// A problem's tensors, or their gradients, in double.
struct Tensors {
  Doubles query, keys, w1, b1, w2, b2, w3, b3, slope1, slope2, gate1, gate2, output;

  static Tensors zeros(const Problem& p) {
    const auto n = [](std::int64_t count) { return Doubles(static_cast<std::size_t>(count)); };
    const std::int64_t rows = p.batch();
    return {n(rows * p.width),
            n(rows * p.steps * p.width),
            n(p.hidden1 * 4 * p.width),
            n(p.hidden1),
            n(p.hidden2 * p.hidden1),
            n(p.hidden2),
            n(p.hidden2),
            n(1),
            n(p.hidden1),
            n(p.hidden2),
            n(2 * p.hidden1),
            n(2 * p.hidden2),
            n(rows * p.width)};
  }

  // Values that float16 and bfloat16 hold exactly.
  static Tensors random(const Problem& p) {
    Tensors made = zeros(p);
    std::mt19937 generator(1);
    for (Doubles* tensor : made.all()) {
      for (double& value : *tensor) value = (static_cast<int>(generator() % 65) - 32) / 32.0;
    }
    for (std::int64_t row = 0; row < p.batch(); ++row) {
      const auto begin = made.keys.begin() + row * p.steps * p.width;
      std::fill(begin + p.lengths[row] * p.width, begin + p.steps * p.width,
                std::numeric_limits<double>::quiet_NaN());
    }
    return made;
  }

  std::vector<Doubles*> all() {
    return {&query, &keys, &w1, &b1, &w2, &b2, &w3, &b3, &slope1, &slope2, &gate1, &gate2, &output};
  }
};

double sigmoid_of(double x) {
  return 1 / (1 + std::exp(-x));
}

// The activation of unit `unit`; `derivative` and `by_slope` are set beside.
double activate_one(const Problem& p, double x, const Doubles& slope, const Doubles& gate,
                    std::int64_t unit, double* derivative, double* by_slope) {
  *by_slope = 0;
  switch (p.activation) {
    case DinActivation::sigmoid: {
      const double value = sigmoid_of(x);
      *derivative = value * (1 - value);
      return value;
    }
    case DinActivation::relu:
      *derivative = x > 0;
      return x > 0 ? x : 0;
    case DinActivation::prelu:
      *derivative = x > 0 ? 1 : slope[unit];
      *by_slope = x > 0 ? 0 : x;
      return x > 0 ? x : slope[unit] * x;
    case DinActivation::dice:
      break;
  }
  const double share = sigmoid_of((x - gate[unit]) * gate[gate.size() / 2 + unit]);
  *derivative = 0;
  return share * x + (1 - share) * slope[unit] * x;
}

// One step: its score, and `pull` times the score's gradient added to `gradients` where given.
double step(const Problem& p, const Tensors& t, std::int64_t row, std::int64_t at, double pull,
            Tensors* gradients) {
  const std::int64_t d4 = 4 * p.width;
  const double* q = &t.query[row * p.width];
  const double* k = &t.keys[at];
  Doubles x(d4), h1(p.hidden1), d1(p.hidden1), s1(p.hidden1), g1(p.hidden1);
  for (std::int64_t d = 0; d < p.width; ++d) {
    x[d] = q[d];
    x[p.width + d] = k[d];
    x[2 * p.width + d] = q[d] - k[d];
    x[3 * p.width + d] = q[d] * k[d];
  }
  for (std::int64_t i = 0; i < p.hidden1; ++i) {
    double sum = t.b1[i];
    for (std::int64_t d = 0; d < d4; ++d) sum += t.w1[i * d4 + d] * x[d];
    h1[i] = activate_one(p, sum, t.slope1, t.gate1, i, &d1[i], &s1[i]);
  }
  double score = t.b3[0];
  for (std::int64_t j = 0; j < p.hidden2; ++j) {
    double sum = t.b2[j], derivative, by_slope;
    for (std::int64_t i = 0; i < p.hidden1; ++i) sum += t.w2[j * p.hidden1 + i] * h1[i];
    const double h2 = activate_one(p, sum, t.slope2, t.gate2, j, &derivative, &by_slope);
    score += t.w3[j] * h2;
    if (gradients == nullptr) continue;
    const double g2 = pull * t.w3[j] * derivative;
    gradients->w3[j] += pull * h2;
    gradients->slope2[j] += pull * t.w3[j] * by_slope;
    gradients->b2[j] += g2;
    for (std::int64_t i = 0; i < p.hidden1; ++i) {
      gradients->w2[j * p.hidden1 + i] += g2 * h1[i];
      g1[i] += g2 * t.w2[j * p.hidden1 + i];
    }
  }
  if (gradients == nullptr) return score;
  gradients->b3[0] += pull;
  for (std::int64_t i = 0; i < p.hidden1; ++i) {
    gradients->slope1[i] += g1[i] * s1[i];
    const double g = g1[i] * d1[i];
    gradients->b1[i] += g;
    for (std::int64_t d = 0; d < d4; ++d) gradients->w1[i * d4 + d] += g * x[d];
    for (std::int64_t d = 0; d < p.width; ++d) {
      const double* w = &t.w1[i * d4 + d];
      gradients->query[row * p.width + d] += g * (w[0] + w[2 * p.width] + w[3 * p.width] * k[d]);
      gradients->keys[at + d] += g * (w[p.width] - w[2 * p.width] + w[3 * p.width] * q[d]);
    }
  }
  return score;
}

// The result, in `expected.output`, and all gradients for the output's gradient `given.output`.
Tensors reference(const Problem& p, const Tensors& given) {
  Tensors expected = Tensors::zeros(p);
  for (std::int64_t row = 0; row < p.batch(); ++row) {
    const auto at = [&](std::int64_t t) { return (row * p.steps + t) * p.width; };
    Doubles weights(p.lengths[row]), pulls(p.lengths[row]);
    double top = -INFINITY, total = 0, mean = 0;
    for (std::int64_t t = 0; t < p.lengths[row]; ++t) {
      weights[t] = p.scale * step(p, given, row, at(t), 0, nullptr);
      top = std::fmax(top, weights[t]);
    }
    for (double& weight : weights) total += p.softmax ? weight = std::exp(weight - top) : 0;
    for (double& weight : weights) weight /= p.softmax ? total : 1;
    for (std::int64_t t = 0; t < p.lengths[row]; ++t) {
      for (std::int64_t d = 0; d < p.width; ++d) {
        const double gradient = given.output[row * p.width + d];
        expected.output[row * p.width + d] += weights[t] * given.keys[at(t) + d];
        expected.keys[at(t) + d] += weights[t] * gradient;
        pulls[t] += gradient * given.keys[at(t) + d];
      }
      mean += weights[t] * pulls[t];
    }
    for (std::int64_t t = 0; t < p.lengths[row]; ++t) {
      const double pull = p.scale * (p.softmax ? weights[t] * (pulls[t] - mean) : pulls[t]);
      step(p, given, row, at(t), pull, &expected);
    }
  }
  return expected;
}

template <class S>
S stored(double value) {
  if constexpr (sizeof(S) > 2) {
    return static_cast<S>(value);
  } else {
    const float single = static_cast<float>(value);
    S half;
    narrow(&single, &half, 1);
    return half;
  }
}

template <class S>
double read(S value) {
  Compute<S> wide;
  widen(&value, &wide, 1);
  return static_cast<double>(wide);
}

// Exactly as many values as there are, so that the address sanitizer sees what lies beyond.
template <class S>
std::unique_ptr<S[]> store_all(const Doubles& values) {
  std::unique_ptr<S[]> made(new S[values.size()]);
  for (std::size_t i = 0; i < values.size(); ++i) made[i] = stored<S>(values[i]);
  return made;
}

template <class S>
void check_close(const S* have, const Doubles& want, double tolerance) {
  double scale = 1;
  for (const double value : want) scale = std::fmax(scale, std::fabs(value));
  for (std::size_t i = 0; i < want.size(); ++i) {
    CHECK(std::fabs(read(have[i]) - want[i]) <= tolerance * scale);
  }
}

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

std::unique_ptr<void, Free> allocate(std::int64_t bytes) {
  return std::unique_ptr<void, Free>(
      std::aligned_alloc(64, static_cast<std::size_t>((bytes + 64) / 64 * 64)));
}

template <class S>
void check_problem(const Problem& p, int dtype, double tolerance) {
  Tensors given = Tensors::random(p);
  const Tensors expected = reference(p, given);
  std::vector<std::unique_ptr<S[]>> inputs, outputs;
  for (const Doubles* tensor : given.all()) {
    inputs.push_back(store_all<S>(*tensor));
    outputs.push_back(store_all<S>(Doubles(tensor->size(), NAN)));
  }
  const auto in = [&](int n, bool there = true) { return there ? inputs[n].get() : nullptr; };
  const auto out = [&](int n, bool there = true) { return there ? outputs[n].get() : nullptr; };
  const bool dice = p.activation == DinActivation::dice;
  const DinAttentionArguments arguments{p.batch(),
                                        p.steps,
                                        p.width,
                                        p.hidden1,
                                        p.hidden2,
                                        p.activation,
                                        p.softmax,
                                        p.scale,
                                        in(0),
                                        in(1),
                                        p.lengths.data(),
                                        in(2),
                                        in(3),
                                        in(4),
                                        in(5),
                                        in(6),
                                        in(7),
                                        in(8, p.sloped()),
                                        in(9, p.sloped()),
                                        in(10, dice),
                                        in(11, dice)};

  const DinAttentionForward& forward = din_attention_forward[dtype];
  const auto weights = allocate(forward.weights_bytes(arguments));
  forward.prepare(arguments, weights.get());
  const std::int64_t middle = p.batch() / 2;
  forward.run(arguments, weights.get(), 0, middle, out(12));
  forward.run(arguments, weights.get(), middle, p.batch(), out(12));
  check_close(out(12), expected.output, tolerance);
  if (dice) return;

  const DinAttentionGradients gradients{in(12),
                                        out(0),
                                        out(1),
                                        out(2),
                                        out(3),
                                        out(4),
                                        out(5),
                                        out(6),
                                        out(7),
                                        out(8, p.sloped()),
                                        out(9, p.sloped())};
  const DinAttentionBackward& backward = din_attention_backward[dtype];
  const auto more_weights = allocate(backward.weights_bytes(arguments));
  backward.prepare(arguments, more_weights.get());
  const std::int64_t bytes = backward.partial_bytes(arguments);
  const auto partials = allocate(2 * bytes);
  backward.run(arguments, gradients, more_weights.get(), partials.get(), 0, middle);
  backward.run(arguments, gradients, more_weights.get(), static_cast<char*>(partials.get()) + bytes,
               middle, p.batch());
  backward.reduce(arguments, gradients, partials.get(), 2);
  Tensors wanted = expected;
  const std::vector<Doubles*> all = wanted.all();
  for (int n = 0; n < (p.sloped() ? 10 : 8); ++n) check_close(out(n), *all[n], tolerance);
}

void check_problem(const Problem& p) {
  check_problem<float>(p, 0, 1e-5);
  check_problem<double>(p, 1, 1e-13);
  check_problem<BFloat16>(p, 2, 8e-3);
  check_problem<Float16>(p, 3, 1e-3);
}

}  // namespace

int main() {
  skip_unless_supported();
  for (const auto activation :
       {DinActivation::sigmoid, DinActivation::relu, DinActivation::prelu, DinActivation::dice}) {
    for (const bool softmax : {false, true}) {
      check_problem({{3, 0, 5, 1}, 5, 3, 6, 4, activation, softmax, 0.5});
      check_problem({{7, 2}, 7, 16, 32, 16, activation, softmax, 0.5});
      check_problem({{1, 128, 129, 270}, 270, 8, 5, 7, activation, softmax, 0.25});
    }
  }
  for (const std::int64_t width : {1, 18, 36}) {
    check_problem({{13, 4, 0}, 14, width, 19, 37, DinActivation::sigmoid, true, 0.125});
  }
  check_problem({std::vector<std::int64_t>(41, 2), 3, 4, 9, 3, DinActivation::sigmoid, false, 1});
  check_problem({{0, 0}, 0, 4, 3, 2, DinActivation::relu, true, 1});
  check_problem({{}, 4, 4, 3, 2, DinActivation::relu, true, 1});
}
