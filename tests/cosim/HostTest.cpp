// SPDX-License-Identifier: Apache-2.0
// What a host may do to the registers, and when: every offset, every strobe, every cycle of a job, on every model.
#include "Lockstep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace tw;
using namespace tw::cosim;
using isa::AxiResponse;
using isa::HostAccess;
using isa::RegisterOffset;

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
  scenario.memory = "ideal:2:1"; // a short job
  return scenario;
}

/// A model, where this build has it.
class HostTest : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    const std::string name = GetParam();
    const Model model = name == "rtl" ? rtlModel() : name == "cycle" ? cycleModel() : functionalModel();
    auto result = model.build(test::testConfig("tw8"), test::Job::kMemoryBytes, {}, {});
    if (!result)
      GTEST_SKIP() << result.diag().str();
    built = std::move(*result);
  }
  void TearDown() override {
    if (built.protocolErrors)
      EXPECT_THAT(*built.protocolErrors, testing::IsEmpty());
  }
  isa::Machine &machine() { return *built.machine; }

  /// A job that runs for longer than a test looks at it.
  void startLongJob() {
    auto load = isa::assemble(".region 1 0x100000 r\nld region=1 n0=8000 n1=1 n2=1 n3=1\nend\n", "long.twasm");
    std::vector<isa::Line> lines(12, load->program.lines[0]);
    lines.push_back(load->program.lines[1]);
    test::prepareJob(machine(), test::Job(test::testConfig("tw8"), lines));
    machine().writeRegister(uint32_t(RegisterOffset::Doorbell), 1);
    if (GetParam() != std::string("functional"))
      machine().runUntilIdle(100);
  }

  BuiltMachine built;
};

INSTANTIATE_TEST_SUITE_P(Models, HostTest, testing::Values("functional", "cycle", "rtl"),
                         [](const auto &info) { return std::string(info.param); });

/// The rows of the table, spelled out for each offset.
std::map<uint32_t, isa::RegisterInfo> registerMap() {
  std::map<uint32_t, isa::RegisterInfo> map;
  for (const isa::RegisterInfo &row : isa::kRegisters)
    map[row.offset] = row;
  for (uint32_t i = 0; i != 2 * isa::kCounters; ++i)
    map[uint32_t(isa::kCounterRegisters) + 4 * i] = {"counter", 0, true, false, false};
  for (uint32_t region = 0; region != isa::kRegions; ++region)
    for (const isa::RegisterInfo &row : isa::kRegionRegisterRows)
      map[uint32_t(isa::kRegionRegisters + region * isa::kRegionRegisterStride + row.offset)] = row;
  return map;
}

void expectAnswers(isa::Machine &machine, uint32_t offset, bool busy) {
  static const auto map = registerMap();
  const auto found = map.find(offset);
  const isa::RegisterInfo *row = found == map.end() ? nullptr : &found->second;
  const uint8_t read = !row ? isa::kAnswerUnmapped : row->isReadable ? 0 : isa::kAnswerWriteOnly;
  const uint8_t write = !row                    ? isa::kAnswerUnmapped
                        : !row->isWritable      ? isa::kAnswerReadOnly
                        : row->isLocked && busy ? isa::kAnswerBusy
                                                : 0;
  const isa::RegisterRead before = machine.readPort(offset);
  EXPECT_EQ(int(before.response), int(read)) << "read of " << offset;
  if (!row || !row->isReadable)
    EXPECT_EQ(before.value, 0u) << "read of " << offset;
  const bool changes = write == 0 && row->offset != uint16_t(RegisterOffset::IrqStatus);
  // Nothing is written to what would act.
  const uint8_t strobes = changes ? 0 : isa::Machine::kAllBytes;
  EXPECT_EQ(int(machine.writePort(offset, ~before.value, strobes)), int(write)) << "write of " << offset;
}

TEST_P(HostTest, EveryOffsetAnswersAsItsRowSays) {
  for (uint32_t offset = 0; offset != 0x10000 && !HasFailure(); offset += 4)
    expectAnswers(machine(), offset, false);
  EXPECT_FALSE(machine().state()) << "no job began";
}

TEST_P(HostTest, WhileAJobRunsItsRegistersAreLocked) {
  startLongJob();
  for (const auto &[offset, row] : registerMap()) {
    const uint32_t before = machine().readRegister(offset);
    expectAnswers(machine(), offset, true);
    if (row.isLocked)
      EXPECT_EQ(machine().readRegister(offset), before) << row.name;
  }
  for (uint32_t offset : {0x18u, 0x1014u, 0x1100u, 0x8000u})
    expectAnswers(machine(), offset, true);
  EXPECT_EQ(machine().readRegister(uint32_t(RegisterOffset::Status)) & 1, 1u) << "and the job still runs";
}

TEST_P(HostTest, AddressesAreOfWords) {
  for (uint32_t low = 0; low != 4; ++low) {
    machine().writePort(uint32_t(RegisterOffset::JobHi) + low, 0x1234 + low, isa::Machine::kAllBytes);
    EXPECT_EQ(machine().readRegister(uint32_t(RegisterOffset::JobHi)), 0x1234 + low);
    EXPECT_EQ(machine().readRegister(uint32_t(RegisterOffset::Id) + low), 0x314E5754u);
  }
}

TEST_P(HostTest, AWriteChangesTheBytesOfItsStrobes) {
  for (const auto &[offset, row] : registerMap()) {
    if (!row.isReadable || !row.isWritable || row.offset == uint16_t(RegisterOffset::IrqStatus))
      continue;
    machine().writeRegister(offset, ~0u);
    const uint32_t bits = machine().readRegister(offset);
    for (unsigned strobes = 0; strobes != 16; ++strobes) {
      uint32_t mask = 0;
      for (int byte = 0; byte != 4; ++byte)
        mask |= strobes >> byte & 1 ? 0xFFu << 8 * byte : 0;
      const uint32_t first = 0x5AA5C33C ^ strobes * 0x01010101, second = ~first;
      machine().writeRegister(offset, first);
      machine().writePort(offset, second, uint8_t(strobes));
      EXPECT_EQ(machine().readRegister(offset), ((first & ~mask) | (second & mask)) & bits)
          << row.name << " at " << offset << " strobes " << strobes;
    }
  }
}

TEST_P(HostTest, ADoorbellNeedsAByte) {
  const test::Job job(test::testConfig("tw8"), {isa::Line(isa::Opcode::End)});
  const auto status = [&] { return machine().readRegister(uint32_t(RegisterOffset::Status)); };
  test::prepareJob(machine(), job);
  EXPECT_EQ(machine().writePort(uint32_t(RegisterOffset::Doorbell), 1, 0), AxiResponse::Okay);
  EXPECT_TRUE(machine().runUntilIdle());
  EXPECT_EQ(status(), 0u);
  EXPECT_EQ(machine().writePort(uint32_t(RegisterOffset::Doorbell), 0, 4), AxiResponse::Okay);
  EXPECT_TRUE(machine().runUntilIdle());
  EXPECT_EQ(status(), uint32_t(isa::regbits::statusDone.lsb) << 1) << "done, no fault";
}

TEST_P(HostTest, AnInterruptIsClearedByItsByteAlone) {
  test::runJob(machine(), test::Job(test::testConfig("tw8"), {isa::Line(isa::Opcode::End)}));
  const auto irq = [&] { return machine().readRegister(uint32_t(RegisterOffset::IrqStatus)); };
  for (uint8_t strobes : {0x0, 0xE}) {
    machine().writePort(uint32_t(RegisterOffset::IrqStatus), 1, strobes);
    EXPECT_EQ(irq(), 1u);
  }
  machine().writePort(uint32_t(RegisterOffset::IrqStatus), ~1u, isa::Machine::kAllBytes);
  EXPECT_EQ(irq(), 1u) << "a zero clears nothing";
  machine().writePort(uint32_t(RegisterOffset::IrqStatus), 0xFFFFFF01, 1);
  EXPECT_EQ(irq(), 0u);
}

/// The cycle model and the design, with a host that does the same in one cycle of the job after the other.
class EveryCycleTest : public testing::Test {
protected:
  /// Cycles of the job without a host, up to the record.
  uint64_t cyclesOf(const Scenario &scenario) { return observe(cycleModel(), scenario)->outcome.cycles; }

  /// Both models; the cycle model's observation.
  Observation compare(const Scenario &scenario) {
    auto cycle = observe(cycleModel(), scenario);
    auto design = observe(rtlModel(), scenario);
    if (!design)
      return *cycle;
    const auto divergence = firstDivergence(scenario, *cycle, *design);
    EXPECT_FALSE(divergence) << divergence->text;
    return *cycle;
  }

  HostAccess write(uint64_t cycle, RegisterOffset offset, uint32_t value = 1) {
    return {.isWrite = true, .offset = uint16_t(offset), .value = value, .cycle = cycle};
  }
  HostAccess read(uint64_t cycle, RegisterOffset offset) { return {.offset = uint16_t(offset), .cycle = cycle}; }

  Scenario scenario = copyProgram();
};

constexpr uint64_t kAfter = 25; // of the end: the record is on its way, then the machine is done

TEST_F(EveryCycleTest, AnAbortEndsTheJobOrComesTooLate) {
  const uint64_t cycles = cyclesOf(scenario);
  bool isAborted = true;
  for (uint64_t cycle = 2; cycle != cycles + kAfter && !HasFailure(); ++cycle) {
    scenario.host = {write(cycle, RegisterOffset::Abort)};
    const auto code = isa::FaultCode(compare(scenario).fault & 0xFF);
    EXPECT_TRUE(code == isa::FaultCode::None || (isAborted && code == isa::FaultCode::Aborted)) << "cycle " << cycle;
    isAborted = code != isa::FaultCode::None;
  }
  EXPECT_FALSE(isAborted);
}

TEST_F(EveryCycleTest, AnAbortOrABudgetMeetsALineThatCannotBeRead) {
  scenario.memory = "ideal:5:1";
  for (uint64_t line = 0; line != scenario.assembly.program.lines.size(); ++line) {
    scenario.errors = {{.region = int(isa::RegionRole::Code), .offset = line * isa::kLineBytes, .onWrite = false}};
    scenario.cycleBudget = 0;
    scenario.host.clear();
    const uint64_t cycles = cyclesOf(scenario);
    for (uint64_t cycle = 2; cycle != cycles && !HasFailure(); ++cycle) {
      SCOPED_TRACE("line " + std::to_string(line) + ", cycle " + std::to_string(cycle));
      scenario.host = {write(cycle, RegisterOffset::Abort)};
      scenario.cycleBudget = 0;
      compare(scenario);
      scenario.host.clear();
      scenario.cycleBudget = cycle;
      compare(scenario);
    }
  }
}

TEST_F(EveryCycleTest, ADoorbellIsIgnoredUntilTheJobIsDone) {
  const uint64_t cycles = cyclesOf(scenario);
  bool hasRunAgain = false;
  for (uint64_t cycle = 2; cycle != cycles + kAfter && !HasFailure(); ++cycle) {
    scenario.host = {write(cycle, RegisterOffset::Doorbell)};
    const size_t retired = compare(scenario).events.size();
    EXPECT_TRUE(retired == 8 || (retired == 4 && !hasRunAgain)) << "cycle " << cycle;
    hasRunAgain = retired == 8;
  }
  EXPECT_TRUE(hasRunAgain);
}

TEST_F(EveryCycleTest, AnInterruptThatIsClearedBeforeTheEndStaysUp) {
  const uint64_t cycles = cyclesOf(scenario);
  bool isUp = true;
  for (uint64_t cycle = 5; cycle != cycles + kAfter && !HasFailure(); ++cycle) {
    scenario.host = {write(2, RegisterOffset::IrqEnable), write(cycle, RegisterOffset::IrqStatus),
                     read(cycles + 2 * kAfter, RegisterOffset::IrqStatus)};
    const isa::HostAnswer last = compare(scenario).host.back();
    EXPECT_EQ(last.value, uint32_t(last.interrupt));
    EXPECT_TRUE(isUp || !last.interrupt) << "cycle " << cycle;
    isUp = last.interrupt;
  }
  EXPECT_FALSE(isUp);
}

TEST_F(EveryCycleTest, StatusAndFaultAreThoseOfTheCycleAfterTheAddress) {
  for (bool fails : {false, true}) {
    Scenario failing = scenario;
    if (fails)
      failing.errors = {{.region = 2, .onRead = false}};
    const uint64_t cycles = cyclesOf(failing);
    for (uint64_t cycle = 2; cycle != cycles + kAfter && !HasFailure(); ++cycle) {
      failing.host = {read(cycle, RegisterOffset::Status), read(cycle, RegisterOffset::FaultPc),
                      read(cycle, RegisterOffset::Fault), read(cycle, RegisterOffset::FaultAddrLo),
                      HostAccess{.offset = uint16_t(isa::kCounterRegisters), .cycle = cycle}};
      compare(failing);
    }
  }
}

} // namespace
