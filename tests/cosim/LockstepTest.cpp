// SPDX-License-Identifier: Apache-2.0
// The comparison itself: equal runs are equal, and every kind of difference is found.
#include "Lockstep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace tw;
using namespace tw::cosim;
using testing::HasSubstr;

namespace {

Scenario copyProgram() {
  auto assembly = isa::assemble(R"(
.region 1 0x1000 r
.region 2 0x1000 rw
.random 1 0 4096 17
ld region=1 n0=4 n1=1 n2=1 n3=1 post(3) tag=5
st region=2 n0=4 n1=1 n2=1 n3=1 wait(3)
mark value=9
end
)",
                                "copy.twasm");
  EXPECT_TRUE(assembly) << assembly.diag().str();
  Scenario scenario;
  scenario.config = test::testConfig("tw8");
  scenario.assembly = *assembly;
  return scenario;
}

class LockstepTest : public testing::Test {
protected:
  Scenario scenario = copyProgram();
  Observation a = *observe(functionalModel(), scenario), b = a;

  void SetUp() override {
    b.model = "other";
    ASSERT_EQ(a.outcome.code, isa::FaultCode::None);
  }
  std::string divergence() { return firstDivergence(scenario, a, b).value_or(Divergence{"none", std::nullopt}).text; }
};

TEST_F(LockstepTest, EqualRunsAreEqual) { EXPECT_EQ(divergence(), "none"); }

TEST_F(LockstepTest, NamesTheInstructionAndBothValues) {
  b.events[0].writtenHash += 1;
  EXPECT_THAT(divergence(), HasSubstr("LA instruction 0 (ld region=1"));
  EXPECT_THAT(divergence(), HasSubstr("other " + std::to_string(b.events[0].writtenHash)));
}

TEST_F(LockstepTest, FindsEveryKindOfDifference) {
  const Observation equal = b;
  const auto finds = [&](auto change) {
    b = equal;
    change(b);
    return divergence() != "none";
  };
  EXPECT_TRUE(finds([](Observation &o) { o.events.pop_back(); }));
  EXPECT_TRUE(finds([](Observation &o) { o.events[1].tag = 1; }));
  EXPECT_TRUE(finds([](Observation &o) { o.outcome.code = isa::FaultCode::SemLeak; }));
  EXPECT_TRUE(finds([](Observation &o) { o.outcome.bytesRead += 1; }));
  EXPECT_TRUE(finds([](Observation &o) { o.outcome.hasRecord = false; }));
  EXPECT_TRUE(finds([](Observation &o) { o.outcome.finished = false; }));
  EXPECT_TRUE(finds([](Observation &o) { o.dram.back() ^= 1; }));
  EXPECT_TRUE(finds([](Observation &o) { o.spaces[3].back() ^= 1; }));
  EXPECT_TRUE(finds([](Observation &o) { o.counters[size_t(isa::CounterId::Lines)] += 1; }));
}

TEST_F(LockstepTest, OnlyTimedModelsAreHeldToTheirCycles) {
  b.events[0].endCycle = 7;
  b.counters[size_t(isa::CounterId::StateMxBusy)] = 7;
  b.outcome.cycles = 7;
  b.isTimed = true;
  EXPECT_EQ(divergence(), "none");
  a.isTimed = true;
  EXPECT_THAT(divergence(), HasSubstr("end: functional 0, other 7"));
}

TEST_F(LockstepTest, OrderBetweenQueuesIsFreeForAnUntimedModel) {
  std::swap(b.events[0], b.events[1]);
  EXPECT_EQ(divergence(), "none");
  a.isTimed = b.isTimed = true;
  EXPECT_NE(divergence(), "none");
}

TEST_F(LockstepTest, PoisonShowsWhereAMemoryIsOnlyPartlyWritten) {
  Scenario other = scenario;
  other.poison = 0x55;
  b = *observe(functionalModel(), other);
  EXPECT_THAT(divergence(), HasSubstr("SPM byte 32: functional 0, functional 85"));
}

TEST_F(LockstepTest, NamesTheFirstCycleThatDiffers) {
  a = *observe(cycleModel(), scenario);
  b = a;
  b.events[1].endCycle += 5;
  b.events[0].endCycle -= 1;
  const auto found = firstDivergence(scenario, a, b);
  ASSERT_TRUE(found && found->place);
  EXPECT_EQ(found->place->cycle, b.events[0].endCycle);
  EXPECT_FALSE(found->place->isInNext);
}

} // namespace
