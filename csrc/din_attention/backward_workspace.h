// What the backward pass of a group of rows computes in, within one piece of memory.
#pragma once

#include "din_attention/history.h"

namespace recbench::RECBENCH_ISA {
namespace {

constexpr std::int64_t kBlock = 128;

template <class C>
struct Workspace {
  Workspace(const DinAttentionArguments& given, const Widths<C>& widths, Parts& parts)
      : hidden(widths, kBlock, given.activation == DinActivation::prelu, parts),
        gradient1(parts.take<C>(kBlock * widths.padded1)),
        gradient2(parts.take<C>(kBlock * widths.padded2)),
        folded(parts.take<C>(widths.width * widths.padded1)),
        unfolded(parts.take<C>(widths.hidden1 * widths.padded_width)),
        outer(parts.take<C>(widths.hidden1 * widths.padded_width)),
        keys(parts.take<C>(kBlock * widths.padded_width)),
        key_gradients(parts.take<C>(kBlock * widths.padded_width)),
        queries(parts.take<C>(kGroup * widths.padded_width)),
        query_gradients(parts.take<C>(kGroup * widths.padded_width)),
        biases(parts.take<C>(kGroup * widths.padded1)),
        sums(parts.take<C>(kGroup * widths.padded1)),
        output(parts.take<C>(widths.padded_width)),
        weights(parts.take<C>(padded<C>(given.steps))),
        pulls(parts.take<C>(padded<C>(given.steps))) {}

  Hidden<C> hidden;
  C *gradient1, *gradient2;                      // of the hidden layers of a block
  C *folded, *unfolded;                          // the row's matrix and its transpose
  C* outer;                                      // G, [hidden1, padded_width]
  C *keys, *key_gradients;                       // of a block, [kBlock, padded_width]
  C *queries, *query_gradients, *biases, *sums;  // of a group of rows; `sums` are their S
  C* output;                                     // gradient of the row's output
  C *weights, *pulls;  // of the row's steps: weights in the sum; gradients of scores
};

}  // namespace
}  // namespace recbench::RECBENCH_ISA
