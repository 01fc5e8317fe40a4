// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Footprints.h"
#include "Configs.h"
#include "tw/isa/Encoder.h"
#include "tw/isa/RandomProgram.h"
#include "tw/isa/SemanticEval.h"
#include <gtest/gtest.h>
#include <set>

using namespace tw::isa;

namespace {

using Runs = std::vector<Run>;

Runs runsOf(Opcode opcode, std::initializer_list<FieldValue> fields, int access) {
  tw::Result<Line> line = encode(opcode, fields);
  EXPECT_TRUE(line) << line.diag().str();
  return touchedBy(*line, tw16())[access].runs;
}

TEST(FootprintsTest, GapsBetweenStridesStayFree) {
  std::initializer_list<FieldValue> fields = {{"n0", 2},   {"n1", 3},   {"n2", 1},  {"n3", 1},
                                              {"spm", 64}, {"ss1", 64}, {"ds1", 32}};
  EXPECT_EQ(runsOf(Opcode::Ld, fields, 1), (Runs{{64, 96}, {128, 160}, {192, 224}}));
  EXPECT_EQ(runsOf(Opcode::Ld, fields, 0), (Runs{{0, 96}}));
}

TEST(FootprintsTest, RepeatedRowsCountOnce) {
  EXPECT_EQ(runsOf(Opcode::Ld, {{"n0", 2}, {"n1", 60000}, {"n2", 60000}, {"n3", 60000}}, 0), (Runs{{0, 32}}));
}

TEST(FootprintsTest, RowsAndBanksAreTheirOwnUnits) {
  std::initializer_list<FieldValue> fields = {{"acc", 5}, {"oc_n", 2}, {"oh_n", 3}, {"ow_n", 4}, {"param", 10}};
  EXPECT_EQ(runsOf(Opcode::Drq, fields, 0), (Runs{{5, 29}}));
  EXPECT_EQ(runsOf(Opcode::Drq, fields, 1), (Runs{{10, 11}}));
  EXPECT_EQ(runsOf(Opcode::Drq, fields, 2), (Runs{{11, 14}}));
  EXPECT_EQ(runsOf(Opcode::Drq, fields, 3), (Runs{{12, 15}}));
  EXPECT_EQ(runsOf(Opcode::Ldt, {{"dst", 2}, {"count", 3}}, 1), (Runs{{2, 5}}));
  EXPECT_EQ(runsOf(Opcode::Ldt, {{"dst", 2}, {"count", 3}}, 0), (Runs{{0, 768}}));
}

TEST(FootprintsTest, SumsAreFourRows) {
  std::initializer_list<FieldValue> fields = {{"n0", 3}, {"n1", 1}, {"n2", 2}, {"a_s0", 16}, {"y", 512}, {"y_s2", 128}};
  EXPECT_EQ(runsOf(Opcode::Redsum, fields, 2), (Runs{{512, 576}, {640, 704}}));
  EXPECT_EQ(runsOf(Opcode::Redmax, fields, 2), (Runs{{512, 528}, {640, 656}}));
}

TEST(FootprintsTest, OnlyPointsThatReadWhatTheyWriteWorkInPlace) {
  auto overlaps = [](Opcode opcode, std::initializer_list<FieldValue> fields) {
    tw::Result<Line> line = encode(opcode, fields);
    EXPECT_TRUE(line) << line.diag().str();
    return overlapsItself(*line, tw16());
  };
  EXPECT_FALSE(overlaps(Opcode::Ewadd, {{"n0", 3}, {"n1", 1}, {"n2", 1}, {"a_s0", 16}, {"b", 512}, {"y_s0", 16}}));
  EXPECT_TRUE(overlaps(Opcode::Ewadd, {{"n0", 3}, {"n1", 1}, {"n2", 1}, {"a_s0", 16}, {"b", 512}, {"y_s0", 32}}));
  EXPECT_FALSE(overlaps(Opcode::Normrcp, {{"n0", 3}, {"n1", 1}, {"a_s0", 64}, {"y_s0", 64}}));
  EXPECT_TRUE(overlaps(Opcode::Normrcp, {{"n0", 3}, {"n1", 1}, {"a_s0", 64}, {"y", 16}, {"y_s0", 64}}));
  EXPECT_TRUE(overlaps(Opcode::Movet, {{"n1", 1}, {"n2", 1}, {"a_s0", 16}, {"y_s0", 16}}));
}

// What an instruction writes is inside its runs, and what lies outside the runs that it reads does not matter.
TEST(FootprintsTest, RunsHoldWhatAnInstructionTouches) {
  HwConfig config = tw16();
  int checked = 0;
  for (uint64_t seed = 0; seed != 12; ++seed) {
    TestProgram test = randomProgram(config, {.seed = seed, .instructions = 25, .workPerLine = 60});
    std::vector<std::vector<uint8_t>> dram(kRegions);
    Memories memories(config, 0);
    for (int i = 0; i != kRegions; ++i)
      dram[i].resize(test.regions[i].limit);
    for (const RegionData &data : test.data)
      std::copy(data.bytes.begin(), data.bytes.end(), dram[data.region].begin() + std::ptrdiff_t(data.offset));
    for (const Line &line : test.program.lines) {
      Memories other = memories;
      std::vector<std::vector<uint8_t>> otherDram = dram;
      std::vector<bool> readSpm(config.spmBytes), writtenSpm(config.spmBytes);
      for (const Touched &t : touchedBy(line, config))
        if (t.space == Space::SPM)
          for (const auto &run : t.runs)
            for (uint64_t i = run.begin; i != run.end; ++i)
              (t.isWrite ? writtenSpm : readSpm)[i] = true;
      for (size_t i = 0; i != other.spm.size(); ++i)
        if (!readSpm[i])
          other.spm[i] ^= 0x55;
      std::vector<uint8_t> before = other.spm;
      for (int i = 0; i != kRegions; ++i) {
        memories.regions[i] = dram[i];
        other.regions[i] = otherDram[i];
      }
      ASSERT_EQ(evaluate(line, config, memories).fault, FaultCode::None);
      ASSERT_EQ(evaluate(line, config, other).fault, FaultCode::None);
      for (size_t i = 0; i != other.spm.size(); ++i) {
        if (writtenSpm[i])
          ASSERT_EQ(other.spm[i], memories.spm[i]) << name(line.row()->opcode) << " " << i;
        else
          ASSERT_EQ(other.spm[i], before[i]) << name(line.row()->opcode) << " " << i;
      }
      ASSERT_EQ(memories.acc, other.acc);
      ASSERT_EQ(dram, otherDram);
      ++checked;
    }
  }
  EXPECT_GT(checked, 300);
}

} // namespace
