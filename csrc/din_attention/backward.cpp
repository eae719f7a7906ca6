// The backward pass: hidden layers are computed again, and of a whole history only
// G = sum_t d_t k_t^T and S = sum_t d_t are kept, d_t being the gradient of the first layer's sums:
//   d(Wk - Wd) += G,  dWp += G diag(q),  d(Wq + Wd) += S q^T,  dq = (Wq + Wd)^T S + rowsum(G * Wp).
#include "din_attention/backward_workspace.h"
#include "din_attention/history.h"
#include "din_attention/partial.h"
#include "simd/scratch.h"

namespace recbench::RECBENCH_ISA {
namespace {

// The backward pass over the rows of one chunk.
template <class S>
class Chunk {
  using C = Compute<S>;

 public:
  Chunk(const DinAttentionArguments& given, const DinAttentionGradients& gradients,
        const Weights<C>& weights, const Workspace<C>& space, const Partial<C>& partial)
      : given_(given),
        gradients_(gradients),
        w_(weights),
        widths_(weights.widths),
        space_(space),
        partial_(partial),
        wants_weights_(gradients.b3 != nullptr),
        wants_query_(gradients.query != nullptr),
        wants_keys_(gradients.keys != nullptr) {}

  // Computes at most `kGroup` rows, from `first` on.
  void run_group(std::int64_t first, std::int64_t rows) const {
    const Matrix<const C> queries{space_.queries, widths_.padded_width};
    widen_rows(static_cast<const S*>(given_.query) + first * widths_.width, rows, widths_.width,
               space_.queries, widths_.padded_width);
    product<false, C>(rows, widths_.padded1, widths_.width, queries, {w_.in.query, widths_.padded1},
                      {w_.bias1, 0}, {space_.biases, widths_.padded1});
    fill_zero(space_.query_gradients, rows * widths_.padded_width);
    fill_zero(space_.sums, rows * widths_.padded1);
    for (std::int64_t n = 0; n < rows; ++n) run_row(first + n, n);
    if (wants_weights_) add_query_weights(rows, queries);
    if (wants_query_) finish_queries(first, rows);
  }

 private:
  // Row `row`, the n-th of its group.
  void run_row(std::int64_t row, std::int64_t n) const {
    const std::int64_t length = clamped_length(given_, row);
    if (wants_keys_) {
      fill_zero(static_cast<S*>(gradients_.keys) + at_step(row, length),
                (given_.steps - length) * widths_.width);
    }
    if (length == 0) return;
    begin_row(row, n);
    const bool softmax_apart = given_.softmax && length > kBlock;
    if (softmax_apart) {
      // Softmax needs all scores before any has a gradient; the layers are then computed again.
      for (std::int64_t t = 0, part; t < length; t += part) {
        part = even_part(length - t, kBlock);
        const auto keys = read_keys(row, t, part);
        hidden_block(n, keys, part);
        score_block(keys, t, part);
      }
      pull_scores(0, length);
    }
    for (std::int64_t t = 0, part; t < length; t += part) {
      part = even_part(length - t, kBlock);
      const auto keys = read_keys(row, t, part);
      hidden_block(n, keys, part);
      if (!softmax_apart) {
        score_block(keys, t, part);
        pull_scores(t, part);
      }
      differentiate_second(t, part);
      differentiate_first(n, keys, part);
      if (wants_keys_) write_key_gradients(row, t, part);
    }
    if (wants_query_ || wants_weights_) spread_outer(n);
  }

  std::int64_t at_step(std::int64_t row, std::int64_t step) const {
    return (row * given_.steps + step) * widths_.width;
  }

  Matrix<const C> read_keys(std::int64_t row, std::int64_t step, std::int64_t count) const {
    return whole_vectors(static_cast<const S*>(given_.keys) + at_step(row, step), count,
                         widths_.width, space_.keys);
  }

  void begin_row(std::int64_t row, std::int64_t n) const {
    const C* query = space_.queries + n * widths_.padded_width;
    const std::int64_t size = widths_.hidden1 * widths_.padded_width;
    fold(w_, query, space_.folded);
    if (wants_keys_) {
      for (std::int64_t unit = 0; unit < size; unit += widths_.padded_width) {
        for (std::int64_t d = 0; d < widths_.padded_width; d += kLanes<C>) {
          store(space_.unfolded + unit + d,
                load(w_.out.key + unit + d) + load(w_.out.product + unit + d) * load(query + d));
        }
      }
    }
    fill_zero(space_.outer, size);
    widen_rows(static_cast<const S*>(gradients_.output) + row * widths_.width, 1, widths_.width,
               space_.output, widths_.padded_width);
  }

  void hidden_block(std::int64_t n, Matrix<const C> keys, std::int64_t count) const {
    run_hidden(w_, given_.activation, keys, count, space_.folded,
               space_.biases + n * widths_.padded1, space_.hidden);
  }

  // Scores, and the gradient of each weight in the sum, which is the output's along the key.
  void score_block(Matrix<const C> keys, std::int64_t step, std::int64_t count) const {
    score_rows(count, widths_.padded2, space_.hidden.values2, w_.score, w_.bias3[0],
               space_.weights + step);
    score_rows(count, keys.stride, keys.data, space_.output, C{0}, space_.pulls + step);
  }

  // Turns scores into weights, and the weights' gradients into the scores'.
  void pull_scores(std::int64_t step, std::int64_t count) const {
    C* weights = space_.weights + step;
    C* pulls = space_.pulls + step;
    const C scale = static_cast<C>(given_.scale);
    multiply(count, scale, weights);
    multiply(count, scale, pulls);
    if (!given_.softmax) return;
    softmax(count, weights);
    const std::int64_t end = padded<C>(count);
    for (std::int64_t t = count; t < end; ++t) pulls[t] = 0;
    Vec<C> parts = zero<C>();
    for (std::int64_t t = 0; t < end; t += kLanes<C>) parts += load(weights + t) * load(pulls + t);
    const Vec<C> mean = splat(sum(parts));
    for (std::int64_t t = 0; t < end; t += kLanes<C>) {
      store(pulls + t, load(weights + t) * (load(pulls + t) - mean));
    }
  }

  void differentiate_second(std::int64_t step, std::int64_t count) const {
    const C* pulls = space_.pulls + step;
    const std::int64_t columns = widths_.padded2;
    for (std::int64_t column = 0; column < columns; column += kLanes<C>) {
      const Vec<C> weight = load(w_.score + column);
      Vec<C> total = load(partial_.score + column);
      for (std::int64_t t = 0, at = column; t < count; ++t, at += columns) {
        const Vec<C> pull = splat(pulls[t]);
        total += pull * load(space_.hidden.values2 + at);
        store(space_.gradient2 + at, pull * weight);
      }
      store(partial_.score + column, total);
    }
    for (std::int64_t t = 0; t < count; ++t) partial_.bias3[0] += pulls[t];
    differentiate<C>(given_.activation, count, columns, w_.second,
                     {space_.hidden.sums2, space_.hidden.values2, space_.gradient2, partial_.bias2,
                      partial_.slope2});
  }

  void differentiate_first(std::int64_t n, Matrix<const C> keys, std::int64_t count) const {
    const Matrix<const C> second{space_.gradient2, widths_.padded2};
    const Matrix<const C> first{space_.gradient1, widths_.padded1};
    if (wants_weights_) {
      product<true, C>(widths_.hidden2, widths_.padded1, count, second,
                       {space_.hidden.values1, widths_.padded1}, {partial_.second, widths_.padded1},
                       {partial_.second, widths_.padded1});
    }
    product<false, C>(count, widths_.padded1, widths_.hidden2, second,
                      {w_.second_out, widths_.padded1}, {w_.zeros, 0},
                      {space_.gradient1, widths_.padded1});
    differentiate<C>(given_.activation, count, widths_.padded1, w_.first,
                     {space_.hidden.sums1, space_.hidden.values1, space_.gradient1,
                      space_.sums + n * widths_.padded1, partial_.slope1});
    if (wants_query_ || wants_weights_) {
      product<true, C>(widths_.hidden1, widths_.padded_width, count, first, keys,
                       {space_.outer, widths_.padded_width}, {space_.outer, widths_.padded_width});
    }
  }

  void write_key_gradients(std::int64_t row, std::int64_t step, std::int64_t count) const {
    S* to = static_cast<S*>(gradients_.keys) + at_step(row, step);
    const std::int64_t columns = widths_.padded_width;
    C* whole = space_.key_gradients;
    if constexpr (sizeof(S) == sizeof(C)) {
      if (columns == widths_.width) whole = to;
    }
    for (std::int64_t t = 0; t < count; ++t) {
      const Vec<C> weight = splat(space_.weights[step + t]);
      for (std::int64_t d = 0; d < columns; d += kLanes<C>) {
        store(whole + t * columns + d, weight * load(space_.output + d));
      }
    }
    product<false, C>(count, columns, widths_.hidden1, {space_.gradient1, widths_.padded1},
                      {space_.unfolded, columns}, {whole, columns}, {whole, columns});
    if (whole == space_.key_gradients) write_rows<S>(whole, count, widths_.width, columns, to);
  }

  // Adds a row's G to the gradients of the weights and of its query.
  void spread_outer(std::int64_t n) const {
    const C* query = space_.queries + n * widths_.padded_width;
    C* to = space_.query_gradients + n * widths_.padded_width;
    for (std::int64_t unit = 0; unit < widths_.hidden1; ++unit) {
      for (std::int64_t d = 0; d < widths_.padded_width; d += kLanes<C>) {
        const std::int64_t at = unit * widths_.padded_width + d;
        const Vec<C> outer = load(space_.outer + at);
        store(partial_.key + at, load(partial_.key + at) + outer);
        store(partial_.product + at, load(partial_.product + at) + outer * load(query + d));
        store(to + d, load(to + d) + outer * load(w_.out.product + at));
      }
    }
  }

  void add_query_weights(std::int64_t rows, Matrix<const C> queries) const {
    product<true, C>(widths_.hidden1, widths_.padded_width, rows, {space_.sums, widths_.padded1},
                     queries, {partial_.query, widths_.padded_width},
                     {partial_.query, widths_.padded_width});
    for (std::int64_t at = 0; at < rows * widths_.padded1; at += widths_.padded1) {
      for (std::int64_t unit = 0; unit < widths_.padded1; unit += kLanes<C>) {
        store(partial_.bias1 + unit, load(partial_.bias1 + unit) + load(space_.sums + at + unit));
      }
    }
  }

  void finish_queries(std::int64_t first, std::int64_t rows) const {
    C* whole = space_.query_gradients;
    product<false, C>(rows, widths_.padded_width, widths_.hidden1, {space_.sums, widths_.padded1},
                      {w_.out.query, widths_.padded_width}, {whole, widths_.padded_width},
                      {whole, widths_.padded_width});
    write_rows<S>(whole, rows, widths_.width, widths_.padded_width,
                  static_cast<S*>(gradients_.query) + first * widths_.width);
  }

  const DinAttentionArguments& given_;
  const DinAttentionGradients& gradients_;
  const Weights<C>& w_;
  const Widths<C>& widths_;
  const Workspace<C>& space_;
  const Partial<C>& partial_;
  const bool wants_weights_, wants_query_, wants_keys_;
};

template <class S>
std::int64_t weights_bytes(const DinAttentionArguments& given) {
  Parts parts(nullptr);
  Weights<Compute<S>>(given, true, parts);
  return parts.bytes();
}

template <class S>
void prepare(const DinAttentionArguments& given, void* weights) {
  prepare_weights<S>(given, true, weights);
}

template <class S>
void run(const DinAttentionArguments& given, const DinAttentionGradients& gradients,
         const void* weights, void* partial_buffer, std::int64_t begin, std::int64_t end) {
  using C = Compute<S>;
  Parts weight_parts(const_cast<void*>(weights)), sums(partial_buffer);
  const Weights<C> w(given, true, weight_parts);
  const Partial<C> partial(w.widths, sums);
  std::memset(partial_buffer, 0, static_cast<std::size_t>(sums.bytes()));
  Parts needed(nullptr);
  Workspace<C>(given, w.widths, needed);
  const Scratch<char> memory(needed.bytes());
  Parts parts(memory.data());
  const Workspace<C> space(given, w.widths, parts);
  const Chunk<S> chunk(given, gradients, w, space, partial);
  for (std::int64_t first = begin; first < end; first += kGroup) {
    chunk.run_group(first, end - first < kGroup ? end - first : kGroup);
  }
}

template <class S>
constexpr DinAttentionBackward kBackward{weights_bytes<S>, prepare<S>, partial_bytes<S>, run<S>,
                                         reduce<S>};

}  // namespace

extern const DinAttentionBackward din_attention_backward[4] = {
    kBackward<float>, kBackward<double>, kBackward<BFloat16>, kBackward<Float16>};

}  // namespace recbench::RECBENCH_ISA
