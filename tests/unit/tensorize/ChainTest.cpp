// SPDX-License-Identifier: Apache-2.0
#include "PairMachine.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

std::vector<std::string> namesOf(const auto &list) {
  std::vector<std::string> names;
  for (const auto &one : list)
    names.push_back(one.name);
  return names;
}

void expectArg(const ChainArg &arg, ChainArg::Kind kind, int index, int link) {
  EXPECT_EQ(arg.kind, kind);
  EXPECT_EQ(arg.index, index);
  EXPECT_EQ(arg.link, link);
}

} // namespace

TEST(ChainTest, LoopsThatMeetAreOneLoopAndTellBothInstructionsHowLongItIs) {
  const Chain chain = pair::chain();
  EXPECT_EQ(chain.name, "mac+drain");
  ASSERT_EQ(namesOf(chain.loops), (std::vector<std::string>{"m", "tap", "kb", "ic", "lane"}));
  ASSERT_EQ(chain.loops[0].extents.size(), 2u);
  EXPECT_EQ(chain.loops[0].extents[0].field, (FieldId{0, pair::kMacM}));
  EXPECT_EQ(chain.loops[0].extents[1].field, (FieldId{1, pair::kDrainM}));
  for (int loop : {0, 1, 2, 3, 4}) {
    EXPECT_EQ(chain.loops[size_t(loop)].isReduction, loop >= 1 && loop <= 3);
    EXPECT_EQ(chain.loops[size_t(loop)].isLanes, loop >= 3);
    EXPECT_FALSE(chain.loops[size_t(loop)].isUnit);
  }
}

TEST(ChainTest, TheAccessesInWhichTwoInstructionsMeetCancel) {
  const Chain chain = pair::chain();
  EXPECT_EQ(namesOf(chain.accesses), (std::vector<std::string>{"x", "w", "head", "bias", "multiplier", "y"}));
  ASSERT_EQ(chain.meetings.size(), 1u);
  EXPECT_EQ(chain.meetings[0].space, pair::kSums);
  EXPECT_EQ(chain.meetings[0].producerBase, (FieldId{0, pair::kMacAcc}));
  EXPECT_EQ(chain.meetings[0].consumerBase, (FieldId{1, pair::kDrainAcc}));
  EXPECT_EQ(chain.meetings[0].loops, std::vector<int>{0});
  EXPECT_EQ(chain.accumulate, (FieldId{0, pair::kAccumulate}));
  EXPECT_EQ(chain.accesses[1].packed, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(chain.accesses[5].laneLoop, 4); // the lanes in which the sums were left
}

TEST(ChainTest, TheSecondBodyReadsWhatTheFirstMade) {
  const Chain chain = pair::chain();
  ASSERT_EQ(chain.body.size(), 2u);
  ASSERT_EQ(chain.finish.size(), 2u);
  expectArg(chain.body[0].args[0], ChainArg::Access, 0, 0);
  expectArg(chain.body[0].args[1], ChainArg::Access, 1, 0);
  EXPECT_EQ(chain.body[1].args[0].kind, ChainArg::Running);
  expectArg(chain.body[1].args[1], ChainArg::Slot, 0, 0);
  EXPECT_EQ(chain.finish[0].primitive, "requant_fp32");
  expectArg(chain.finish[0].args[0], ChainArg::Slot, 1, 1);
  expectArg(chain.finish[0].args[1], ChainArg::Access, 3, 1);
  expectArg(chain.finish[0].args[2], ChainArg::Access, 4, 1);
  expectArg(chain.finish[0].args[3], ChainArg::Word, 0, 1);
  expectArg(chain.finish[1].args[0], ChainArg::Slot, 2, 1);
  expectArg(chain.finish[1].args[2], ChainArg::Field, pair::kHigh, 1);
}

TEST(ChainTest, EachInstructionThatComputesIsAChainByItselfAndACopyIsNone) {
  const Target target = pair::target();
  const std::vector<Chain> chains = chainsOf(target);
  ASSERT_EQ(namesOf(chains), (std::vector<std::string>{"mac+drain", "mac", "drain"}));
  EXPECT_EQ(namesOf(chains[1].accesses), (std::vector<std::string>{"x", "w", "acc"}));
  EXPECT_TRUE(chains[1].meetings.empty());
  EXPECT_TRUE(chains[2].finish.empty());
  expectArg(chains[2].body[0].args[0], ChainArg::Access, 0, 0);
}

TEST(ChainTest, InstructionsThatMeetNowhereAreNoChain) {
  static constexpr std::array<isa::Opcode, 2> kBackwards{{isa::Opcode(2), isa::Opcode(1)}};
  static constexpr std::array<isa::Intrinsic, 1> kRows{{{"drain+mac", kBackwards}}};
  Target target = pair::target();
  target.intrinsics = kRows;
  EXPECT_EQ(namesOf(chainsOf(target)), (std::vector<std::string>{"mac", "drain"}));
}

// Such a loop would run the first instruction's work again.
TEST(ChainTest, ALoopThatOnlyTheSecondHasIsOneStep) {
  static constexpr std::array<isa::Loop, 3> kLoops{
      {{"m", byField(pair::kDrainM), false}, {"again", byField(pair::kYRows), false}, {"lane", kByLanes, false}}};
  static constexpr std::array<isa::Access, 5> kAccesses = [] {
    std::array<isa::Access, 5> accesses = pair::kDrainAccesses;
    for (isa::Access &access : accesses)
      if (access.laneLoop == 1)
        access.laneLoop = 2;
    return accesses;
  }();
  static constexpr isa::Semantics kSemantics{kLoops, kAccesses, pair::kDrainBody, {}, isa::Init::None, 2};
  std::array<isa::Instruction, 5> rows = pair::kInstructions;
  rows[1].semantics = &kSemantics;
  Target target = pair::target();
  target.instructions = rows;
  const Chain chain = chainsOf(target).front();
  ASSERT_EQ(namesOf(chain.loops), (std::vector<std::string>{"m", "tap", "kb", "ic", "lane", "again"}));
  EXPECT_TRUE(chain.loops[5].isUnit);
}

TEST(ChainTest, ACopyThatFillsWhatIsNotThereMovesNothing) {
  const std::vector<Mover> movers = moversOf(pair::target());
  ASSERT_EQ(movers.size(), 2u);
  for (const Mover &mover : movers) {
    const bool isLoad = mover.row->mnemonic == "ld";
    EXPECT_EQ(mover.from, isLoad ? pair::kOuter : pair::kBuffer);
    EXPECT_EQ(mover.to, isLoad ? pair::kBuffer : pair::kOuter);
    EXPECT_EQ(mover.fromBase, isLoad ? pair::kOuterAt : pair::kBufferAt);
    EXPECT_EQ(mover.toBase, isLoad ? pair::kBufferAt : pair::kOuterAt);
    EXPECT_EQ(mover.region, pair::kRegion);
    EXPECT_EQ(mover.unitBytes, 4);
    ASSERT_EQ(mover.levels.size(), 2u);
    EXPECT_EQ(mover.levels[0].extentField, pair::kN0);
    EXPECT_EQ(mover.levels[0].fromStrideField, -1);
    EXPECT_EQ(mover.levels[0].toStrideField, -1);
    EXPECT_EQ(mover.levels[1].extentField, pair::kN1);
    EXPECT_EQ(mover.levels[1].fromStrideField, isLoad ? pair::kOuterStride : pair::kBufferStride);
    EXPECT_EQ(mover.levels[1].toStrideField, isLoad ? pair::kBufferStride : pair::kOuterStride);
  }
}
