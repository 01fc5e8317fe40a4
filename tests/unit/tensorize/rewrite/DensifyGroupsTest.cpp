// SPDX-License-Identifier: Apache-2.0
#include "Rewriting.h"

using namespace tw::tensorize;
using namespace tw::test;

namespace {

// Groups of s.c channels to s.oc each: x[.., g * C + c], y[.., g * P + o]; constants by group first.
Block grouped(const ConvShape &s, int64_t groups) {
  Block block = conv2d(s);
  const int g = int(block.loops.size());
  block.loops.push_back({"g", groups});
  block.operands[0].shape[3] = groups * s.c;
  block.operands[0].index[3] = {{{g, s.c}, {6, 1}}, 0};
  block.operands[4].shape[3] = groups * s.oc;
  block.operands[4].index[3] = {{{g, s.oc}, {3, 1}}, 0};
  for (int o : {1, 2, 3}) {
    Operand &constant = block.operands[o];
    constant.shape.insert(constant.shape.begin(), groups);
    constant.index.insert(constant.index.begin(), at(g));
    constant.constant = constantBytes(int64_t(constant.constant->size()) * groups);
  }
  return block;
}

} // namespace

TEST(DensifyGroupsTest, OneReductionOverAllChannelsGivesTheSameValues) {
  std::mt19937 random(3);
  for (int trial = 0; trial != 100; ++trial) {
    Block block = grouped(randomShape(random, 3, 3), between(random, 1, 4));
    if (trial % 3 == 0)
      addResidual(block, 5);
    randomiseConstants(block, random);
    std::optional<Block> dense = densifyGroups(block);
    ASSERT_TRUE(dense) << str(block);
    EXPECT_EQ(dense->loops[7].extent, 1);
    expectSameValues(block, *dense, randomTensors(block, random));
  }
}

TEST(DensifyGroupsTest, ZerosStandBetweenGroups) {
  Block block = grouped({1, 4, 4, 2, 3, 1, 1, 1, 1, 0}, 2);
  std::optional<Block> dense = densifyGroups(block);
  ASSERT_TRUE(dense);
  EXPECT_EQ(dense->loops[3].extent, 6);
  EXPECT_EQ(dense->loops[6].extent, 4);
  EXPECT_EQ(dense->operands[0].index[3], at(6));
  EXPECT_EQ(dense->operands[4].index[3], at(3));
  const Operand &w = dense->operands[1];
  ASSERT_EQ(w.shape, (std::vector<int64_t>{6, 1, 1, 4}));
  for (int64_t o = 0; o != 6; ++o)
    for (int64_t c = 0; c != 4; ++c) {
      const bool isInside = o / 3 == c / 2;
      EXPECT_EQ((*w.constant)[o * 4 + c], isInside ? (*block.operands[1].constant)[o * 2 + c % 2] : 0);
    }
  EXPECT_EQ(*dense->operands[2].constant, *block.operands[2].constant);
}

TEST(DensifyGroupsTest, ABlockWithoutGroupsStaysAsItIs) {
  EXPECT_FALSE(densifyGroups(conv2d({})));
  EXPECT_FALSE(densifyGroups(maxPool({})));
}
