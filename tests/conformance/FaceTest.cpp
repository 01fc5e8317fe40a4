// SPDX-License-Identifier: Apache-2.0
// The C++ face of the driver: entries, shapes, state, its reset, capacity, and who lives as long as whom. On every
// transport.
#include "Devices.h"

#include "tw/drivers/Driver.h"
#include "tw/isa/Package.h"
#include "tw/support/HostCode.h"
#include "tw/support/Packages.h"

#include <gmock/gmock.h>

using namespace tw;
using namespace tw::conformance;
using drivers::InputView;
using drivers::Shape;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

constexpr int64_t kRoom = 6;

/// `put2` and `put4` write up to two or four numbers into the state from a position on, zeros for those beside; a
/// negative first one fails when they are written. `look` gives the state.
isa::Package numbers() {
  isa::Package package;
  std::string source;
  package.dims = {{"position", 0, kRoom - 4}, {"new", 1, 2}, {"new", 2, 4}};
  package.buffers = {{TW_PKG_STATE, TW_PKG_NONE, 0, 8 * kRoom, TW_PKG_NONE, "numbers"}};
  package.stateBytes = 8 * kRoom;
  for (uint32_t e = 0; e != 2; ++e) {
    const int64_t most = e == 0 ? 2 : 4;
    const std::string name = "put" + std::to_string(most);
    source += "int " + name + test::kHostArguments + " {\n  for (int i = 0; i < " + std::to_string(most) +
              "; ++i)\n    ((long *)b[0])[dims[0] + i] = ((long *)b[1])[i];\n"
              "  for (int i = 0; i < " +
              std::to_string(most) +
              "; ++i)\n    ((long *)b[2])[i] = 2 * ((long *)b[1])[i];\n  return ((long *)b[1])[0] < 0;\n}\n";
    const auto tensor = uint32_t(package.tensors.size()), buffer = uint32_t(package.buffers.size());
    package.tensors.push_back({"values", TW_PKG_I64, {most}, {uint8_t(e + 2)}});
    package.tensors.push_back({"position", TW_PKG_I64, {1}});
    package.tensors.push_back({"doubled", TW_PKG_I64, {most}, {uint8_t(e + 2)}});
    package.buffers.push_back({TW_PKG_INPUT, TW_PKG_NONE, 0, uint64_t(8 * most), tensor, ""});
    package.buffers.push_back({TW_PKG_INPUT, TW_PKG_NONE, 0, 8, tensor + 1, ""});
    package.buffers.push_back({TW_PKG_OUTPUT, TW_PKG_NONE, 0, uint64_t(8 * most), tensor + 2, ""});
    package.steps.push_back({.op = TW_PKG_STEP_BIND_DIM, .arguments = {buffer + 1}, .target = 0});
    package.steps.push_back(isa::runHostCode({{name}}, {0, buffer, buffer + 2}));
    package.entries.push_back({name, e * 2, 2, {buffer, buffer + 1}, {buffer + 2}});
  }
  source += "int look" + std::string(test::kHostArguments) +
            " {\n  for (int i = 0; i < 6; ++i)\n    ((long *)b[0])[i] = ((long *)b[1])[i];\n  return 0;\n}\n";
  package.tensors.push_back({"all", TW_PKG_I64, {kRoom}});
  package.buffers.push_back({TW_PKG_OUTPUT, TW_PKG_NONE, 0, 8 * kRoom, uint32_t(package.tensors.size()) - 1, ""});
  package.steps.push_back(isa::runHostCode({{"look"}}, {uint32_t(package.buffers.size()) - 1, 0}));
  package.entries.push_back({"look", 4, 1, {}, {uint32_t(package.buffers.size()) - 1}});
  test::setHostCode(package, test::compileHostCode(source));
  return package;
}

class FaceTest : public testing::TestWithParam<TransportCase> {
protected:
  void SetUp() override {
    const isa::HwConfig config = test::testConfig("tw8");
    tw_transport_config wanted{};
    drivers::writeConfig(config, wanted);
    wanted.memory_bytes = 1 << 20;
    wanted.memory = "ideal";
    tw_transport transport{};
    tw_error error{};
    if (GetParam().open(&wanted, &transport, &error) != TW_OK)
      GTEST_SKIP() << error.text;
    Result<drivers::Device> device = drivers::Device::open(transport);
    ASSERT_TRUE(device) << device.diag().str();
    const Result<std::vector<uint8_t>> bytes = isa::serializePackage(numbers());
    ASSERT_TRUE(bytes) << bytes.diag().str();
    Result<drivers::Program> refused = drivers::Program::load(*device, std::as_bytes(std::span(*bytes)));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.diag().text, HasSubstr("TW_OPEN_ALLOW_HOST_CODE"));
    Result<drivers::Program> loaded =
        drivers::Program::load(*device, std::as_bytes(std::span(*bytes)), TW_OPEN_ALLOW_HOST_CODE);
    ASSERT_TRUE(loaded) << loaded.diag().str();
    program.emplace(*loaded); // the device's own name ends here
    for (int i = 0; i != 2; ++i) {
      Result<drivers::Instance> made = drivers::Instance::create(*program);
      ASSERT_TRUE(made) << made.diag().str();
      instances.push_back(std::move(*made));
    }
  }

  Result<drivers::Run> put(const std::vector<int64_t> &values, int64_t position, int instance = 0,
                           std::optional<std::string_view> entry = std::nullopt) {
    const std::vector<int64_t> at{position};
    const InputView inputs[] = {InputView::of({int64_t(values.size())}, values), InputView::of({1}, at)};
    return instances[size_t(instance)].run(inputs, entry);
  }
  std::vector<int64_t> look(int instance = 0) {
    const Result<drivers::Run> run = instances[size_t(instance)].run({}, "look");
    EXPECT_TRUE(run) << run.diag().str();
    const auto values = run ? (*run).outputs[0].values<int64_t>() : std::span<const int64_t>();
    return {values.begin(), values.end()};
  }

  std::optional<drivers::Program> program;
  std::vector<drivers::Instance> instances;
};

TEST_P(FaceTest, EntriesSayWhatTheyTake) {
  EXPECT_THAT(program->entries(), ElementsAre("put2", "put4", "look"));
  const auto inputs = program->inputs("put4");
  ASSERT_TRUE(inputs) << inputs.diag().str();
  EXPECT_EQ((*inputs)[0].name, "values");
  EXPECT_EQ((*inputs)[0].type, TW_PKG_I64);
  EXPECT_THAT((*inputs)[0].least, ElementsAre(2));
  EXPECT_THAT((*inputs)[0].most, ElementsAre(4));
  EXPECT_EQ(program->outputs("look")->size(), 1u);
  const auto none = program->inputs("put3");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.diag().str(), "entry 'put3': is not in the package, which has put2, put4, look: name one of them");
}

TEST_P(FaceTest, InputsChooseTheEntryAndItsStateStays) {
  const std::vector<Shape> three{{3}, {1}};
  EXPECT_EQ(*program->choose(three), "put4");
  const Result<drivers::Run> run = put({7, 8, 9}, 1);
  ASSERT_TRUE(run) << run.diag().str();
  EXPECT_EQ((*run).entry, "put4");
  EXPECT_THAT((*run).outputs[0].shape, ElementsAre(3));
  EXPECT_THAT((*run).outputs[0].values<int64_t>(), ElementsAre(14, 16, 18));
  EXPECT_EQ((*run).stats.host_steps, 1u);
  EXPECT_EQ((*put({5}, 0)).entry, "put2");
  EXPECT_THAT(look(), ElementsAre(5, 0, 8, 9, 0, 0));
  EXPECT_THAT(look(1), ElementsAre(0, 0, 0, 0, 0, 0)) << "an instance's own";
  EXPECT_EQ((*put({5, 6}, 0, 0, "put4")).entry, "put4") << "as asked for";
  instances[0].resetState();
  EXPECT_THAT(look(), ElementsAre(0, 0, 0, 0, 0, 0));
}

TEST_P(FaceTest, WhatThereIsNoRoomForChangesNothing) {
  ASSERT_TRUE(put({1, 2, 3, 4}, 2));
  const Result<drivers::Run> run = put({5, 6}, 3);
  ASSERT_FALSE(run);
  EXPECT_THAT(run.diag().str(), HasSubstr("'position' is 3, the package was compiled for 0 to 2"));
  EXPECT_EQ(instances[0].lastError().status, TW_ERROR_ARGUMENT);
  EXPECT_THAT(look(), ElementsAre(0, 0, 1, 2, 3, 4));
  const Result<drivers::Run> five = put({1, 2, 3, 4, 5}, 0);
  ASSERT_FALSE(five);
  EXPECT_THAT(five.diag().text, HasSubstr("put4: 'new' is 5 in input 'values', not 2 to 4"));
  const Result<drivers::Run> one = put({1}, 0, 0, "put4");
  ASSERT_FALSE(one);
  EXPECT_THAT(one.diag().text,
              StartsWith("entry 'put4' does not take these inputs: 'new' is 1 in input 'values', not 2 to 4"));
}

TEST_P(FaceTest, ARunThatFailsAsksForAReset) {
  ASSERT_TRUE(put({1, 2}, 0));
  ASSERT_FALSE(put({-1, 2}, 0));
  EXPECT_EQ(instances[0].lastError().status, TW_ERROR_HOST_CODE);
  const Result<drivers::Run> after = put({1, 2}, 0);
  ASSERT_FALSE(after);
  EXPECT_THAT(after.diag().text, HasSubstr("reset it"));
  instances[0].resetState();
  EXPECT_TRUE(put({1, 2}, 0));
  EXPECT_TRUE(put({3, 4}, 0, 1));
}

TEST_P(FaceTest, ElementsThatAreMissingAreNotRead) {
  const std::vector<int64_t> two{1, 2}, at{0};
  const InputView inputs[] = {InputView::of({4}, two), InputView::of({1}, at)};
  const Result<drivers::Run> run = instances[0].run(inputs);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.diag().str(), "input 'values': has 16 bytes, 4 takes 32: give all elements of its shape");
}

TEST_P(FaceTest, WhatIsUsedLivesOn) {
  drivers::Instance last = std::move(instances[1]);
  program.reset();
  instances.clear();
  const std::vector<int64_t> two{1, 2}, at{0};
  const InputView inputs[] = {InputView::of({2}, two), InputView::of({1}, at)};
  EXPECT_TRUE(last.run(inputs));
}

INSTANTIATE_TEST_SUITE_P(Transports, FaceTest, testing::ValuesIn(transports()),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
