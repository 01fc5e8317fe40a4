// SPDX-License-Identifier: Apache-2.0
#include "Rewriting.h"

using namespace tw::tensorize;
using namespace tw::test;

TEST(DiagonaliseTest, WeightsOnADiagonalGiveTheSameValues) {
  std::mt19937 random(4);
  for (int trial = 0; trial != 200; ++trial) {
    ConvShape s = randomShape(random, 1, 1);
    s.c = s.oc = trial % 2 ? between(random, 1, 8) : 4 * between(random, 1, 4);
    Block block = depthwise(s);
    if (trial % 3 == 0)
      addResidual(block, 5);
    randomiseConstants(block, random);
    std::optional<Block> diagonal = diagonalise(block, 4);
    ASSERT_TRUE(diagonal) << str(block);
    EXPECT_EQ(diagonal->loops.back().extent, std::min<int64_t>(s.c, 4));
    EXPECT_TRUE(diagonal->loops.back().isReduction);
    expectSameValues(block, *diagonal, randomTensors(block, random), 4);
  }
}

TEST(DiagonaliseTest, AWholeConvolutionAndAMaximumHaveNoDiagonal) {
  EXPECT_FALSE(diagonalise(conv2d({1, 8, 8, 16, 16}), 16));
  EXPECT_FALSE(diagonalise(maxPool({}), 16));
  EXPECT_FALSE(diagonalise(addition({2, 3, 16}), 16));
}
