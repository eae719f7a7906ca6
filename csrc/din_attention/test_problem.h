// For tests: problems, their tensors, and results and gradients written out in double, from the
// concatenation [q, k, q - k, q * k].
#pragma once

#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "check.h"
#include "din_attention/kernel.h"
#include "simd/storage.h"

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

  // As many, all of them NaN.
  static Tensors nothing(const Problem& p) {
    Tensors made = zeros(p);
    for (Doubles* tensor : made.all()) tensor->assign(tensor->size(), NAN);
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

// A problem's tensors as the kernels get them.
template <class S>
struct Stored {
  explicit Stored(Tensors tensors) {
    for (const Doubles* tensor : tensors.all()) kept.push_back(store_all<S>(*tensor));
  }
  S* get(int n, bool there = true) const { return there ? kept[n].get() : nullptr; }

  std::vector<std::unique_ptr<S[]>> kept;
};

template <class S>
DinAttentionArguments arguments_of(const Problem& p, const Stored<S>& in) {
  const bool dice = p.activation == DinActivation::dice;
  // clang-format off
  return {p.batch(), p.steps, p.width, p.hidden1, p.hidden2, p.activation, p.softmax, p.scale,
          in.get(0), in.get(1), p.lengths.data(), in.get(2), in.get(3), in.get(4), in.get(5),
          in.get(6), in.get(7), in.get(8, p.sloped()), in.get(9, p.sloped()), in.get(10, dice),
          in.get(11, dice)};
  // clang-format on
}

struct Wanted {
  bool query = true, keys = true, weights = true;

  // Whether the n-th tensor's gradient is written.
  bool operator()(const Problem& p, int n) const {
    return n == 0 ? query : n == 1 ? keys : weights && (n < 8 || (n < 10 && p.sloped()));
  }
};

template <class S>
DinAttentionGradients gradients_of(const Problem& p, const Stored<S>& in, const Stored<S>& out,
                                   Wanted wanted) {
  const auto to = [&](int n) { return out.get(n, wanted(p, n)); };
  return {in.get(12), to(0), to(1), to(2), to(3), to(4), to(5), to(6), to(7), to(8), to(9)};
}

template <class S>
void check_close(const S* have, const Doubles& want, double tolerance) {
  double scale = 1;
  for (const double value : want) scale = std::fmax(scale, std::fabs(value));
  for (std::size_t i = 0; i < want.size(); ++i) {
    CHECK(std::fabs(read(have[i]) - want[i]) <= tolerance * scale);
  }
}

}  // namespace
