// SPDX-License-Identifier: Apache-2.0
#include "Rewriting.h"

using namespace tw::tensorize;
using namespace tw::test;

namespace {

constexpr int kBetween = 77;

// A table behind the last operation.
void addTable(Block &block) {
  Operand table{"table", tw::isa::Elem::I8, false, -1, {256}, {Index{}}, Outside::Never, 0, constantBytes(256)};
  const int slot = block.resultSlot(), at = int(block.operands.size()) - 1;
  block.operands.insert(block.operands.end() - 1, table);
  block.finish.push_back({"lut_i8", {operandArg(at), slotArg(slot)}});
}

} // namespace

TEST(SplitAfterTest, BothPartsOneAfterTheOtherGiveTheSameValues) {
  std::mt19937 random(8);
  int cut = 0;
  for (int trial = 0; trial != 100; ++trial) {
    Block block = trial % 5 == 0 ? depthwise(randomShape(random, 4, 4)) : conv2d(randomShape(random, 4, 4));
    if (trial % 2)
      addResidual(block, 5);
    if (trial % 3)
      addTable(block);
    randomiseConstants(block, random);
    const Tensors tensors = randomTensors(block, random);
    for (int slot : cutsOf(block)) {
      auto parts = splitAfter(block, slot, kBetween);
      ASSERT_TRUE(parts) << str(block);
      ++cut;
      EXPECT_EQ(parts->first.operands.back().tensor, kBetween);
      EXPECT_TRUE(parts->first.operands.back().isWritten);
      EXPECT_EQ(parts->second.operands[0].tensor, kBetween);
      auto oneAfterTheOther = [&](Tensors both) {
        both[kBetween] = evaluate(parts->first, both);
        return evaluate(parts->second, both);
      };
      expectSameValues(block, tensors, oneAfterTheOther, str(parts->first) + str(parts->second));
    }
  }
  EXPECT_GT(cut, 100);
}

TEST(SplitAfterTest, ABlockIsCutWhereAnInt8GoesOnAlone) {
  Block block = conv2d({});
  addTable(block);
  EXPECT_EQ(cutsOf(block), (std::vector<int>{3, 2}));
  EXPECT_EQ(cutsOf(conv2d({})), std::vector<int>{2});
  EXPECT_EQ(cutsOf(addition({2, 3})), std::vector<int>{});
}

TEST(SplitAfterTest, AResidualIsReadByTheSecondPart) {
  Block block = conv2d({});
  addResidual(block, 5);
  auto parts = splitAfter(block, 3, kBetween);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->second.operands.size(), 3u);
  EXPECT_EQ(parts->second.operands[1].tensor, 5);
  EXPECT_EQ(parts->second.operands[1].index, parts->second.operands[2].index);
  EXPECT_EQ(cutsOf(parts->second), std::vector<int>{});
}

// The image's own loops end with the first part.
TEST(SplitAfterTest, AnOperandThatOnlyTheReductionReachesForbidsTheCut) {
  Block block = conv2d({});
  addResidual(block, 5);
  block.operands[4].index[3] = at(6);
  EXPECT_FALSE(splitAfter(block, 3, kBetween));
}
