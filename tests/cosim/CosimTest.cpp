// SPDX-License-Identifier: Apache-2.0
// Random programs on all models of this build: same results, and for the timed ones same cycles; each once more with an
// error of the bus, a reset, an abort or too small a budget, and with a job after it. Few programs; many:
// scripts/cosim.sh.
#include "Sweep.h"

#include "tw/support/Paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

using namespace tw;
using namespace tw::cosim;

namespace {

SweepResult expectAgreement(const std::string &config, std::vector<Model> models, int programs, int instructions,
                            int initialSeeds = 0) {
  test::TempDir kits;
  Sweep sweep;
  sweep.config = test::testConfig(config.c_str());
  sweep.models = std::move(models);
  sweep.programs = programs;
  sweep.instructions = instructions;
  sweep.initialSeeds = initialSeeds;
  sweep.kitFolder = kits.path().string();
  const SweepResult result = runSweep(sweep);
  EXPECT_FALSE(result.divergence) << *result.divergence;
  EXPECT_EQ(result.programs, programs);
  EXPECT_GT(result.instructions, 0u);
  EXPECT_EQ(result.troubles.size(), size_t(kTroubleKinds)) << "every kind of trouble was tried";
  return result;
}

bool canBuild(const Model &model, const char *config, std::string &reason) {
  auto machine = model.build(test::testConfig(config), 1 << 16, {}, {});
  if (!machine)
    reason = machine.diag().str();
  return bool(machine);
}

TEST(CosimTest, FunctionalAndCycleModelGiveTheSameResultsOnTw8) {
  expectAgreement("tw8", {functionalModel(), cycleModel()}, 20, 40);
}

TEST(CosimTest, FunctionalAndCycleModelGiveTheSameResultsOnTw16) {
  expectAgreement("tw16", {functionalModel(), cycleModel()}, 10, 40);
}

/// Bins that few programs already meet, and how many in all; 4000 programs meet every one: tests/cosim/README.md.
void expectCoverage(const Coverage &coverage, const char *config, size_t least) {
  EXPECT_THAT(coverage.unknown(), testing::IsEmpty());
  for (const isa::Instruction &row : isa::kInstructions)
    if (!row.isPlanned)
      for (const char *end : {"/seen", "/retired"})
        EXPECT_GT(coverage.count("instruction/" + std::string(row.mnemonic) + end), 0u) << row.mnemonic << end;
  for (const char *group : {"edge", "memory", "trouble"})
    EXPECT_THAT(coverage.missed(group), testing::IsEmpty()) << config;
  EXPECT_GE(allBins().size() - coverage.missed().size(), least) << config;
}

void expectAgreementWithRtl(const char *config, int programs, size_t leastBins) {
  std::string reason;
  if (!canBuild(rtlModel(), config, reason))
    GTEST_SKIP() << reason;
  const SweepResult result = expectAgreement(config, {functionalModel(), cycleModel(), rtlModel()}, programs, 60);
  expectCoverage(result.coverage, config, leastBins);
  // A legal program has no unordered drain, and the sweep never spoils a descriptor's hash.
  if (programs >= 100)
    for (const isa::FaultInfo &fault : isa::kFaults)
      if (const std::string bin = "fault/" + std::string(fault.name) + "/any"; allBins().contains(bin))
        EXPECT_EQ(result.coverage.count(bin) == 0, fault.name == "ACC_CONFLICT" || fault.name == "ISA_VERSION") << bin;
}

TEST(CosimTest, NothingDependsOnWhatRegistersHoldBeforeTheFirstReset) {
  std::string reason;
  if (!canBuild(rtlModelWithRandomRegisters(1), "tw8", reason))
    GTEST_SKIP() << reason;
  expectAgreement("tw8", {rtlModel()}, 21, 40, 3);
}

TEST(CosimTest, CycleModelAndRtlAgreeToTheCycleOnTw8) { expectAgreementWithRtl("tw8", 100, 1700); }

TEST(CosimTest, CycleModelAndRtlAgreeToTheCycleOnTw16) { expectAgreementWithRtl("tw16", 80, 1700); }

const std::string kOdd = (test::sourceDir() / "isa/configs/odd").string();

TEST(CosimTest, CycleModelAndRtlAgreeToTheCycleOnTheLeastMachine) {
  expectAgreementWithRtl((kOdd + "/odd8_least.yaml").c_str(), 80, 1600);
}

TEST(CosimTest, CycleModelAndRtlAgreeToTheCycleOnASmallArrayThatLoadsTwoRowsOfWeightsACycle) {
  expectAgreementWithRtl((kOdd + "/odd8_most.yaml").c_str(), 90, 1600);
}

class OddMachineTest : public testing::TestWithParam<std::string> {};

TEST_P(OddMachineTest, FunctionalAndCycleModelGiveTheSameResults) {
  expectAgreement(GetParam(), {functionalModel(), cycleModel()}, kTroubleKinds, 30);
}

INSTANTIATE_TEST_SUITE_P(OddMachines, OddMachineTest, testing::ValuesIn(test::oddMachines()),
                         [](const auto &info) { return std::filesystem::path(info.param).stem().string(); });

} // namespace
