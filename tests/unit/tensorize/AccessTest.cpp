// SPDX-License-Identifier: Apache-2.0
#include "PairMachine.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

bool isRefused(const Block &block, const std::string &kind, const std::string &text) {
  std::vector<Rejection> why;
  pair::match(block, &why);
  return std::ranges::any_of(why, [&](const Rejection &r) {
    return r.place == "mac+drain" && r.kind == kind && r.text.find(text) != std::string::npos;
  });
}

std::vector<int64_t> extentsOf(const Block &block) {
  std::vector<int64_t> extents;
  for (const Loop &loop : block.loops)
    extents.push_back(loop.extent);
  return extents;
}

} // namespace

TEST(AccessTest, ATensorLiesInRowsOfLanes) {
  EXPECT_EQ(physicalShape({6, 6}, 4), (std::vector<int64_t>{6, 2, 4}));
  EXPECT_EQ(physicalShape({5, 9}, 4, 4), (std::vector<int64_t>{5, 3, 16}));
  EXPECT_EQ(physicalShape({}, 4), (std::vector<int64_t>{1, 4}));
}

// Loops m, outputs, taps, channels; six channels are two blocks of lanes, the second half full.
TEST(AccessTest, LanesAreSplitOffAndEveryAccessSaysWhichDimensionItWalks) {
  const std::vector<Mapping> mappings = pair::match(pair::window(6, 6, 8, 3, 1, 1));
  ASSERT_EQ(mappings.size(), 2u);
  const Mapping &mapping = mappings[0];
  EXPECT_EQ(extentsOf(mapping.block), (std::vector<int64_t>{6, 2, 3, 2, 4, 4})); // and lanes of channels, of outputs
  EXPECT_EQ(mapping.loopTo, (std::vector<int>{0, -1, 1, 2, 3, 4}));
  EXPECT_EQ(mapping.isPhysical, (std::vector<bool>{true, false, false, false, true}));
  const Operand &x = mapping.block.operands[0], &w = mapping.block.operands[1], &y = mapping.block.operands[4];
  EXPECT_EQ(x.shape, (std::vector<int64_t>{6, 2, 4}));
  EXPECT_EQ(x.index, (std::vector<Index>{{{{0, 1}, {2, 1}}, -1}, at(3), at(4)}));
  EXPECT_EQ(y.shape, (std::vector<int64_t>{6, 2, 4}));
  EXPECT_EQ(y.index, (std::vector<Index>{at(0), at(1), at(5)}));
  EXPECT_EQ(w.shape, (std::vector<int64_t>{8, 3, 6})); // packed when the program is made: as it was
  EXPECT_EQ(w.index, (std::vector<Index>{{{{1, 4}, {5, 1}}, 0}, at(2), {{{3, 4}, {4, 1}}, 0}}));
  EXPECT_EQ(mapping.dimOf[0], (std::vector<int>{0, 1}));
  EXPECT_EQ(mapping.dimOf[5], std::vector<int>{0});
  EXPECT_EQ(mapping.fixedFields, (std::map<std::pair<int, int>, int64_t>{
                                     {{0, pair::kStep}, 1}, {{1, pair::kLow}, -4}, {{1, pair::kHigh}, 100}}));
  // Fewest steps outside first: the other runs each row by itself.
  EXPECT_EQ(mappings[1].loopTo, (std::vector<int>{-1, -1, 1, 2, 3, 4}));
}

TEST(AccessTest, WhatLiesBehindTheLastChannelIsPadding) {
  const Mapping mapping = pair::match(pair::window(6, 6, 8, 3, 1, 1)).front();
  // m outputs taps channels lane-of-channels lane-of-outputs
  EXPECT_FALSE(isPadding(mapping, {0, 1, 0, 1, 1, 3}, 4)); // channel 5
  EXPECT_TRUE(isPadding(mapping, {0, 1, 0, 1, 2, 3}, 4));  // channel 6
}

TEST(AccessTest, AStrideIsAFieldAndOneThatItCannotHoldStaysOutside) {
  EXPECT_EQ(pair::match(pair::window(9, 8, 8, 3, 3, 1)).front().fixedFields.at({0, pair::kStep}), 3);
  const Block wide = pair::window(9, 8, 8, 3, 4, 1);
  EXPECT_TRUE(isRefused(wide, "descriptor", "step = 4 is outside 1..3"));
  const std::vector<Mapping> mappings = pair::match(wide);
  ASSERT_EQ(mappings.size(), 1u);
  EXPECT_EQ(mappings[0].loopTo[0], -1);
}

TEST(AccessTest, AReductionThatItsFieldCannotHoldIsRefused) {
  EXPECT_TRUE(pair::match(pair::window(9, 8, 8, 8, 1, 0)).empty());
  EXPECT_TRUE(isRefused(pair::window(9, 8, 8, 8, 1, 0), "extent", "loop tap has 8 steps, t_n takes 7"));
  EXPECT_FALSE(pair::match(pair::window(9, 8, 8, 7, 1, 0)).empty());
}

TEST(AccessTest, LoopsThatEveryOperandWalksAsOneAreOne) {
  // Rows of a picture of 4 x 5, each by itself.
  Block block = pair::window(20, 8, 8, 1, 1, 0);
  block.loops[0] = {"h", 4};
  block.loops.push_back({"w", 5});
  for (size_t o : {0u, 4u}) {
    Operand &operand = block.operands[o];
    operand.shape = {4, 5, 8};
    operand.index = {at(0), at(4), operand.index[1]};
  }
  const std::vector<Mapping> mappings = pair::match(block);
  ASSERT_FALSE(mappings.empty());
  EXPECT_EQ(mappings[0].block.loops[0].extent, 20);
  EXPECT_EQ(mappings[0].block.loops[0].name, "h*w");
  EXPECT_EQ(mappings[0].block.operands[0].shape, (std::vector<int64_t>{20, 2, 4}));
  // The first five of nine columns of x, or every second one: the two are no one walk.
  block.operands[0].shape[1] = 9;
  EXPECT_EQ(pair::match(block).front().block.loops[0].extent, 4);
  block.operands[0].index[1] = at(4, 2);
  EXPECT_EQ(pair::match(block).front().block.loops[0].extent, 4);
}

TEST(AccessTest, WhatMustLieInLanesIsTheLastDimension) {
  Block block = pair::window(6, 8, 8, 3, 1, 1);
  std::swap(block.operands[4].shape[0], block.operands[4].shape[1]);
  std::swap(block.operands[4].index[0], block.operands[4].index[1]);
  EXPECT_TRUE(pair::match(block).empty());
  EXPECT_TRUE(isRefused(block, "layout", "operand y: loop oc must lie in lanes, but it is not the last dimension"));
}

TEST(AccessTest, ATensorThatBeginsInTheMiddleOfARowIsRefused) {
  Block block = pair::window(6, 8, 8, 3, 1, 1);
  block.operands[0].shape[1] = 12;
  block.operands[0].index[1].constant = 2;
  EXPECT_TRUE(pair::match(block).empty());
  EXPECT_TRUE(isRefused(block, "alignment", "it begins at element 2 of its last dimension, rows have 4"));
  block.operands[0].index[1].constant = 4;
  ASSERT_FALSE(pair::match(block).empty());
  EXPECT_EQ(pair::match(block).front().block.operands[0].index[1], at(3, 1, 1));
}

TEST(AccessTest, PaddingThatTheInstructionDoesNotHaveIsRefused) {
  Block block = pair::window(6, 8, 8, 3, 1, 1);
  block.operands[0].outside = Outside::Skip;
  EXPECT_TRUE(pair::match(block).empty());
  EXPECT_TRUE(isRefused(block, "body", "elements outside are skipped, the instruction reads a value for them"));
}

TEST(AccessTest, AParameterThatIsComputedIsRefused) {
  Block block = pair::window(6, 8, 8, 3, 1, 1);
  block.operands[2].constant = nullptr;
  EXPECT_TRUE(pair::match(block).empty());
}

TEST(AccessTest, ASumThatOnlyWeightsKnowStaysOutsideAndIsAddedUp) {
  Block block = inTwoParts(pair::window(6, 8, 8, 3, 1, 1));
  const std::vector<Mapping> mappings = pair::match(block);
  ASSERT_FALSE(mappings.empty());
  EXPECT_EQ(mappings[0].loopTo[4], -1);
  // Not by instructions that always begin anew.
  Chain anew = pair::chain();
  anew.accumulate = {};
  std::vector<Rejection> why;
  EXPECT_TRUE(matchChain(block, anew, pair::target(), why).empty());
  // Not where the tensor is read along it, too: the instruction would have to run it.
  block.operands[0].shape.insert(block.operands[0].shape.begin(), 2);
  block.operands[0].index.insert(block.operands[0].index.begin(), at(4));
  for (const Mapping &mapping : pair::match(block))
    EXPECT_NE(mapping.loopTo[4], -1);
}
