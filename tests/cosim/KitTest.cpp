// SPDX-License-Identifier: Apache-2.0
// A divergence leaves a kit. Here models are made to differ: each has a known defect.
#include "Kit.h"
#include "Sweep.h"

#include "tw/support/Paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace tw;
using namespace tw::cosim;
using testing::AllOf;
using testing::HasSubstr;

namespace {

/// The cycle model with a memory that answers one cycle later.
Model slowModel() {
  Model model = cycleModel();
  model.name = "slow";
  model.build = [build = model.build](const isa::HwConfig &config, uint64_t bytes, const isa::MachineOptions &options,
                                      isa::MemoryTimingConfig memory) {
    ++memory.readLatency;
    return build(config, bytes, options, memory);
  };
  return model;
}

/// A machine that leaves a wrong byte in DRAM once an instruction of one kind has run, from some job on.
class Tampered final : public isa::Machine, isa::TraceSink {
public:
  Tampered(isa::Opcode opcode, int fromJob, const isa::MachineOptions &options)
      : opcode(opcode), fromJob(fromJob), sink(options.trace) {}
  TraceSink *trace() { return this; }
  std::unique_ptr<isa::Machine> machine;

private:
  void retire(const isa::TraceEvent &event) override {
    isWrong = isWrong || (isa::Opcode(event.opcode) == opcode && job >= fromJob);
    sink->retire(event);
  }
  std::string_view modelName() const override { return "tampered"; }
  isa::RegisterRead readPort(uint32_t offset) override { return machine->readPort(offset); }
  isa::AxiResponse writePort(uint32_t offset, uint32_t value, uint8_t strobes) override {
    job += offset == uint32_t(isa::RegisterOffset::Doorbell);
    return machine->writePort(offset, value, strobes);
  }
  std::span<uint8_t> memory() override { return machine->memory(); }
  bool runUntilIdle(uint64_t maxCycles) override {
    const bool isIdle = machine->runUntilIdle(maxCycles);
    if (isIdle && std::exchange(isWrong, false))
      memory().back() ^= 0x40;
    return isIdle;
  }
  bool interrupt() const override { return machine->interrupt(); }
  void reset() override { machine->reset(); }
  std::optional<isa::MachineState> state() const override { return machine->state(); }
  std::vector<uint8_t> dumpSpace(int space) const override { return machine->dumpSpace(space); }

  isa::Opcode opcode;
  int fromJob, job = -1;
  TraceSink *sink;
  bool isWrong = false;
};

Model tamperedModel(isa::Opcode opcode, int fromJob) {
  Model model = cycleModel();
  model.name = "tampered";
  model.build = [opcode, fromJob, build = model.build](const isa::HwConfig &config, uint64_t bytes,
                                                       isa::MachineOptions options,
                                                       const isa::MemoryTimingConfig &memory) -> Result<BuiltMachine> {
    auto machine = std::make_unique<Tampered>(opcode, fromJob, options);
    options.trace = machine->trace();
    auto inner = build(config, bytes, options, memory);
    if (!inner)
      return inner.diag();
    machine->machine = std::move(inner->machine);
    return BuiltMachine{std::move(machine)};
  };
  return model;
}

class KitTest : public testing::Test {
protected:
  /// Runs random programs until the models differ.
  SweepResult diverge(const std::vector<Model> &models) {
    Sweep sweep;
    sweep.config = test::testConfig("tw8");
    sweep.models = models;
    sweep.programs = 30;
    sweep.kitFolder = (folder.path() / "kits").string();
    SweepResult result = runSweep(sweep);
    kit = result.kit;
    return result;
  }
  std::string text(const std::string &name) const {
    std::ostringstream os;
    os << std::ifstream(kit + "/" + name).rdbuf();
    return os.str();
  }
  bool holds(const std::string &name) const { return std::filesystem::exists(kit + "/" + name); }

  test::TempDir folder;
  std::string kit;
};

TEST_F(KitTest, ADifferenceInTimeLeavesASmallProgramAndBothStates) {
  const std::vector<Model> models = {cycleModel(), slowModel()};
  const SweepResult result = diverge(models);
  ASSERT_TRUE(result.divergence);
  EXPECT_THAT(*result.divergence, AllOf(HasSubstr("seed 1: "), HasSubstr("shrunk to "), HasSubstr(kit)));

  const auto scenario = readScenario(kit);
  ASSERT_TRUE(scenario) << scenario.diag().str();
  EXPECT_LE(scenario->assembly.program.lines.size(), 2u) << text("program.twasm");
  const auto again = compareModels(models, *scenario);
  ASSERT_TRUE(again) << "the program of the kit no longer shows it";
  ASSERT_TRUE(again->divergence.place);
  std::ostringstream place;
  place << "0 " << again->divergence.place->cycle << "\n";
  EXPECT_EQ(text("place.txt"), place.str());

  for (const Model &model : models) {
    EXPECT_THAT(text(model.name + ".state.txt"),
                AllOf(HasSubstr("cycle " + std::to_string(again->divergence.place->cycle)), HasSubstr("LA: "),
                      HasSubstr("ST: "), HasSubstr("queue "), HasSubstr("semaphores:"), HasSubstr("STATUS 0x")));
    EXPECT_THAT(text(model.name + ".trace.txt"), AllOf(HasSubstr("cycles "), HasSubstr("FE line ")));
    for (const char *space : {"SPM", "ACC", "PARAM", "LUT", "DRAM"})
      EXPECT_TRUE(holds(model.name + "." + space + ".bin")) << space;
  }
  EXPECT_THAT(text("differences.txt"), AllOf(HasSubstr("cycle: "), HasSubstr("slow: ")));
  EXPECT_THAT(text("README.txt"), AllOf(HasSubstr(again->divergence.text), HasSubstr("--replay " + kit)));
}

TEST_F(KitTest, AWrongByteIsNamedAndTheInstructionThatLeavesItIsKept) {
  const std::vector<Model> models = {cycleModel(), tamperedModel(isa::Opcode::Gemm, 0)};
  ASSERT_TRUE(diverge(models).divergence);
  const auto scenario = readScenario(kit);
  ASSERT_TRUE(scenario) << scenario.diag().str();
  EXPECT_LE(scenario->assembly.program.lines.size(), 8u) << text("program.twasm");
  EXPECT_THAT(text("program.twasm"), HasSubstr("gemm "));
  EXPECT_TRUE(compareModels(models, *scenario));
  EXPECT_THAT(text("differences.txt"), AllOf(HasSubstr("DRAM from byte "), HasSubstr("tampered:")));
}

TEST_F(KitTest, TheJobAfterTheTroubleIsPartOfTheKit) {
  const std::vector<Model> models = {cycleModel(), tamperedModel(isa::Opcode::End, 1)};
  ASSERT_TRUE(diverge(models).divergence);
  const auto scenario = readScenario(kit);
  ASSERT_TRUE(scenario && scenario->next);
  EXPECT_EQ(scenario->next->program.lines.size(), 1u) << text("next.twasm");
  const auto again = compareModels(models, *scenario);
  ASSERT_TRUE(again);
  EXPECT_THAT(again->divergence.text, HasSubstr("in the next job: DRAM byte "));
  EXPECT_EQ(text("place.txt").substr(0, 2), "1 ");
}

TEST_F(KitTest, HoldsAWaveformOrSaysHowToGetIt) {
  ASSERT_TRUE(diverge({cycleModel(), slowModel()}).divergence);
  const Status written = writeWaveform(kit);
  if (written) {
    EXPECT_THAT(text("wave.vcd"), AllOf(HasSubstr("$enddefinitions"), HasSubstr("tw_top"), HasSubstr("\n#")));
    EXPECT_THAT(text("README.txt"), HasSubstr("wave.vcd"));
  } else {
    EXPECT_FALSE(holds("wave.vcd"));
    EXPECT_THAT(text("README.txt"), AllOf(HasSubstr("--waveform " + kit), HasSubstr(written.diag().text)));
  }
}

TEST_F(KitTest, AScenarioIsReadBackAsItWasWritten) {
  Scenario scenario;
  scenario.config = test::testConfig("tw16");
  scenario.config.name = "none";
  scenario.config.queueDepth = 8;
  scenario.assembly.program.lines = {isa::Line(isa::Opcode::Mark), isa::Line(isa::Opcode::End)};
  scenario.memory = "random:7";
  scenario.errors = {{BusError::kDescriptor, 16, 16, isa::AxiResponse::DecodeError, true, false},
                     {2, 4096, 16, isa::AxiResponse::SlaveError, false, true}};
  scenario.serial = true;
  scenario.poison = 0xA5;
  scenario.cycleBudget = 99;
  scenario.resetAt = 5;
  scenario.abortAt = 6;
  scenario.next = scenario.assembly;
  scenario.next->program.lines.pop_back();
  kit = (folder.path() / "kit").string();
  writeScenario(kit, scenario);
  const auto again = readScenario(kit);
  ASSERT_TRUE(again) << again.diag().str();
  EXPECT_EQ(again->config.name, "none");
  EXPECT_EQ(isa::configHash(again->config), isa::configHash(scenario.config)) << "a machine that no tool knows by name";
  EXPECT_EQ(again->assembly.program, scenario.assembly.program);
  EXPECT_EQ(again->next->program, scenario.next->program);
  EXPECT_EQ(again->memory, scenario.memory);
  EXPECT_EQ(again->errors, scenario.errors);
  EXPECT_EQ(again->serial, true);
  EXPECT_EQ(again->poison, 0xA5);
  EXPECT_EQ(again->cycleBudget, 99u);
  EXPECT_EQ(again->resetAt, scenario.resetAt);
  EXPECT_EQ(again->abortAt, scenario.abortAt);
}

TEST_F(KitTest, AFolderThatIsNoKitIsRefused) {
  EXPECT_FALSE(readScenario(folder.path().string()));
  std::ofstream(folder.path() / "stimulus.cfg") << "config = tw8\nerror = r:slverr:9\n";
  const auto read = readScenario(folder.path().string());
  ASSERT_FALSE(read);
  EXPECT_THAT(read.diag().str(), HasSubstr("error = r:slverr:9"));
}

} // namespace
