// SPDX-License-Identifier: Apache-2.0
// State that an instance keeps between runs, of several entries, and dimensions that a run binds: on every transport.
#include "Devices.h"

#include "tw/isa/Package.h"
#include "tw/support/HostCode.h"
#include "tw/support/Packages.h"

#include <gmock/gmock.h>

#include <array>

using namespace tw;
using namespace tw::conformance;
using testing::StartsWith;

namespace {

constexpr int64_t kRoom = 4;

/// Two entries on one state of four numbers: `put` writes its input at a position, `sum` adds what is there. A run of
/// `put` with a negative number fails in its last step.
isa::Package numbers() {
  const std::string source = "int put" + test::kHostArguments +
                             " {\n  ((long *)b[0])[dims[0]] = *(long *)b[1];\n  return 0;\n}\n"
                             "int look" +
                             test::kHostArguments +
                             " {\n  return *(long *)b[0] < 0;\n}\n"
                             "int sum" +
                             test::kHostArguments +
                             " {\n  long *state = b[1], sum = 0;\n  for (int i = 0; i < 4; ++i)\n    sum += state[i];\n"
                             "  *(long *)b[0] = sum;\n  return 0;\n}\n";
  isa::Package package;
  package.tensors = {{"value", TW_PKG_I64, {1}}, {"position", TW_PKG_I64, {1}}, {"sum", TW_PKG_I64, {1}}};
  package.buffers = {{TW_PKG_STATE, TW_PKG_NONE, 0, 8 * kRoom, TW_PKG_NONE, "numbers"},
                     {TW_PKG_INPUT, TW_PKG_NONE, 0, 8, 0, "value"},
                     {TW_PKG_INPUT, TW_PKG_NONE, 0, 8, 1, "position"},
                     {TW_PKG_OUTPUT, TW_PKG_NONE, 0, 8, 2, "sum"}};
  package.stateBytes = 8 * kRoom;
  package.dims = {{"position", 0, kRoom - 1}};
  package.steps = {{.op = TW_PKG_STEP_BIND_DIM, .arguments = {2}, .target = 0},
                   isa::runHostCode({{"put"}}, {0, 1}),
                   isa::runHostCode({{"look"}}, {1}),
                   isa::runHostCode({{"sum"}}, {3, 0})};
  package.entries = {{"put", 0, 3, {1, 2}, {}}, {"sum", 3, 1, {}, {3}}};
  test::setHostCode(package, test::compileHostCode(source));
  return package;
}

class StateTest : public testing::TestWithParam<TransportCase> {
protected:
  void SetUp() override {
    if (const std::string reason = device.open(GetParam()); !reason.empty())
      GTEST_SKIP() << reason;
    const Result<std::vector<uint8_t>> bytes = isa::serializePackage(numbers());
    ASSERT_TRUE(bytes) << bytes.diag().str();
    ASSERT_EQ(
        tw_program_load(device.device, bytes->data(), bytes->size(), TW_OPEN_ALLOW_HOST_CODE, &program, &device.error),
        TW_OK)
        << device.error.text;
    for (tw_instance *&instance : instances)
      ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  }

  void TearDown() override {
    for (tw_instance *instance : instances)
      tw_instance_destroy(instance);
    tw_program_close(program);
  }

  tw_status put(int64_t value, int64_t position, int instance = 0) {
    const void *inputs[] = {&value, &position};
    return tw_instance_run(instances[instance], tw_program_entry(program, "put"), inputs, nullptr, nullptr,
                           &device.error);
  }

  int64_t sum(int instance = 0) {
    int64_t sum = -1;
    void *outputs[] = {&sum};
    EXPECT_EQ(tw_instance_run(instances[instance], tw_program_entry(program, "sum"), nullptr, outputs, nullptr,
                              &device.error),
              TW_OK)
        << device.error.text;
    return sum;
  }

  Device device;
  tw_program *program = nullptr;
  std::array<tw_instance *, 2> instances{};
};

TEST_P(StateTest, WhatOneEntryLeavesTheOtherFinds) {
  EXPECT_EQ(sum(), 0);
  ASSERT_EQ(put(5, 0), TW_OK) << device.error.text;
  ASSERT_EQ(put(7, 3), TW_OK) << device.error.text;
  EXPECT_EQ(sum(), 12);
  ASSERT_EQ(put(1, 0), TW_OK);
  EXPECT_EQ(sum(), 8);
  tw_instance_reset_state(instances[0]);
  EXPECT_EQ(sum(), 0);
}

TEST_P(StateTest, InterleavedInstancesDoNotSeeEachOther) {
  for (int64_t i = 0; i != kRoom; ++i) {
    ASSERT_EQ(put(1, i, 0), TW_OK);
    ASSERT_EQ(put(100, i, 1), TW_OK);
    EXPECT_EQ(sum(0), i + 1);
    EXPECT_EQ(sum(1), 100 * (i + 1));
  }
  tw_instance_reset_state(instances[1]);
  EXPECT_EQ(sum(0), kRoom);
  EXPECT_EQ(sum(1), 0);
}

TEST_P(StateTest, WhatThereIsNoRoomForIsRefusedBeforeAnythingIsWritten) {
  ASSERT_EQ(put(5, 3), TW_OK);
  for (const int64_t position : {kRoom, int64_t{-1}, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(put(6, position), TW_ERROR_ARGUMENT);
    EXPECT_EQ(device.error.text, "'position' is " + std::to_string(position) +
                                     ", the package was compiled for 0 to 3: give another value, or compile the model "
                                     "for more");
  }
  EXPECT_EQ(sum(), 5) << "the state is as it was, and may be used";
}

TEST_P(StateTest, AStateBeginsAsThePackageSaysAndSoAgainAfterAReset) {
  isa::Package package = numbers();
  package.buffers[0].fill = 1;
  package.buffers[0].size = 24; // the last number is no buffer's
  package.buffers.push_back({TW_PKG_STATE, TW_PKG_NONE, 0, 8 * kRoom, TW_PKG_NONE, "all"});
  for (isa::PackageStep &step : package.steps)
    for (uint32_t &argument : step.arguments)
      argument = argument == 0 ? 4 : argument;
  const Result<std::vector<uint8_t>> bytes = isa::serializePackage(package);
  ASSERT_TRUE(bytes) << bytes.diag().str();
  tw_program *other = nullptr;
  ASSERT_EQ(
      tw_program_load(device.device, bytes->data(), bytes->size(), TW_OPEN_ALLOW_HOST_CODE, &other, &device.error),
      TW_OK)
      << device.error.text;
  tw_instance *instance = nullptr;
  ASSERT_EQ(tw_instance_create(other, &instance, &device.error), TW_OK) << device.error.text;
  const auto sum = [&] {
    int64_t result = 0;
    void *outputs[] = {&result};
    EXPECT_EQ(tw_instance_run(instance, 1, nullptr, outputs, nullptr, &device.error), TW_OK) << device.error.text;
    return result;
  };
  constexpr int64_t kOnes = 0x0101010101010101;
  EXPECT_EQ(sum(), 3 * kOnes);
  const int64_t value = 5, position = 3;
  const void *inputs[] = {&value, &position};
  ASSERT_EQ(tw_instance_run(instance, 0, inputs, nullptr, nullptr, &device.error), TW_OK) << device.error.text;
  EXPECT_EQ(sum(), 3 * kOnes + 5);
  tw_instance_reset_state(instance);
  EXPECT_EQ(sum(), 3 * kOnes);
  tw_instance_destroy(instance);
  tw_program_close(other);
}

TEST_P(StateTest, AfterARunThatFailedHalfwayTheStateMustBeReset) {
  ASSERT_EQ(put(5, 0), TW_OK);
  EXPECT_EQ(put(-1, 1), TW_ERROR_HOST_CODE);
  EXPECT_EQ(put(6, 2), TW_ERROR_ARGUMENT);
  EXPECT_THAT(device.error.text, StartsWith("an earlier run failed when it had begun to change the state: reset it"));
  EXPECT_EQ(sum(1), 0) << "another instance does not care";
  tw_instance_reset_state(instances[0]);
  EXPECT_EQ(sum(), 0);
  ASSERT_EQ(put(6, 2), TW_OK);
  EXPECT_EQ(sum(), 6);
}

INSTANTIATE_TEST_SUITE_P(Transports, StateTest, testing::ValuesIn(transports()),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
