// SPDX-License-Identifier: Apache-2.0
// What is left of one program for the next, and how a device whose job does not end is got back; on every model.
#include "tw/drivers/MachineTransport.h"
#include "tw/drivers/tilewright.h"
#include "tw/isa/Package.h"
#include "tw/simulator/Cycle.h"
#include "tw/simulator/FunctionalMachine.h"
#include "tw/support/Job.h"
#include "tw/support/Packages.h"
#include "tw/support/Paths.h"
#ifdef TW_CONFORMANCE_RTL
#include "tw/rtl/Model.h"
#endif

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <numeric>

using namespace tw;
using testing::Each;
using testing::HasSubstr;

namespace {

constexpr uint64_t kBytes = 1 << 20;
constexpr uint8_t kPoison = 0xA5;

/// Stands between driver and machine: sees each reset, and can be a device that is stuck or gone.
struct Watched {
  tw_transport inner{};
  const isa::Machine *machine = nullptr;
  bool ignoresAbort = false, isGone = false;
  std::vector<std::array<std::vector<uint8_t>, 4>> onChipAtReset; // by isa::Space

  static Watched &of(void *context) { return *static_cast<Watched *>(context); }
  static uint32_t read32(void *c, uint32_t offset) {
    return of(c).isGone ? ~0u : of(c).inner.ops->read32(of(c).inner.context, offset);
  }
  static void write32(void *c, uint32_t offset, uint32_t value) {
    if (!of(c).ignoresAbort || offset != TW_REG_ABORT)
      of(c).inner.ops->write32(of(c).inner.context, offset, value);
  }
  static uint8_t *memory(void *c, uint64_t *bytes) { return of(c).inner.ops->memory(of(c).inner.context, bytes); }
  static int wait(void *c, uint64_t limit) { return of(c).inner.ops->wait(of(c).inner.context, limit); }
  static int interrupt(void *c) { return of(c).inner.ops->interrupt(of(c).inner.context); }
  static void reset(void *c) {
    auto &seen = of(c).onChipAtReset.emplace_back();
    for (int space = 0; space != 4; ++space)
      seen[space] = of(c).machine->dumpSpace(space);
    of(c).inner.ops->reset(of(c).inner.context);
  }
  static void close(void *c) { of(c).inner.ops->close(of(c).inner.context); }
};
constexpr tw_transport_ops kWatchedOps = {"watched",     Watched::read32,    Watched::write32, Watched::memory,
                                          Watched::wait, Watched::interrupt, Watched::reset,   Watched::close};

class ContextTest : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    isa::MachineOptions options;
    options.poison = kPoison;
    std::unique_ptr<isa::Machine> machine;
    if (model() == "functional") {
      machine = simulator::createFunctionalMachine(config, kBytes, options);
    } else if (model() == "cycle") {
      simulator::CycleOptions cycle;
      static_cast<isa::MachineOptions &>(cycle) = options;
      machine = simulator::createCycleMachine(config, kBytes, cycle);
    } else {
#ifdef TW_CONFORMANCE_RTL
      auto built = rtl::loadModel(config.name, options, *isa::parseMemoryTiming("ideal"), kBytes);
      if (!built)
        GTEST_SKIP() << built.diag().str();
      machine = std::move(*built);
#endif
    }
    watched.machine = machine.get();
    watched.inner = drivers::makeMachineTransport(std::move(machine));
    ASSERT_EQ(tw_device_open({&kWatchedOps, &watched}, &device, &error), TW_OK) << error.text;
  }
  void TearDown() override {
    for (tw_instance *instance : instances)
      tw_instance_destroy(instance);
    for (tw_program *program : programs)
      tw_program_close(program);
    tw_device_close(device);
  }
  std::string_view model() const { return GetParam(); }

  /// A package that loads a row and stores it, then ends.
  tw_program *load() {
    isa::Package package;
    package.config = config;
    const auto walk = [](isa::Opcode opcode, int64_t region) {
      return isa::Line(opcode)
          .set(isa::ld::region, region)
          .set(isa::ld::n0, 2)
          .set(isa::ld::n1, 1)
          .set(isa::ld::n2, 1)
          .set(isa::ld::n3, 1);
    };
    isa::Line in = walk(isa::Opcode::Ld, 4), out = walk(isa::Opcode::St, 5);
    in.set(isa::header::post0_valid, 1);
    out.set(isa::header::wait0_valid, 1);
    package.program.lines = {in, out, isa::Line(isa::Opcode::End)};
    package.tensors = {{"in", TW_PKG_I8, {16}}, {"out", TW_PKG_I8, {16}}};
    package.buffers = {{TW_PKG_INPUT, 4, 0, 16, 0, "in"}, {TW_PKG_OUTPUT, 5, 0, 16, 1, "out"}};
    package.steps = {isa::runLines(0, 3)};
    package.entries = {{"main", 0, 1, {0}, {1}}};
    const std::string path = (folder.path() / "model.npk").string();
    test::writePackage(package, path);
    tw_program *program = nullptr;
    EXPECT_EQ(tw_program_open(device, path.c_str(), 0, &program, &error), TW_OK) << error.text;
    programs.push_back(program);
    return program;
  }
  tw_instance *instanceOf(tw_program *program) {
    tw_instance *instance = nullptr;
    EXPECT_EQ(tw_instance_create(program, &instance, &error), TW_OK) << error.text;
    instances.push_back(instance);
    return instance;
  }
  void runs(tw_instance *instance) {
    std::array<int8_t, 16> in{}, out{};
    std::iota(in.begin(), in.end(), int8_t(1));
    const void *inputs[] = {in.data()};
    void *outputs[] = {out.data()};
    ASSERT_EQ(tw_instance_run(instance, 0, inputs, outputs, nullptr, &error), TW_OK) << error.text;
    EXPECT_EQ(in, out);
  }
  void expectClearedOnce() {
    ASSERT_EQ(watched.onChipAtReset.size(), 1u);
    for (int space = 0; space != 4; ++space) {
      EXPECT_FALSE(watched.onChipAtReset[0][space].empty());
      EXPECT_THAT(watched.onChipAtReset[0][space], Each(0)) << "space " << space;
    }
  }
  void submit(const std::vector<isa::Line> &lines, uint64_t waitLimit = 0) {
    ASSERT_EQ(tw_memory_allocate(device, lines.size() * isa::kLineBytes, &code, &error), TW_OK) << error.text;
    for (size_t i = 0; i != lines.size(); ++i)
      std::memcpy(code.host + i * isa::kLineBytes, lines[i].bytes().data(), isa::kLineBytes);
    const tw_region region{code.address, code.bytes, TW_REGION_PERM_EXECUTE_MASK};
    tw_region_set(device, TW_ROLE_CODE, &region);
    const tw_job job{0, uint32_t(lines.size()), 0, waitLimit};
    ASSERT_EQ(tw_job_submit(device, &job, &error), TW_OK) << error.text;
  }
  /// Starts a job of 40,000 cycles and more, and gives up after 100.
  void startLongJob() {
    std::vector<isa::Line> lines(40, isa::Line(isa::Opcode::Fill)
                                         .set(isa::fill::n0, 1000)
                                         .set(isa::fill::n1, 1)
                                         .set(isa::fill::n2, 1)
                                         .set(isa::fill::n3, 1));
    lines.push_back(isa::Line(isa::Opcode::End));
    submit(lines, 100);
    ASSERT_EQ(tw_job_wait(device, nullptr, &error), TW_ERROR_TIMEOUT) << error.text;
  }

  isa::HwConfig config = test::testConfig("tw8");
  test::TempDir folder;
  Watched watched;
  tw_device *device = nullptr;
  std::vector<tw_program *> programs;
  std::vector<tw_instance *> instances;
  tw_memory code{};
  tw_error error{};
};

TEST_P(ContextTest, AProgramFindsNothingOfTheOneBefore) {
  tw_instance *first = instanceOf(load()), *second = instanceOf(load());
  runs(first);
  runs(second);
  expectClearedOnce();
}

TEST_P(ContextTest, AProgramFindsNothingOfAJobOfTheCaller) {
  tw_instance *instance = instanceOf(load());
  submit({isa::Line(isa::Opcode::End)});
  ASSERT_EQ(tw_job_wait(device, nullptr, &error), TW_OK) << error.text;
  runs(instance);
  expectClearedOnce();
}

TEST_P(ContextTest, OneProgramIsNotClearedBetweenItsRuns) {
  tw_program *program = load();
  tw_instance *first = instanceOf(program), *second = instanceOf(program);
  for (tw_instance *instance : {first, second, first})
    runs(instance);
  EXPECT_EQ(watched.onChipAtReset.size(), 0u);
  EXPECT_EQ(tw_program_clear(program, &error), TW_OK) << error.text;
  expectClearedOnce();
  runs(second);
  EXPECT_EQ(watched.onChipAtReset.size(), 1u) << "nothing was left";
}

TEST_P(ContextTest, ARowThatNobodyLoadedIsAFaultAfterClearing) {
  tw_program *program = load();
  runs(instanceOf(program));
  ASSERT_EQ(tw_program_clear(program, &error), TW_OK) << error.text;
  submit({isa::Line(isa::Opcode::Lut).set(isa::lut::n0, 1).set(isa::lut::n1, 1).set(isa::lut::n2, 1),
          isa::Line(isa::Opcode::End)});
  tw_job_result result{};
  EXPECT_EQ(tw_job_wait(device, &result, &error), TW_ERROR_FAULT);
  EXPECT_EQ(result.code, TW_FAULT_UNINIT_PARAM);
}

TEST_P(ContextTest, AnAbortIsEnoughForADeviceThatListens) {
  if (model() == "functional")
    GTEST_SKIP() << "the functional model has no time: its jobs end at once";
  startLongJob();
  tw_recovery how{};
  ASSERT_EQ(tw_device_recover(device, 5000, &how, &error), TW_OK) << error.text;
  EXPECT_EQ(how, TW_RECOVERED_BY_ABORT);
  EXPECT_EQ(watched.onChipAtReset.size(), 0u);
  runs(instanceOf(load()));
}

TEST_P(ContextTest, AResetIsEnoughForADeviceThatDoesNot) {
  if (model() == "functional")
    GTEST_SKIP() << "the functional model has no time: its jobs end at once";
  startLongJob();
  watched.ignoresAbort = true;
  tw_recovery how{};
  ASSERT_EQ(tw_device_recover(device, 5000, &how, &error), TW_OK) << error.text;
  EXPECT_EQ(how, TW_RECOVERED_BY_RESET);
  runs(instanceOf(load()));
}

TEST_P(ContextTest, ADeviceThatDoesNotAnswerIsLost) {
  watched.isGone = true;
  EXPECT_EQ(tw_device_recover(device, 1000, nullptr, &error), TW_ERROR_LOST);
  EXPECT_THAT(error.text, HasSubstr("watched: no answer after abort and reset (ID 0xffffffff"));
}

INSTANTIATE_TEST_SUITE_P(Models, ContextTest,
                         testing::Values("functional"
#ifdef TW_CONFORMANCE_CYCLE
                                         ,
                                         "cycle"
#endif
#ifdef TW_CONFORMANCE_RTL
                                         ,
                                         "rtl"
#endif
                                         ),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
