// SPDX-License-Identifier: Apache-2.0
#include "Rewriting.h"

using namespace tw::tensorize;
using namespace tw::test;

TEST(PairColumnsTest, PairsOfColumnsGiveTheSameValues) {
  std::mt19937 random(2);
  int paired = 0;
  for (int trial = 0; trial != 200; ++trial) {
    const ConvShape s = randomShape(random, 10, 4);
    Block block = conv2d(s);
    if (trial % 3 == 0)
      addResidual(block, 5);
    randomiseConstants(block, random);
    std::optional<Block> pairs = pairColumns(block, 16);
    EXPECT_EQ(pairs.has_value(), s.kw > 2 && s.c <= 8 && s.dilation == 1) << str(block);
    if (!pairs)
      continue;
    ++paired;
    EXPECT_EQ(pairs->loops[5].extent, (s.kw + 1) / 2);
    EXPECT_EQ(pairs->loops.back().extent, 2);
    expectSameValues(block, *pairs, randomTensors(block, random));
  }
  EXPECT_GT(paired, 30);
}

TEST(PairColumnsTest, ANarrowKernelAndFullLanesStayAsTheyAre) {
  EXPECT_FALSE(pairColumns(conv2d({1, 8, 8, 4, 4, 3, 2}), 16));
  EXPECT_FALSE(pairColumns(conv2d({1, 8, 8, 9, 4, 3, 3}), 16));
  EXPECT_TRUE(pairColumns(conv2d({1, 8, 8, 8, 4, 3, 3}), 16));
  EXPECT_FALSE(pairColumns(maxPool({1, 8, 8, 4, 4, 3, 3}), 16));
}

// A weight of zero behind the last column changes a sum of products and nothing else.
TEST(PairColumnsTest, OnlySumsOfProductsArePaired) {
  Block block = conv2d({1, 8, 8, 4, 4, 3, 3});
  block.body = {{"ew_max",
                 {operandArg(0), numberArg(0), numberArg(1), operandArg(1), numberArg(0), numberArg(1), numberArg(0),
                  numberArg(0)}},
                {"max_i8", {runningArg(), slotArg(0)}}};
  EXPECT_FALSE(pairColumns(block, 16));
}
