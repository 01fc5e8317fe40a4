// SPDX-License-Identifier: Apache-2.0
// Lines that need not be checked again: what is remembered over jobs, and that a machine that remembers does in each
// job what a fresh one does, whatever became of the regions and of the program in between.
#include "LegalLines.h"

#include "tw/simulator/Cycle.h"
#include "tw/simulator/FunctionalMachine.h"
#include "tw/support/Job.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::isa;
using test::Job;
using test::JobOutcome;

namespace {

Line load(int64_t rows, int64_t region = 1) {
  return Line(Opcode::Ld).set(ld::region, region).set(ld::n0, rows).set(ld::n1, 1).set(ld::n2, 1).set(ld::n3, 1);
}
Line store(int64_t rows, int64_t region = 2, int64_t spm = 4096) {
  return Line(Opcode::St)
      .set(st::region, region)
      .set(st::spm, spm)
      .set(st::n0, rows)
      .set(st::n1, 1)
      .set(st::n2, 1)
      .set(st::n3, 1);
}
Line post(Line line) { return line.set(header::post0_valid, 1); }
Line wait(Line line) { return line.set(header::wait0_valid, 1); }
const Line kFence(Opcode::Fence), kEnd(Opcode::End);

Regions someRegions() {
  Regions regions{};
  for (Region &region : regions)
    region = {4096, true, false};
  return regions;
}

TEST(LegalLinesTest, ALineIsKnownAtItsPlaceOnly) {
  simulator::LegalLines lines;
  lines.startJob(someRegions());
  EXPECT_FALSE(lines.knows(5, load(1)));
  lines.add(5, load(1));
  EXPECT_TRUE(lines.knows(5, load(1)));
  EXPECT_FALSE(lines.knows(5, load(2)));
  EXPECT_FALSE(lines.knows(4, load(1)));
  EXPECT_FALSE(lines.knows(6, load(1)));
  EXPECT_FALSE(lines.knows(5, Line(load(1)).setTag(1))) << "another line, though as legal";
  lines.add(5, load(2));
  EXPECT_FALSE(lines.knows(5, load(1)));
  EXPECT_TRUE(lines.knows(5, load(2)));
}

TEST(LegalLinesTest, AnyChangeOfAnyRegionForgetsEveryLine) {
  const auto isForgotten = [](const Regions &before, const Regions &after) {
    simulator::LegalLines lines;
    lines.startJob(before);
    lines.add(0, load(1));
    lines.add(3, store(1));
    lines.startJob(after);
    EXPECT_EQ(lines.knows(0, load(1)), lines.knows(3, store(1)));
    return !lines.knows(0, load(1));
  };
  const Regions regions = someRegions();
  EXPECT_FALSE(isForgotten(regions, regions));
  for (size_t i = 0; i != regions.size(); ++i) {
    const auto changed = [&](auto change) {
      Regions result = regions;
      change(result[i]);
      return result;
    };
    const Regions all[] = {changed([](Region &region) { ++region.limit; }),
                           changed([](Region &region) { --region.limit; }),
                           changed([](Region &region) { region.limit += uint64_t(1) << 32; }),
                           changed([](Region &region) { region.canRead = false; }),
                           changed([](Region &region) { region.canWrite = true; })};
    for (const Regions &other : all) {
      EXPECT_TRUE(isForgotten(regions, other)) << "region " << i;
      EXPECT_TRUE(isForgotten(other, regions)) << "region " << i;
    }
  }
}

TEST(LegalLinesTest, AChangeThatIsTakenBackDoesNotBringLinesBack) {
  simulator::LegalLines lines;
  Regions regions = someRegions();
  lines.startJob(regions);
  lines.add(0, load(1));
  ++regions[1].limit;
  lines.startJob(regions);
  --regions[1].limit;
  lines.startJob(regions);
  EXPECT_FALSE(lines.knows(0, load(1)));
}

std::unique_ptr<Machine> functionalMachine(const HwConfig &config) {
  return simulator::createFunctionalMachine(config, Job::kMemoryBytes);
}
std::unique_ptr<Machine> cycleMachine(const HwConfig &config) {
  return simulator::createCycleMachine(config, Job::kMemoryBytes);
}

class LegalLinesOfMachineTest : public testing::TestWithParam<std::unique_ptr<Machine> (*)(const HwConfig &)> {
protected:
  std::unique_ptr<Machine> fresh() const { return GetParam()(config); }

  /// The job on the machine of this test, which must do with it what a fresh one does, to the cycle.
  FaultCode run(const Job &job) {
    const JobOutcome outcome = runJob(*machine, job), expected = runJob(*fresh(), job);
    EXPECT_EQ(outcome, expected);
    return outcome.code;
  }
  Job job(std::vector<Line> lines) const { return Job(config, std::move(lines)); }

  HwConfig config = test::testConfig("tw8");
  std::unique_ptr<Machine> machine = fresh();
};
INSTANTIATE_TEST_SUITE_P(Machines, LegalLinesOfMachineTest, testing::Values(functionalMachine, cycleMachine),
                         [](const auto &info) { return std::string(info.index == 0 ? "functional" : "cycle"); });

TEST_P(LegalLinesOfMachineTest, ALineThatARegionNoLongerAllowsIsAFaultInTheNextJob) {
  const Job good = job({load(16), kFence, store(16), kEnd});
  const auto changed = [&](size_t region, auto change) {
    Job result = good;
    change(result.regions[region]);
    return result;
  };
  const struct {
    Job job;
    FaultCode code;
  } cases[] = {
      {changed(1, [](test::JobRegion &region) { region.limit = 15 * 8; }), FaultCode::RegionBounds},
      {changed(1, [](test::JobRegion &region) { region.read = false; }), FaultCode::RegionPermission},
      {changed(2, [](test::JobRegion &region) { region.limit = 15 * 8; }), FaultCode::RegionBounds},
      {changed(2, [](test::JobRegion &region) { region.write = false; }), FaultCode::RegionPermission},
  };
  for (const auto &[bad, code] : cases) {
    EXPECT_EQ(run(good), FaultCode::None);
    EXPECT_EQ(run(good), FaultCode::None) << "from memory";
    EXPECT_EQ(run(bad), code);
    EXPECT_EQ(run(bad), code) << "a fault is not remembered as legal";
  }
  EXPECT_EQ(run(good), FaultCode::None);
}

TEST_P(LegalLinesOfMachineTest, ALineThatWasAFaultRunsWhereItsRegionHasGrown) {
  Job small = job({load(1), load(16), kEnd});
  small.regions[1].limit = 8;
  Job large = small;
  large.regions[1].limit = 16 * 8;
  EXPECT_EQ(run(small), FaultCode::RegionBounds);
  EXPECT_EQ(run(large), FaultCode::None);
  EXPECT_EQ(run(small), FaultCode::RegionBounds);
}

// What is legal does not depend on where a region lies, but its data do.
TEST_P(LegalLinesOfMachineTest, ARegionThatOnlyMovesMovesTheDataOfKnownLines) {
  const auto memory = machine->memory();
  memory[Job::kConstBase] = 1;
  memory[Job::kConstBase + 4096] = 2;
  Job copy = job({post(load(16)), wait(store(16, 2, 0)), kEnd});
  copy.regions[1].limit = 4096;
  for (const uint64_t offset : {0, 4096, 0}) {
    copy.regions[1].base = Job::kConstBase + offset;
    EXPECT_EQ(run(copy), FaultCode::None);
    EXPECT_EQ(memory[Job::kArenaBase], offset ? 2 : 1);
  }
}

TEST_P(LegalLinesOfMachineTest, AnotherProgramInTheSamePlaceIsChecked) {
  EXPECT_EQ(run(job({load(16), store(16), kEnd})), FaultCode::None);
  EXPECT_EQ(run(job({load(16), store(0), kEnd})), FaultCode::BadShape);
  EXPECT_EQ(run(job({store(16, 1), load(16), kEnd})), FaultCode::RegionPermission);
  EXPECT_EQ(run(job({kEnd})), FaultCode::None);
  EXPECT_EQ(run(job({load(16), store(16)})), FaultCode::NoEnd);
}

TEST_P(LegalLinesOfMachineTest, AResetOpensNoRegionThatWasOpen) {
  const Job good = job({load(16), kEnd});
  EXPECT_EQ(run(good), FaultCode::None);
  machine->reset();
  Job closed = good;
  closed.regions[1].read = false;
  EXPECT_EQ(run(closed), FaultCode::RegionPermission);
  machine->reset();
  EXPECT_EQ(run(good), FaultCode::None);
}

} // namespace
