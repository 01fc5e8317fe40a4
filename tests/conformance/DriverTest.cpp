// SPDX-License-Identifier: Apache-2.0
// The driver itself: identity, device memory, packages, plans. One transport is enough.
#include "Devices.h"

#include "tw/isa/Package.h"
#include "tw/support/HostCode.h"
#include "tw/support/Packages.h"
#include "tw/support/Paths.h"

#include <gmock/gmock.h>

#include <fstream>
#include <utility>

using namespace tw;
using namespace tw::conformance;
using testing::HasSubstr;

namespace {

class DriverTest : public testing::Test {
protected:
  void SetUp() override { ASSERT_EQ(device.open({"functional", tw_transport_open_functional, true, false}), ""); }

  /// Copies 16 bytes by the machine from input to output, through a host step if `host`.
  isa::Package copyPackage(bool host = false, int added = 1) {
    isa::Package package;
    package.config = device.config;
    const auto walk = [](isa::Opcode opcode, int64_t region) {
      return isa::Line(opcode)
          .set(isa::ld::region, region)
          .set(isa::ld::n0, 2)
          .set(isa::ld::n1, 1)
          .set(isa::ld::n2, 1)
          .set(isa::ld::n3, 1);
    };
    isa::Line load = walk(isa::Opcode::Ld, 4).setTag(7), store = walk(isa::Opcode::St, host ? 2 : 5);
    load.set(isa::header::post0_valid, 1);
    store.set(isa::header::wait0_valid, 1);
    package.program.lines = {isa::Line(isa::Opcode::Mark), isa::Line(isa::Opcode::End), load, store,
                             isa::Line(isa::Opcode::End)};
    package.program.tags[7] = "first convolution";
    package.tensors = {{"in", TW_PKG_I8, {16}}, {"out", TW_PKG_I8, {16}}};
    package.buffers = {{TW_PKG_INPUT, 4, 0, 16, 0, "in"}, {TW_PKG_OUTPUT, host ? TW_PKG_NONE : 5, 0, 16, 1, "out"}};
    package.counts = {{0, 16, 16, 0}};
    package.steps = {isa::runLines(2, 3, 0)};
    if (host) {
      package.buffers.push_back({TW_PKG_TEMP, 2, 0, 16, TW_PKG_NONE, "between"});
      package.arenaBytes = 16;
      package.steps.push_back(isa::runHostCode({{"addOne"}}, {1, 2}));
      test::setHostCode(package, test::compileHostCode(test::addOneSource(added)));
    }
    package.entries = {{"main", 0, uint32_t(package.steps.size()), {0}, {1}}};
    return package;
  }

  tw_status open(const isa::Package &package, uint32_t flags = TW_OPEN_ALLOW_HOST_CODE) {
    path = (folder.path() / "model.npk").string();
    test::writePackage(package, path);
    return tw_program_open(device.device, path.c_str(), flags, &program, &device.error);
  }

  void TearDown() override {
    tw_instance_destroy(instance);
    tw_program_close(program);
  }

  test::TempDir folder;
  std::string path;
  Device device;
  tw_program *program = nullptr;
  tw_instance *instance = nullptr;
  std::array<int8_t, 16> in{1, 2, 3, -4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 127}, out{};

  tw_status run(tw_run_stats *stats = nullptr) {
    const void *inputs[] = {in.data()};
    void *outputs[] = {out.data()};
    return tw_instance_run(instance, tw_program_entry(program, "main"), inputs, outputs, stats, &device.error);
  }
};

TEST_F(DriverTest, ABufferOfAnotherEntryIsRefused) {
  isa::Package package = copyPackage();
  package.tensors.push_back({"other", TW_PKG_I8, {16}});
  package.buffers.push_back({TW_PKG_INPUT, TW_PKG_NONE, 0, 16, 2, "other"});
  package.steps.push_back(isa::copyBytes(1, 2, 16));
  package.entries[0].stepCount = 2;
  ASSERT_EQ(open(package), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  EXPECT_EQ(run(), TW_ERROR_PACKAGE);
  EXPECT_THAT(device.error.text, HasSubstr("step 1 uses buffer 2, an input or output of another entry"));
}

TEST_F(DriverTest, RunsThePlanOfAPackage) {
  ASSERT_EQ(open(copyPackage()), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  tw_run_stats stats;
  ASSERT_EQ(run(&stats), TW_OK) << device.error.text;
  EXPECT_EQ(out, in);
  EXPECT_EQ(stats.npu_steps, 1u);
  EXPECT_EQ(stats.bytes_read, 16u);
  in[3] = 99;
  ASSERT_EQ(run(), TW_OK);
  EXPECT_EQ(out, in) << "a second run sees its own input";
}

TEST_F(DriverTest, CallsHostCode) {
  ASSERT_EQ(open(copyPackage(true)), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  ASSERT_EQ(run(), TW_OK) << device.error.text;
  EXPECT_EQ(out[0], 2);
  EXPECT_EQ(out[3], -3);
}

TEST_F(DriverTest, ProgramsLoadedAtOnceCallTheirOwnHostCode) {
  ASSERT_EQ(open(copyPackage(true)), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  tw_program *first = std::exchange(program, nullptr);
  tw_instance *firstInstance = std::exchange(instance, nullptr);
  ASSERT_EQ(open(copyPackage(true, 5)), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  ASSERT_EQ(run(), TW_OK) << device.error.text;
  EXPECT_EQ(out[0], 6);
  tw_instance_destroy(std::exchange(instance, firstInstance));
  tw_program_close(std::exchange(program, first));
  ASSERT_EQ(run(), TW_OK) << device.error.text;
  EXPECT_EQ(out[0], 2);
}

TEST_F(DriverTest, NamesAHostFunctionThatIsNotThere) {
  isa::Package package = copyPackage(true);
  package.steps.back().phases[0].function = "addTwo";
  EXPECT_EQ(open(package), TW_ERROR_HOST_CODE);
  EXPECT_THAT(device.error.text, HasSubstr("a step calls 'addTwo', which the package's host code does not have"));
}

TEST_F(DriverTest, AFaultNamesLineAndOperator) {
  isa::Package package = copyPackage();
  package.program.lines[2].set(isa::ld::region, 6);
  ASSERT_EQ(open(package), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK);
  EXPECT_EQ(run(), TW_ERROR_FAULT);
  EXPECT_THAT(device.error.text, HasSubstr("REGION_PERMISSION at line 2 (engine FE, tag 7: first convolution"));
}

TEST_F(DriverTest, ComparesTheWorkWithThePrediction) {
  isa::Package package = copyPackage();
  package.counts[0].bytes_read = 24;
  ASSERT_EQ(open(package), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK);
  EXPECT_EQ(run(), TW_ERROR_COUNTS);
  EXPECT_THAT(device.error.text, HasSubstr("0 MACs, 16 bytes read, 16 written; the compiler predicted 0, 24, 16"));
}

/// A line that is legal and takes some 10^18 cycles.
isa::Line endless() {
  return isa::Line(isa::Opcode::Fill)
      .set(isa::fill::n0, 1000)
      .set(isa::fill::n1, 60000)
      .set(isa::fill::n2, 60000)
      .set(isa::fill::n3, 60000);
}

TEST_F(DriverTest, ALegalEndlessProgramEndsWithItsBudget) {
  isa::Package package = copyPackage();
  package.counts[0].cycles = 50;
  package.program.lines[3] = endless();
  ASSERT_EQ(open(package), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK);
  EXPECT_EQ(run(), TW_ERROR_TIMEOUT);
  EXPECT_THAT(device.error.text, HasSubstr("step 0: its job takes more than its budget of 1005000 cycles, or than the "
                                           "device is waited for; 50 are predicted"));
  ASSERT_EQ(tw_device_recover(device.device, 0, nullptr, &device.error), TW_OK);
  tw_instance_budget(instance, 7);
  EXPECT_EQ(run(), TW_ERROR_TIMEOUT);
  EXPECT_THAT(device.error.text, HasSubstr("its budget of 7 cycles"));
}

TEST_F(DriverTest, AJobOfTheCallerHasABudgetToo) {
  device.submit({endless(), isa::Line(isa::Opcode::End)});
  EXPECT_EQ(tw_job_wait(device.device, &device.result, &device.error), TW_ERROR_TIMEOUT);
}

TEST_F(DriverTest, APackageCannotPredictItselfAnEndlessBudget) {
  isa::Package package = copyPackage();
  package.counts[0].cycles = uint64_t{1} << 62;
  ASSERT_EQ(open(package), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK);
  EXPECT_EQ(run(), TW_ERROR_PACKAGE);
  EXPECT_THAT(device.error.text, HasSubstr("a run of 1 NPU steps and 10000000000 predicted cycles"));
  tw_instance_budget(instance, 1000);
  EXPECT_EQ(run(), TW_OK) << device.error.text;
}

TEST_F(DriverTest, ManyShortStepsAreNoWayToAnEndlessRun) {
  constexpr uint64_t kBytes = 1 << 16;
  const std::pair<isa::PackageStep, uint32_t> cases[] = {{isa::runLines(2, 3, 0), 10000},
                                                         {isa::copyBytes(2, 2, kBytes), 160000}};
  for (const auto &[step, count] : cases) {
    isa::Package package = copyPackage();
    package.buffers.push_back({TW_PKG_TEMP, TW_PKG_NONE, 0, kBytes, TW_PKG_NONE, ""});
    package.arenaBytes = kBytes;
    package.steps.assign(count, step);
    package.entries[0].stepCount = count;
    ASSERT_EQ(open(package), TW_OK) << device.error.text;
    if (tw_instance_create(program, &instance, &device.error) == TW_OK)
      EXPECT_EQ(run(), TW_ERROR_PACKAGE);
    EXPECT_THAT(device.error.text, testing::AnyOf(HasSubstr("10000 NPU steps"), HasSubstr("copy 10485760000 bytes")));
    tw_instance_destroy(std::exchange(instance, nullptr));
    tw_program_close(std::exchange(program, nullptr));
  }
}

TEST_F(DriverTest, ALyingConfigurationIsRefusedByWhoReadsIt) {
  path = (folder.path() / "model.npk").string();
  const Result<std::vector<uint8_t>> good = isa::serializePackage(copyPackage());
  ASSERT_TRUE(good) << good.diag().str();
  for (uint32_t key = 0; key != TW_CFG_KEYS; ++key) {
    std::vector<uint8_t> bytes = *good;
    uint32_t &value = test::configValue(bytes, key);
    value = value == isa::kConfigKeys[key].max ? isa::kConfigKeys[key].min : isa::kConfigKeys[key].max;
    test::rightChecksums(bytes);
    if (!isa::kConfigKeys[key].hashed)
      continue;
    EXPECT_EQ(tw_program_load(device.device, bytes.data(), bytes.size(), 0, &program, &device.error), TW_ERROR_PACKAGE);
    EXPECT_THAT(device.error.text, HasSubstr("not the one whose hash the instruction lines tell"))
        << isa::kConfigKeys[key].key;
  }
}

TEST_F(DriverTest, TellsAnObserverEveryStep) {
  ASSERT_EQ(open(copyPackage(true)), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK);
  std::vector<std::string> seen;
  tw_instance_observe(
      instance,
      [](void *context, uint32_t step, const tw_job_result *job, void *const *buffers) {
        static_cast<std::vector<std::string> *>(context)->push_back(
            std::to_string(step) + (job ? " npu " : " host ") + std::to_string(static_cast<int8_t *>(buffers[2])[3]));
      },
      &seen);
  ASSERT_EQ(run(), TW_OK);
  EXPECT_THAT(seen, testing::ElementsAre("0 npu -4", "1 host -4"));
}

TEST_F(DriverTest, RefusesAPackageForAnotherMachineAndADamagedOne) {
  isa::Package package = copyPackage();
  package.config = test::testConfig("tw16");
  EXPECT_EQ(open(package), TW_ERROR_PACKAGE);
  EXPECT_EQ(program, nullptr);
  ASSERT_EQ(open(copyPackage()), TW_OK) << device.error.text;
  tw_program_close(program);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(300);
  file.put(char(file.peek() ^ 1));
  file.close();
  EXPECT_EQ(tw_program_open(device.device, path.c_str(), 0, &program, &device.error), TW_ERROR_PACKAGE);
  EXPECT_EQ(tw_program_open(device.device, "/nowhere.npk", 0, &program, &device.error), TW_ERROR_PACKAGE);
  EXPECT_THAT(device.error.text, HasSubstr("/nowhere.npk: No such file"));
  EXPECT_EQ(tw_program_load(device.device, "short", 5, 0, &program, &device.error), TW_ERROR_PACKAGE);
}

TEST_F(DriverTest, DeviceMemoryIsReusedAndEndsWithAMessage) {
  tw_memory a{}, b{}, c{};
  ASSERT_EQ(tw_memory_allocate(device.device, 5000, &a, &device.error), TW_OK);
  ASSERT_EQ(tw_memory_allocate(device.device, 1, &b, &device.error), TW_OK);
  EXPECT_EQ(b.address, a.address + 8192);
  const uint64_t place = a.address;
  a.host[0] = 1;
  tw_memory_free(device.device, &a);
  ASSERT_EQ(tw_memory_allocate(device.device, 8192, &c, &device.error), TW_OK);
  EXPECT_EQ(c.address, place);
  EXPECT_EQ(c.host[0], 0) << "memory is handed out zeroed";
  EXPECT_EQ(tw_memory_allocate(device.device, Device::kBytes, &a, &device.error), TW_ERROR_NO_MEMORY);
  EXPECT_THAT(device.error.text, HasSubstr("1048576 bytes wanted"));
}

TEST_F(DriverTest, OneJobAtATime) {
  EXPECT_EQ(tw_job_wait(device.device, &device.result, &device.error), TW_ERROR_ARGUMENT);
  device.submit({isa::Line(isa::Opcode::End)});
  const tw_job job{0, 1, 0, 0};
  EXPECT_EQ(tw_job_submit(device.device, &job, &device.error), TW_ERROR_ARGUMENT);
}

TEST_F(DriverTest, AnotherDeviceIsRefusedByItsIdentity) {
  tw_transport_config config{};
  drivers::writeConfig(device.config, config);
  config.memory_bytes = 1 << 16;
  tw_transport transport{};
  ASSERT_EQ(tw_transport_open_null(&config, &transport, nullptr), TW_OK);
  static tw_transport_ops lying = *transport.ops;
  lying.read32 = [](void *, uint32_t) { return 0xFFFFFFFFu; };
  transport.ops = &lying;
  tw_device *other = nullptr;
  EXPECT_EQ(tw_device_open(transport, &other, &device.error), TW_ERROR_IDENTITY);
  EXPECT_THAT(device.error.text, HasSubstr("ID register reads 0xffffffff, expected 0x314e5754"));
}

TEST_F(DriverTest, BadConfigurationsAreRefusedByTheTransport) {
  tw_transport_config config{};
  drivers::writeConfig(device.config, config);
  config.values[TW_CFG_N] = 12;
  tw_transport transport{};
  EXPECT_EQ(tw_transport_open_functional(&config, &transport, &device.error), TW_ERROR_ARGUMENT);
  EXPECT_THAT(device.error.text, HasSubstr("12"));
}

TEST(DriverTextTest, EveryStatusAndFaultHasASentence) {
  for (int i = 0; i < TW_STATUS_COUNT; ++i)
    EXPECT_GT(std::strlen(tw_status_text(tw_status(i))), 5u) << i;
  for (const isa::FaultInfo &fault : isa::kFaults) {
    EXPECT_EQ(fault.name, tw_fault_name(uint32_t(fault.code)));
    EXPECT_EQ(fault.doc, tw_fault_text(uint32_t(fault.code)));
  }
  EXPECT_STREQ(tw_fault_name(200), "?");
}

} // namespace
