// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Target.h"

#include "tw/isa/ConfigReader.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace tw;
using namespace tw::tensorize;

namespace {

const Target &tw16() {
  static const Target target = makeTwTarget(*isa::loadConfig("tw16"));
  return target;
}
const Memory &memory(isa::Space space) { return tw16().memories[size_t(space)]; }

} // namespace

// tw16: 256 KiB of scratchpad, 1,024 rows of sixteen sums in two halves, 256 rows of parameters.
TEST(TwTest, MemoriesHaveTheSizesOfTheMachineInTheirOwnSteps) {
  EXPECT_EQ(tw16().lanes, 16);
  EXPECT_EQ(memory(isa::Space::SPM).granules * memory(isa::Space::SPM).granuleBytes, 262144u);
  EXPECT_EQ(memory(isa::Space::SPM).granuleBytes, 1u);
  EXPECT_EQ(memory(isa::Space::SPM).groups, 4);
  EXPECT_EQ(memory(isa::Space::ACC).granules, 1024u);
  EXPECT_EQ(memory(isa::Space::ACC).granuleBytes, 16u * 4);
  EXPECT_EQ(memory(isa::Space::ACC).halves, 2);
  EXPECT_EQ(memory(isa::Space::PARAM).granules, 256u);
  EXPECT_EQ(memory(isa::Space::PARAM).granuleBytes, 16u * 4);
  EXPECT_EQ(memory(isa::Space::LUT).granuleBytes, 256u);
  EXPECT_EQ(std::ranges::count_if(tw16().memories, &Memory::isExternal), 1);
  EXPECT_TRUE(memory(isa::Space::DRAM).isExternal);
}

TEST(TwTest, TheCostOfAnInstructionIsItsClosedForm) {
  const isa::Instruction &row = isa::instruction(isa::Opcode::Ld);
  Instruction load{&row, std::vector<int64_t>(row.fields.size(), 0)};
  auto cyclesOf = [&](int64_t rows) {
    for (size_t f = 0; f != row.fields.size(); ++f)
      load.values[f] = std::max<int64_t>(row.fields[f].min, 0);
    load.values[size_t(isa::findField(row, "n0"))] = rows;
    return tw16().cycles(load);
  };
  // A row of sixteen bytes is one beat of the memory's sixteen.
  EXPECT_EQ(cyclesOf(100) - cyclesOf(50), 50u);
  EXPECT_EQ(tw16().externalBytesPerCycle, 16);
}
