// For tests: problems, and their results and gradients written out in double, one unit at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "augru/kernel.h"
#include "check.h"
#include "simd/storage.h"

namespace {

using namespace recbench;
using namespace recbench::RECBENCH_ISA;

using Values = std::vector<double>;

// Arguments of one call, and the weights of outputs and last states in a loss.
struct Problem {
  AugruShape shape;
  std::vector<std::int64_t> lengths, order, starts;
  bool has_h0;
  Values x, attention, w_ih, w_hh, b_ih, b_hh, h0, grad_outputs, grad_last;
};

Values draw(std::mt19937& random, std::int64_t n) {
  Values values(static_cast<std::size_t>(n));
  // Numbers that every storage type holds exactly.
  for (auto& v : values) v = (static_cast<double>(random() % 129) - 64) / 64;
  return values;
}

Problem problem(std::int64_t batch, std::int64_t steps, std::int64_t inputs, std::int64_t hidden,
                AttentionMode mode, bool reset_after, bool has_h0) {
  std::mt19937 random(1);
  Problem p{};
  p.shape = {batch, steps, inputs, hidden, mode, reset_after};
  p.has_h0 = has_h0;
  for (std::int64_t i = 0; i < batch; ++i) {
    p.lengths.push_back(static_cast<std::int64_t>(random() % (steps + 1)));
  }
  for (std::int64_t length = steps; length >= 0; --length) {
    for (std::int64_t i = 0; i < batch; ++i) {
      if (p.lengths[i] == length) p.order.push_back(i);
    }
  }
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < batch; ++i) {
    if (i % kAugruTile == 0) p.starts.push_back(total);
    total += p.lengths[p.order[i]];
  }
  p.x = draw(random, batch * steps * inputs);
  p.attention = draw(random, batch * steps);
  p.w_ih = draw(random, 3 * hidden * inputs);
  p.w_hh = draw(random, 3 * hidden * hidden);
  p.b_ih = draw(random, 3 * hidden);
  p.b_hh = draw(random, 3 * hidden);
  p.h0 = draw(random, batch * hidden);
  p.grad_outputs = draw(random, batch * steps * hidden);
  p.grad_last = draw(random, batch * hidden);
  for (std::int64_t row = 0; row < batch; ++row) {
    for (std::int64_t t = p.lengths[row]; t < steps; ++t) {
      p.attention[row * steps + t] = NAN;
      for (std::int64_t i = 0; i < inputs; ++i) p.x[(row * steps + t) * inputs + i] = NAN;
    }
  }
  return p;
}

// Results, and the gradients of sum(outputs * grad_outputs) + sum(last * grad_last).
struct Results {
  Values outputs, last, x, attention, h0, w_ih, w_hh, b_ih, b_hh;
};

// The gates of a step, what it starts from, and what the reset gate acts on.
struct Step {
  Values before, r, z, n, reset;
  double u_of_z;  // the update is u = u_at_0 + u_of_z z
  double u_at_0;

  double u(std::int64_t j) const { return u_at_0 + u_of_z * z[j]; }
};

Step define_step(const Problem& p, std::int64_t at, const Values& h) {
  const auto [batch, steps, inputs, hidden, mode, reset_after] = p.shape;
  const double a = p.attention[at];
  Step s{h, Values(hidden), Values(hidden), Values(hidden), Values(hidden), 0, a};
  if (mode == AttentionMode::paper) s.u_of_z = -a;
  if (mode == AttentionMode::reference) s.u_at_0 = 1, s.u_of_z = a - 1;
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  const auto input = [&](std::int64_t unit) {
    double sum = p.b_ih[unit];
    for (std::int64_t i = 0; i < inputs; ++i)
      sum += p.w_ih[unit * inputs + i] * p.x[at * inputs + i];
    return sum;
  };
  const auto state = [&](std::int64_t unit, bool reset) {
    double sum = p.b_hh[unit];
    for (std::int64_t k = 0; k < hidden; ++k) {
      sum += p.w_hh[unit * hidden + k] * h[k] * (reset ? s.r[k] : 1);
    }
    return sum;
  };
  for (std::int64_t j = 0; j < hidden; ++j) s.r[j] = sigmoid(input(j) + state(j, false));
  for (std::int64_t j = 0; j < hidden; ++j) {
    s.z[j] = sigmoid(input(hidden + j) + state(hidden + j, false));
    s.reset[j] = state(2 * hidden + j, !reset_after);
    s.n[j] = std::tanh(input(2 * hidden + j) + (reset_after ? s.r[j] : 1) * s.reset[j]);
  }
  return s;
}

// Adds the gradients of one step; `grad` is that of the state after it, and then before it.
void differentiate_step(const Problem& p, std::int64_t at, const Step& s, Values& grad,
                        Results& to) {
  const auto [batch, steps, inputs, hidden, mode, reset_after] = p.shape;
  Values of_inputs(3 * hidden), through(hidden), next(hidden);
  double *of_r = &of_inputs[0], *of_z = of_r + hidden, *of_n = of_z + hidden;
  for (std::int64_t j = 0; j < hidden; ++j) {
    const double of_u = grad[j] * (s.n[j] - s.before[j]);
    to.attention[at] += of_u * (mode == AttentionMode::paper  ? 1 - s.z[j]
                                : mode == AttentionMode::agru ? 1
                                                              : s.z[j]);
    of_n[j] = grad[j] * s.u(j) * (1 - s.n[j] * s.n[j]);
    of_z[j] = of_u * s.u_of_z * s.z[j] * (1 - s.z[j]);
    next[j] = grad[j] * (1 - s.u(j));
    for (std::int64_t k = 0; k < hidden; ++k) {
      through[k] += of_n[j] * p.w_hh[(2 * hidden + j) * hidden + k];
    }
  }
  for (std::int64_t j = 0; j < hidden; ++j) {
    of_r[j] =
        s.r[j] * (1 - s.r[j]) * (reset_after ? of_n[j] * s.reset[j] : through[j] * s.before[j]);
    if (!reset_after) next[j] += through[j] * s.r[j];
  }
  for (std::int64_t gate = 0; gate < 3 * hidden; ++gate) {
    const bool candidate = gate >= 2 * hidden;
    const double pull = of_inputs[gate];
    const double of_state = candidate && reset_after ? pull * s.r[gate - 2 * hidden] : pull;
    to.b_ih[gate] += pull;
    to.b_hh[gate] += of_state;
    for (std::int64_t i = 0; i < inputs; ++i) {
      to.w_ih[gate * inputs + i] += pull * p.x[at * inputs + i];
      to.x[at * inputs + i] += pull * p.w_ih[gate * inputs + i];
    }
    for (std::int64_t k = 0; k < hidden; ++k) {
      const bool reset = candidate && !reset_after;
      to.w_hh[gate * hidden + k] += of_state * s.before[k] * (reset ? s.r[k] : 1);
      if (!reset) next[k] += of_state * p.w_hh[gate * hidden + k];
    }
  }
  grad = next;
}

Results define(const Problem& p) {
  const auto [batch, steps, inputs, hidden, mode, reset_after] = p.shape;
  Results e{Values(batch * steps * hidden), Values(batch * hidden), Values(p.x.size()),
            Values(p.attention.size()),     Values(p.h0.size()),    Values(p.w_ih.size()),
            Values(p.w_hh.size()),          Values(p.b_ih.size()),  Values(p.b_hh.size())};
  for (std::int64_t row = 0; row < batch; ++row) {
    Values h(hidden);
    if (p.has_h0) h.assign(&p.h0[row * hidden], &p.h0[row * hidden] + hidden);
    std::vector<Step> passed;
    for (std::int64_t t = 0; t < p.lengths[row]; ++t) {
      const Step s = define_step(p, row * steps + t, h);
      for (std::int64_t j = 0; j < hidden; ++j) h[j] += s.u(j) * (s.n[j] - h[j]);
      std::copy(h.begin(), h.end(), &e.outputs[(row * steps + t) * hidden]);
      passed.push_back(s);
    }
    std::copy(h.begin(), h.end(), &e.last[row * hidden]);
    Values grad(&p.grad_last[row * hidden], &p.grad_last[row * hidden] + hidden);
    for (std::int64_t t = p.lengths[row] - 1; t >= 0; --t) {
      const std::int64_t at = row * steps + t;
      for (std::int64_t j = 0; j < hidden; ++j) grad[j] += p.grad_outputs[at * hidden + j];
      differentiate_step(p, at, passed[t], grad, e);
    }
    std::copy(grad.begin(), grad.end(), &e.h0[row * hidden]);
  }
  return e;
}

// Exactly so many values on the heap, that the address sanitizer sees a read or write beyond;
// NaN until they are written.
template <class S>
class Buffer {
 public:
  explicit Buffer(std::int64_t n) : size_(n), data_(new S[n]) {
    std::memset(static_cast<void*>(data_.get()), 0xff, n * sizeof(S));
  }
  explicit Buffer(const Values& values) : Buffer(static_cast<std::int64_t>(values.size())) {
    for (std::int64_t i = 0; i < size_; ++i) {
      const auto wide = static_cast<Compute<S>>(values[i]);
      narrow(&wide, data_.get() + i, 1);
    }
  }
  S* get() const { return data_.get(); }
  Values values() const {
    Values wide;
    for (std::int64_t i = 0; i < size_; ++i) {
      Compute<S> value;
      widen(get() + i, &value, 1);
      wide.push_back(static_cast<double>(value));
    }
    return wide;
  }

 private:
  std::int64_t size_;
  std::unique_ptr<S[]> data_;
};

void check_close(const Values& got, const Values& expected, double tolerance) {
  CHECK(got.size() == expected.size());
  double scale = 1;
  for (const double v : expected) scale = std::fmax(scale, std::fabs(v));
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(std::fabs(got[i] - expected[i]) <= tolerance * scale);
  }
}

void check_close(const Results& got, const Results& expected, double tolerance) {
  check_close(got.outputs, expected.outputs, tolerance);
  check_close(got.last, expected.last, tolerance);
  check_close(got.x, expected.x, tolerance);
  check_close(got.attention, expected.attention, tolerance);
  check_close(got.h0, expected.h0, tolerance);
  check_close(got.w_ih, expected.w_ih, tolerance);
  check_close(got.w_hh, expected.w_hh, tolerance);
  check_close(got.b_ih, expected.b_ih, tolerance);
  check_close(got.b_hh, expected.b_hh, tolerance);
}

}  // namespace
