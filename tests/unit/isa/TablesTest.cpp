// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Tables.h"
#include <gtest/gtest.h>

using namespace tw::isa;

namespace {

TEST(TablesTest, OpcodesLeadToTheirRows) {
  for (const Instruction &row : kInstructions)
    EXPECT_EQ(findInstruction(unsigned(row.opcode)), &row);
  EXPECT_EQ(findInstruction(0), nullptr);
  EXPECT_EQ(findInstruction(255), nullptr);
  EXPECT_EQ(findInstruction(256), nullptr);
  EXPECT_EQ(name(Opcode::Conv), "conv");
}

TEST(TablesTest, CountersBeginWithCyclesAndTheStatesOfEveryEngine) {
  EXPECT_EQ(unsigned(CounterId::Cycles), 0u);
  EXPECT_EQ(name(CounterId::StateLaBusy), "state_la_busy");
  EXPECT_EQ(unsigned(CounterId::StateLaBusy), 1u);
  EXPECT_EQ(unsigned(CounterId::StateStWaitWrite), 36u);
  EXPECT_EQ(unsigned(CounterId::Lines), 37u);
}

TEST(TablesTest, EveryOperandEndsItsFootprintInOrder) {
  for (const Instruction &row : kInstructions) {
    if (!row.semantics)
      continue;
    size_t ends = 0;
    for (const FootprintStep &step : row.footprint)
      if (step.op == StepOp::End)
        EXPECT_EQ(step.access, ends++) << row.mnemonic;
    EXPECT_EQ(ends, row.semantics->accesses.size()) << row.mnemonic;
  }
  EXPECT_EQ(footprintSteps(Opcode::Conv), 17);
  EXPECT_EQ(footprintSteps(Opcode::End), 0);
}

TEST(TablesTest, RunningValuesAndResultsShareOneSlot) {
  const Semantics &conv = *instruction(Opcode::Conv).semantics;
  const Node &sum = conv.body.back();
  EXPECT_EQ(sum.args[0].kind, Arg::Slot);
  EXPECT_EQ(sum.args[0].index, sum.slot);
  EXPECT_EQ(conv.accesses[sum.storedAccess].name, "sum");
  EXPECT_EQ(conv.init, Init::Acc);
}

} // namespace
