// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/RandomProgram.h"
#include "Configs.h"
#include "tw/isa/Assembler.h"
#include "tw/isa/ConfigReader.h"
#include "tw/isa/ProgramChecker.h"
#include "tw/isa/SemanticEval.h"
#include "tw/isa/Synchronise.h"
#include "tw/support/Paths.h"
#include <filesystem>
#include <gtest/gtest.h>
#include <set>

using namespace tw::isa;

namespace {

std::string textOf(const std::vector<Finding> &findings) {
  std::string text;
  for (const Finding &finding : findings)
    text += finding.text + "\n";
  return text;
}

// Region contents after the program, executed in the order of the stream.
std::vector<std::vector<uint8_t>> run(const TestProgram &test, const HwConfig &config, uint8_t poison) {
  std::vector<std::vector<uint8_t>> dram(kRegions);
  Memories memories(config, poison);
  for (int i = 0; i != kRegions; ++i)
    dram[i].resize(test.regions[i].limit);
  for (const RegionData &data : test.data)
    std::copy(data.bytes.begin(), data.bytes.end(), dram[data.region].begin() + std::ptrdiff_t(data.offset));
  for (int i = 0; i != kRegions; ++i)
    memories.regions[i] = dram[i];
  for (const Line &line : test.program.lines)
    EXPECT_EQ(evaluate(line, config, memories).fault, FaultCode::None);
  return dram;
}

class RandomProgramTest : public testing::TestWithParam<std::string> {
protected:
  HwConfig config = *loadConfig(GetParam());
};

TEST_P(RandomProgramTest, ProgramsAreLegal) {
  std::set<unsigned> opcodes;
  for (uint64_t seed = 0; seed != 30; ++seed) {
    TestProgram test = randomProgram(config, {.seed = seed,
                                              .instructions = 60,
                                              .spmWindow = seed % 3 == 0   ? 2048u
                                                           : seed % 3 == 1 ? 4096u
                                                                           : 32768u});
    ASSERT_EQ(textOf(checkProgram(test.program, config, test.regions)), "") << "seed " << seed;
    for (const Line &line : test.program.lines)
      opcodes.insert(line.opcodeByte());
  }
  for (const Instruction &row : kInstructions)
    EXPECT_EQ(opcodes.count(unsigned(row.opcode)), row.isPlanned ? 0u : 1u) << row.mnemonic;
}

TEST_P(RandomProgramTest, FaultyProgramsHaveTheirFaultAndNothingBefore) {
  for (FaultCode code : faultsOfPrograms())
    for (uint64_t seed = 0; seed != 8; ++seed) {
      FaultyProgram faulty = faultyProgram(config, {.seed = seed, .instructions = 20}, code);
      std::vector<Finding> findings = checkProgram(faulty.test.program, config, faulty.test.regions);
      if (code == FaultCode::BadParam) { // a matter of data: the checker cannot see it
        EXPECT_EQ(textOf(findings), "");
        continue;
      }
      ASSERT_FALSE(findings.empty()) << name(code) << " seed " << seed;
      EXPECT_EQ(name(findings[0].fault), name(code)) << findings[0].text;
      EXPECT_EQ(findings[0].line, int(faulty.pc)) << name(code) << " seed " << seed << " " << findings[0].text;
      if (faulty.address)
        EXPECT_EQ(checkLine(faulty.test.program.lines[faulty.pc], config, faulty.test.regions)->address,
                  faulty.address);
    }
}

TEST_P(RandomProgramTest, EveryDefectIsTheFirstThatTheCheckerFinds) {
  std::set<FaultCode> met;
  for (const Defect &defect : defects(config)) {
    FaultyProgram faulty = faultyProgram(config, {.seed = met.size(), .instructions = 3}, defect);
    met.insert(faulty.code);
    if (faulty.code == FaultCode::BadParam) // a matter of data
      continue;
    std::vector<Finding> findings = checkProgram(faulty.test.program, config, faulty.test.regions);
    ASSERT_FALSE(findings.empty()) << name(defect.code);
    EXPECT_EQ(name(findings[0].fault), name(faulty.code)) << findings[0].text;
    EXPECT_EQ(findings[0].line, int(faulty.pc)) << findings[0].text;
    if (!defect.opcode)
      continue;
    EXPECT_EQ(faulty.test.program.lines[faulty.pc].row(), &instruction(*defect.opcode));
    if (defect.field >= 0 && faulty.code == FaultCode::Misaligned)
      EXPECT_NE(faulty.test.program.lines[faulty.pc].get(instruction(*defect.opcode).fields[size_t(defect.field)].ref) %
                    config.n,
                0);
  }
  EXPECT_EQ(met.size(), faultsOfPrograms().size());
}

INSTANTIATE_TEST_SUITE_P(EveryMachine, RandomProgramTest, testing::Values("tw8", "tw16", "tw32", "tw64"),
                         [](const auto &info) { return info.param; });
INSTANTIATE_TEST_SUITE_P(OddMachines, RandomProgramTest, testing::ValuesIn(tw::test::oddMachines()),
                         [](const auto &info) { return std::filesystem::path(info.param).stem().string(); });

TEST(RandomProgramTest, TheSameSeedGivesTheSameProgram) {
  RandomOptions options{.seed = 5};
  TestProgram a = randomProgram(tw16(), options), b = randomProgram(tw16(), options);
  EXPECT_EQ(a.program, b.program);
  EXPECT_EQ(a.data, b.data);
  options.seed = 6;
  EXPECT_NE(randomProgram(tw16(), options).program, a.program);
}

TEST(RandomProgramTest, OneOpcodeMayBePreferred) {
  TestProgram test = randomProgram(tw16(), {.seed = 1, .instructions = 40, .only = Opcode::Convf});
  auto isConvf = [](const Line &line) { return line.opcodeByte() == unsigned(Opcode::Convf); };
  EXPECT_GT(std::count_if(test.program.lines.begin(), test.program.lines.end(), isConvf), 20);
}

TEST(RandomProgramTest, ResultsDoNotDependOnFormerContents) {
  for (uint64_t seed = 0; seed != 5; ++seed) {
    TestProgram test = randomProgram(tw16(), {.seed = seed, .instructions = 30, .workPerLine = 100});
    EXPECT_EQ(run(test, tw16(), 0x00), run(test, tw16(), 0xA5)) << "seed " << seed;
  }
}

TEST(RandomProgramTest, ProgramsSurviveTextAndBack) {
  TestProgram test = randomProgram(tw16(), {.seed = 9});
  std::string text = formatAssembly(test);
  tw::Result<Assembly> again = assemble(text, "a.s");
  ASSERT_TRUE(again) << again.diag().str();
  EXPECT_EQ(again->program, test.program);
  EXPECT_EQ(formatAssembly(*again), text);
}

TEST(RandomProgramTest, BadParametersFaultWhereExpected) {
  for (uint64_t seed = 0; seed != 6; ++seed)
    for (FaultCode code : {FaultCode::BadParam, FaultCode::UninitParam}) {
      HwConfig config = tw16();
      FaultyProgram faulty = faultyProgram(config, {.seed = seed, .instructions = 10, .workPerLine = 100}, code);
      Memories memories(config);
      std::vector<std::vector<uint8_t>> dram(kRegions);
      for (int i = 0; i != kRegions; ++i)
        dram[i].resize(faulty.test.regions[i].limit);
      for (const RegionData &data : faulty.test.data)
        std::copy(data.bytes.begin(), data.bytes.end(), dram[data.region].begin() + std::ptrdiff_t(data.offset));
      for (int i = 0; i != kRegions; ++i)
        memories.regions[i] = dram[i];
      for (uint32_t pc = 0; pc <= faulty.pc; ++pc)
        ASSERT_EQ(name(evaluate(faulty.test.program.lines[pc], config, memories).fault),
                  name(pc == faulty.pc ? code : FaultCode::None))
            << "seed " << seed << " line " << pc;
    }
}

TEST(SynchroniseTest, OnlyWhatIsNeededIsOrdered) {
  TestProgram test = randomProgram(tw16(), {.seed = 3, .instructions = 50});
  Program plain = synchronise(test.program, tw16());
  EXPECT_EQ(textOf(checkProgram(plain, tw16(), test.regions)), "");
  auto count = [](const Program &program) {
    int total = 0;
    for (const Line &line : program.lines)
      total += waits(line).count;
    return total;
  };
  EXPECT_LE(count(plain), count(test.program));
  EXPECT_GT(count(plain), 5);
  EXPECT_EQ(synchronise(plain, tw16()), plain);
}

TEST(ShrinkTest, AFailingProgramBecomesAFewLines) {
  HwConfig config = tw16();
  TestProgram test = randomProgram(config, {.seed = 4, .instructions = 40, .only = Opcode::Dwconv});
  // "Fails" when a depthwise convolution has at least three output rows.
  auto fails = [](const TestProgram &t) {
    for (const Line &line : t.program.lines)
      if (line.opcodeByte() == unsigned(Opcode::Dwconv) && line.get(dwconv::oh_n) >= 3)
        return true;
    return false;
  };
  ASSERT_TRUE(fails(test));
  TestProgram small = shrink(test, config, fails);
  EXPECT_TRUE(fails(small));
  EXPECT_EQ(textOf(checkProgram(small.program, config, small.regions)), "");
  EXPECT_LE(small.program.lines.size(), 4u); // its record, itself, END, perhaps a fence
  for (const Line &line : small.program.lines)
    if (line.opcodeByte() == unsigned(Opcode::Dwconv)) {
      EXPECT_EQ(line.get(dwconv::oh_n), 3);
      EXPECT_EQ(line.get(dwconv::ow_n), 1);
      EXPECT_EQ(line.get(dwconv::x_w), 1);
    }
}

} // namespace
