// SPDX-License-Identifier: Apache-2.0
// The contract of a rewrite, checked: random blocks of a kind, each evaluated before and after. Called by tests in this
// folder, which say what kind, and how tensors that the rewrite reads in another form are laid out.
#ifndef TW_TESTS_UNIT_TENSORIZE_REWRITE_REWRITING_H
#define TW_TESTS_UNIT_TENSORIZE_REWRITE_REWRITING_H

#include "Blocks.h"
#include "Evaluate.h"
#include "tw/tensorize/Rewrite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace tw::test {

inline int64_t between(std::mt19937 &random, int64_t lo, int64_t hi) {
  return lo + int64_t(random() % uint64_t(hi - lo + 1));
}

/// A small convolution.
inline ConvShape randomShape(std::mt19937 &random, int64_t mostChannels, int64_t mostOutputs) {
  ConvShape s;
  s.n = between(random, 1, 2);
  s.c = between(random, 1, mostChannels), s.oc = between(random, 1, mostOutputs);
  s.kh = between(random, 1, 3), s.kw = between(random, 1, 5);
  s.stride = between(random, 1, 3), s.dilation = between(random, 1, 2), s.pad = between(random, 0, 2);
  s.h = between(random, s.dilation * (s.kh - 1) + 1, 8), s.w = between(random, s.dilation * (s.kw - 1) + 1, 12);
  return s;
}

/// A tensor of the result's shape added behind the last operation.
inline void addResidual(Block &block, int tensor) {
  Operand residual = block.operands.back();
  residual.name = "residual", residual.isWritten = false, residual.tensor = tensor;
  const int slot = block.resultSlot(), at = int(block.operands.size()) - 1;
  block.operands.insert(block.operands.end() - 1, residual);
  block.finish.push_back({"ew_add",
                          {slotArg(slot), numberArg(1), numberArg(3), operandArg(at), numberArg(-2), numberArg(5),
                           numberArg(3), numberArg(4)}});
}

/// `after` gives, from the same tensors, what `before` gives: not one and the same everywhere.
template <typename After>
void expectSameValues(const Block &before, const Tensors &tensors, const After &after, const std::string &rewritten) {
  const std::vector<int8_t> expected = evaluate(before, tensors), values = after(tensors);
  if (expected.size() > 100)
    EXPECT_GT(std::set<int8_t>(expected.begin(), expected.end()).size(), 5u)
        << "nothing is told apart: " << str(before);
  ASSERT_EQ(values.size(), expected.size()) << str(before);
  const auto differs = std::ranges::mismatch(values, expected);
  EXPECT_EQ(differs.in1, values.end()) << "element " << differs.in1 - values.begin() << " of\n"
                                       << str(before) << "rewritten as\n"
                                       << rewritten;
}
inline void expectSameValues(const Block &before, const Block &after, const Tensors &tensors, int64_t lanes = 1) {
  expectSameValues(before, tensors, [&](const Tensors &given) { return evaluate(after, given, lanes); }, str(after));
}

} // namespace tw::test

#endif // TW_TESTS_UNIT_TENSORIZE_REWRITE_REWRITING_H
