// SPDX-License-Identifier: Apache-2.0
// What coverage counts, and how its files and exclusions behave; how much of it a sweep reaches is asserted by
// CosimTest.cpp, and that all of it can be met by tests/cosim/README.md.
#include "Coverage.h"

#include "tw/support/Paths.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace tw;
using namespace tw::cosim;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

Coverage coverageOf(const std::string &lines) {
  auto assembly = isa::assemble(".region 1 0x1000 r\n.region 2 0x1000 rw\n" + lines, "coverage.twasm");
  EXPECT_TRUE(assembly) << assembly.diag().str();
  Coverage coverage;
  coverage.add(*assembly, test::testConfig("tw8"), assembly->program.lines.size());
  EXPECT_THAT(coverage.unknown(), IsEmpty());
  return coverage;
}

TEST(CoverageTest, FieldsAreCountedAtTheirEndsAndBetween) {
  const Coverage coverage = coverageOf("ld region=1 offset=3840 spm=0 n0=32 n1=1 n2=1 n3=1 tag=65535\n"
                                       "mark value=7\n");
  for (const char *bin : {"instruction/ld/seen", "field/ld.region/1", "field/ld.n0/typical", "field/ld.n1/min",
                          "field/ld.spm/first", "field/ld.offset/last", "field/header.tag/max", "sync/LA/waits.0",
                          "edge/ld/split_run", "field/mark.value/typical"})
    EXPECT_EQ(coverage.count(bin), 1u) << bin;
  for (const char *bin : {"field/ld.n0/max", "field/ld.spm/last", "instruction/st/seen", "edge/ld/joined_runs"})
    EXPECT_EQ(coverage.count(bin), 0u) << bin;
}

TEST(CoverageTest, RefusedValuesHaveBinsOfTheirOwn) {
  isa::TestProgram test;
  isa::Line line(isa::Opcode::Move);
  line.set(isa::move::n0, 0).set(isa::move::n1, 65535).set(isa::move::a, 3);
  test.program.lines = {line};
  Coverage coverage;
  coverage.add(test, test::testConfig("tw8"), 0);
  for (const char *bin : {"field/move.n0/below_min", "field/move.n1/max", "field/move.a/misaligned"})
    EXPECT_EQ(coverage.count(bin), 1u) << bin;
  EXPECT_EQ(coverage.count("field/move.y/first"), 0u) << "places count in legal lines only";
}

TEST(CoverageTest, FilesOfSeveralRunsAdd) {
  test::TempDir folder;
  const std::string path = (folder.path() / "coverage.txt").string();
  Coverage first = coverageOf("mark value=7\n"), second = coverageOf("mark value=0\n");
  ASSERT_TRUE(first.load(path)) << "no file yet";
  ASSERT_TRUE(first.save(path));
  ASSERT_TRUE(second.load(path));
  EXPECT_EQ(second.count("instruction/mark/seen"), 2u);
  EXPECT_EQ(second.count("field/mark.value/min"), 1u);
  EXPECT_EQ(second.count("field/mark.value/typical"), 1u);
  std::ofstream(path) << "field/mark.value/min many\n";
  EXPECT_THAT(second.load(path).diag().str(), HasSubstr("every line is a bin and a count"));
}

TEST(CoverageTest, AnExclusionNeedsAReasonAndABinThatNobodyMet) {
  test::TempDir folder;
  const std::string path = (folder.path() / "exclusions.txt").string();
  std::ofstream(path)
      << "# a comment\nfield/mark.value/min because\nfield/mark.value/max because\nfield/mark.x/min why\n";
  const auto exclusions = Exclusions::read(path);
  ASSERT_TRUE(exclusions) << exclusions.diag().str();
  const Coverage coverage = coverageOf("mark value=0\n");
  EXPECT_EQ(coverage.staleExclusions(*exclusions),
            "field/mark.value/min is excluded, but was met 1 times\nfield/mark.x/min is excluded, but is no bin\n");
  const std::string report = coverage.report(*exclusions);
  EXPECT_THAT(report, HasSubstr("missed: field/mark.value/typical\n"));
  EXPECT_THAT(report, testing::Not(HasSubstr("missed: field/mark.value/max\n")));
  std::ofstream(path) << "field/mark.value/min\n";
  EXPECT_THAT(Exclusions::read(path).diag().str(), HasSubstr("excluded without a reason"));
}

TEST(CoverageTest, ExclusionsOfTheSweepAreBins) {
  const auto exclusions = Exclusions::read((test::sourceDir() / "tests/cosim/coverage_exclusions.txt").string());
  ASSERT_TRUE(exclusions) << exclusions.diag().str();
  EXPECT_EQ(Coverage().staleExclusions(*exclusions), "");
}

} // namespace
