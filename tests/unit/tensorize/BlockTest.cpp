// SPDX-License-Identifier: Apache-2.0
#include "Blocks.h"

#include <gtest/gtest.h>

using namespace tw::tensorize;
using namespace tw::test;

namespace {

// Two groups of two channels to three each: x[.., 2g + c], y[.., 3g + o].
Block grouped() {
  Block block = conv2d({1, 4, 4, 2, 3, 1, 1, 1, 1, 0});
  block.loops.push_back({"g", 2});
  const int g = 7;
  block.operands[0].shape[3] = 4;
  block.operands[0].index[3] = {{{g, 2}, {6, 1}}, 0};
  block.operands[4].shape[3] = 6;
  block.operands[4].index[3] = {{{g, 3}, {3, 1}}, 0};
  for (int o : {1, 2, 3}) {
    Operand &constant = block.operands[o];
    constant.shape.insert(constant.shape.begin(), 2);
    constant.index.insert(constant.index.begin(), at(g));
    constant.constant = constantBytes(int64_t(constant.constant->size()) * 2);
  }
  return block;
}

} // namespace

TEST(BlockTest, GroupsBecomeOneReductionWithZerosBetweenThem) {
  Block block = grouped();
  std::optional<Block> dense = densifyGroups(block);
  ASSERT_TRUE(dense);
  EXPECT_EQ(dense->loops[3].extent, 6);
  EXPECT_EQ(dense->loops[6].extent, 4);
  EXPECT_EQ(dense->loops[7].extent, 1);
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

TEST(BlockTest, ABlockWithoutGroupsStaysAsItIs) { EXPECT_FALSE(densifyGroups(conv2d({}))); }

TEST(BlockTest, ATableBehindAConvolutionIsCutOffWhereAnInt8GoesOn) {
  Block block = conv2d({});
  Operand table{"table", tw::isa::Elem::I8, false, -1, {256}, {Index{}}, Outside::Never, 0, constantBytes(256)};
  block.operands.insert(block.operands.begin() + 4, table);
  block.finish.push_back({"lut_i8", {operandArg(4), slotArg(3)}});
  EXPECT_EQ(cutsOf(block), (std::vector<int>{3, 2}));
  auto parts = splitAfter(block, 3, 77);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->first.finish.size(), 2u);
  EXPECT_EQ(parts->first.operands.back().tensor, 77);
  EXPECT_TRUE(parts->first.operands.back().isWritten);
  ASSERT_EQ(parts->second.body.size(), 1u);
  EXPECT_EQ(parts->second.body[0].primitive, "lut_i8");
  EXPECT_EQ(parts->second.operands[0].tensor, 77);
  EXPECT_EQ(parts->second.loops.size(), 4u);
}

TEST(BlockTest, AResidualIsReadByTheSecondPart) {
  Block block = conv2d({});
  Operand residual = block.operands[4];
  residual.name = "residual", residual.isWritten = false, residual.tensor = 5;
  block.operands.insert(block.operands.begin() + 4, residual);
  block.finish.push_back({"ew_add",
                          {slotArg(3), numberArg(0), numberArg(3), operandArg(4), numberArg(0), numberArg(5),
                           numberArg(2), numberArg(0)}});
  auto parts = splitAfter(block, 3, 77);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->second.operands.size(), 3u);
  EXPECT_EQ(parts->second.operands[1].tensor, 5);
  EXPECT_EQ(parts->second.operands[1].index, parts->second.operands[2].index);
  EXPECT_EQ(cutsOf(parts->second), std::vector<int>{});
}
