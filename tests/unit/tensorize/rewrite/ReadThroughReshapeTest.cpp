// SPDX-License-Identifier: Apache-2.0
#include "Rewriting.h"

using namespace tw::tensorize;
using namespace tw::test;

TEST(ReadThroughReshapeTest, TheShapeInWhichATensorLiesGivesTheSameValues) {
  std::mt19937 random(5);
  for (int trial = 0; trial != 100; ++trial) {
    const std::vector<int64_t> inner{between(random, 1, 3), between(random, 1, 4), between(random, 2, 6)};
    const int64_t m = between(random, 1, 4), k = inner[0] * inner[1] * inner[2];
    Block block = gemm(m, k, between(random, 1, 5));
    randomiseConstants(block, random);
    std::optional<Block> through = readThroughReshape(block, 0, {m, inner[0], inner[1], inner[2]});
    ASSERT_TRUE(through) << str(block);
    EXPECT_EQ(through->operands[0].shape, (std::vector<int64_t>{m, inner[0], inner[1], inner[2]}));
    EXPECT_EQ(through->operands[0].index.back(), at(2));
    expectSameValues(block, *through, randomTensors(block, random));
  }
}

TEST(ReadThroughReshapeTest, OtherTensorsFollowTheLoopThatIsSplit) {
  std::mt19937 random(6);
  Block block = addition({3, 24});
  std::optional<Block> through = readThroughReshape(block, 1, {3, 2, 3, 4});
  ASSERT_TRUE(through);
  EXPECT_EQ(through->operands[0].shape, (std::vector<int64_t>{3, 24}));
  EXPECT_EQ(through->operands[1].shape, (std::vector<int64_t>{3, 2, 3, 4}));
  expectSameValues(block, *through, randomTensors(block, random));
}

TEST(ReadThroughReshapeTest, ATensorThatLiesAsItIsReadChangesNothing) {
  const Block block = gemm(3, 8, 5);
  for (int tensor : {0, 7}) {
    std::optional<Block> same = readThroughReshape(block, tensor, {3, 8});
    ASSERT_TRUE(same);
    EXPECT_EQ(str(*same), str(block));
  }
}

TEST(ReadThroughReshapeTest, ADimensionThatNoLoopWalksWholeCannotBeSplit) {
  EXPECT_FALSE(readThroughReshape(gemm(3, 8, 5), 0, {4, 6}));               // it is not a run of the last dimension
  EXPECT_FALSE(readThroughReshape(gemm(3, 8, 5), 0, {3, 2, 3}));            // it has other elements
  EXPECT_FALSE(readThroughReshape(conv2d({1, 8, 8, 4, 4}), 0, {1, 8, 32})); // it has fewer dimensions
  Block part = gemm(3, 8, 5);
  part.loops[2].extent = 7;
  EXPECT_FALSE(readThroughReshape(part, 0, {3, 2, 4}));
}
