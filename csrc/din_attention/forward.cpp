// The forward pass: histories one by one, each in blocks of steps that stay in the first cache.
#include "din_attention/history.h"
#include "simd/scratch.h"

namespace recbench::RECBENCH_ISA {
namespace {

constexpr std::int64_t kBlock = 48;

template <class C>
struct Workspace {
  Workspace(const DinAttentionArguments& given, const Widths<C>& widths, Parts& parts)
      : hidden(widths, kBlock, false, parts),
        queries(parts.take<C>(kGroup * widths.padded_width)),
        biases(parts.take<C>(kGroup * widths.padded1)),
        folded(parts.take<C>(widths.width * widths.padded1)),
        keys(parts.take<C>(kBlock * widths.padded_width)),
        scores(parts.take<C>(padded<C>(given.steps))),
        output(parts.take<C>(widths.padded_width)) {}

  Hidden<C> hidden;
  C *queries, *biases;  // of a group of rows
  C *folded, *keys, *scores, *output;
};

template <class S, class C>
void run_row(const DinAttentionArguments& given, const Weights<C>& w, const Workspace<C>& space,
             std::int64_t row, const C* query, const C* bias, S* output) {
  const auto& widths = w.widths;
  const std::int64_t length = clamped_length(given, row);
  const S* keys = static_cast<const S*>(given.keys) + row * given.steps * widths.width;
  fill_zero(space.output, widths.padded_width);
  if (length > 0) fold(w, query, space.folded);
  for (std::int64_t t = 0, part; t < length; t += part) {
    part = even_part(length - t, kBlock);
    const auto block = whole_vectors(keys + t * widths.width, part, widths.width, space.keys);
    run_hidden(w, given.activation, block, part, space.folded, bias, space.hidden);
    score_rows(part, widths.padded2, space.hidden.values2, w.score, w.bias3[0], space.scores + t);
  }
  multiply(length, static_cast<C>(given.scale), space.scores);
  if (given.softmax && length > 0) softmax(length, space.scores);
  for (std::int64_t t = 0, part; t < length; t += part) {
    part = even_part(length - t, kBlock);
    const auto block = whole_vectors(keys + t * widths.width, part, widths.width, space.keys);
    add_weighted(part, widths.padded_width, space.scores + t, block, space.output);
  }
  narrow(space.output, output, widths.width);
}

template <class S>
std::int64_t weights_bytes(const DinAttentionArguments& given) {
  Parts parts(nullptr);
  Weights<Compute<S>>(given, false, parts);
  return parts.bytes();
}

template <class S>
void prepare(const DinAttentionArguments& given, void* weights) {
  prepare_weights<S>(given, false, weights);
}

template <class S>
void run(const DinAttentionArguments& given, const void* weights, std::int64_t begin,
         std::int64_t end, void* output) {
  using C = Compute<S>;
  Parts weight_parts(const_cast<void*>(weights));
  const Weights<C> w(given, false, weight_parts);
  const auto& widths = w.widths;
  Parts needed(nullptr);
  Workspace<C>(given, widths, needed);
  const Scratch<char> memory(needed.bytes());
  Parts parts(memory.data());
  const Workspace<C> space(given, widths, parts);
  const S* queries = static_cast<const S*>(given.query);
  S* outputs = static_cast<S*>(output);
  for (std::int64_t first = begin; first < end; first += kGroup) {
    const std::int64_t rows = end - first < kGroup ? end - first : kGroup;
    widen_rows(queries + first * widths.width, rows, widths.width, space.queries,
               widths.padded_width);
    product<false, C>(rows, widths.padded1, widths.width, {space.queries, widths.padded_width},
                      {w.in.query, widths.padded1}, {w.bias1, 0}, {space.biases, widths.padded1});
    for (std::int64_t n = 0; n < rows; ++n) {
      run_row(given, w, space, first + n, space.queries + n * widths.padded_width,
              space.biases + n * widths.padded1, outputs + (first + n) * widths.width);
    }
  }
}

template <class S>
constexpr DinAttentionForward kForward{weights_bytes<S>, prepare<S>, run<S>};

}  // namespace

extern const DinAttentionForward din_attention_forward[4] = {kForward<float>, kForward<double>,
                                                             kForward<BFloat16>, kForward<Float16>};

}  // namespace recbench::RECBENCH_ISA
