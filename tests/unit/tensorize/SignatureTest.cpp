// SPDX-License-Identifier: Apache-2.0
#include "PairMachine.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

enum BlockLoop { kM, kOutput, kTap, kChannel };
enum ChainLoops { kChainM, kChainTap, kChainK, kChainIn, kChainLane };

void expectUse(const LoopUse &use, Use kind, int64_t coefficient, std::vector<int> partners) {
  EXPECT_EQ(use.use, kind);
  EXPECT_EQ(use.coefficient, coefficient);
  EXPECT_EQ(use.partners, partners);
}

Binding asWritten() { return {{0, 1, -1, 2, 3, 4}, std::vector<std::optional<int64_t>>(6), {}}; }

bool fits(const Block &block, int loop, int chainLoop) {
  return areCompatible(block, loop, pair::chain(), chainLoop, asWritten());
}

} // namespace

TEST(SignatureTest, AWindowIsMovedByTwoLoopsOfMoreThanOneStep) {
  const Block block = pair::window(7, 8, 8, 3, 2, 1);
  const Operand &x = block.operands[0];
  expectUse(useOf(x, kM, block.loops), Use::Windowed, 2, {kTap});
  expectUse(useOf(x, kTap, block.loops), Use::Windowed, 1, {kM});
  expectUse(useOf(x, kChannel, block.loops), Use::Direct, 1, {});
  expectUse(useOf(x, kOutput, block.loops), Use::Absent, 0, {});
  const Block pointwise = pair::window(7, 8, 8, 1, 2, 0);
  expectUse(useOf(pointwise.operands[0], kM, pointwise.loops), Use::Direct, 2, {});
}

TEST(SignatureTest, AnInstructionUsesALoopByDimensionsByPackedRowsOrByLanes) {
  const Chain chain = pair::chain();
  const ChainAccess &x = chain.accesses[0], &w = chain.accesses[1];
  EXPECT_EQ(useOf(x, kChainM).use, Use::Windowed);
  EXPECT_EQ(useOf(x, kChainM).partners, std::vector<int>{kChainTap});
  EXPECT_EQ(useOf(x, kChainK).use, Use::Direct);
  EXPECT_EQ(useOf(x, kChainIn).use, Use::Direct);
  EXPECT_EQ(useOf(x, kChainLane).use, Use::Absent);
  EXPECT_EQ(useOf(w, kChainTap).use, Use::Direct);
  EXPECT_EQ(useOf(w, kChainLane).use, Use::Direct);
  EXPECT_EQ(useOf(w, kChainM).use, Use::Absent);
}

// By hand: a loop fits where every operand is moved by both, or by neither.
TEST(SignatureTest, ALoopMayRunAsThoseThatMoveTheSameOperands) {
  const Block block = pair::window(6, 8, 8, 3, 1, 1);
  const bool expected[4][5] = {
      {true, false, false, false, false}, // m: as m
      {false, false, false, false, true}, // outputs: as lanes; as m the weights would have to move
      {false, true, true, true, false},   // taps and channels: as any reduction
      {false, true, true, true, false},
  };
  for (int loop = 0; loop != 4; ++loop)
    for (int chainLoop = 0; chainLoop != 5; ++chainLoop)
      EXPECT_EQ(fits(block, loop, chainLoop), expected[loop][chainLoop]) << loop << " as " << chainLoop;
}

TEST(SignatureTest, RowsThatALoopDoesNotMoveAreRepeatedWhereAStrideCanBeZero) {
  // Two results of one input: y is moved by m, x is not. Its rows have a stride, so the same row comes again.
  Block block = pair::window(6, 8, 8, 3, 1, 0);
  block.operands[0].index[0] = at(kTap);
  EXPECT_TRUE(fits(block, kM, kChainM));
  // Steps along kb go by whole rows whatever the fields say.
  block = pair::window(6, 8, 8, 3, 1, 0);
  block.operands[0].index[1] = {};
  EXPECT_FALSE(fits(block, kChannel, kChainK));
}

TEST(SignatureTest, ConstantsAreRepeatedWhenTheyArePackedAndTensorsAreNot) {
  Block block = pair::window(6, 8, 8, 3, 1, 1);
  block.operands[1].index[2] = {};
  EXPECT_TRUE(fits(block, kChannel, kChainK));
  block.operands[1].constant = nullptr;
  EXPECT_FALSE(fits(block, kChannel, kChainK));
}
