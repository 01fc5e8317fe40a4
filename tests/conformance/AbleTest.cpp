// SPDX-License-Identifier: Apache-2.0
// What a package may say and the driver cannot do is refused when it is loaded; what needs no machine runs on any.
#include "Devices.h"

#include "tw/isa/Package.h"
#include "tw/support/HostCode.h"
#include "tw/support/Packages.h"

#include <functional>
#include <utility>

using namespace tw;
using namespace tw::conformance;

namespace {

/// Adds one to 16 bytes by host code; no instruction lines.
isa::Package hostOnly() {
  isa::Package package;
  package.tensors = {{"in", TW_PKG_I8, {16}}, {"out", TW_PKG_I8, {16}}};
  package.buffers = {{TW_PKG_INPUT, TW_PKG_NONE, 0, 16, 0, "in"},
                     {TW_PKG_OUTPUT, TW_PKG_NONE, 0, 16, 1, "out"},
                     {TW_PKG_TEMP, 2, 0, 16, TW_PKG_NONE, ""}};
  package.arenaBytes = 16;
  package.steps = {isa::runHostCode({{"addOne"}}, {2, 0}), isa::copyBytes(1, 2, 16)};
  package.entries = {{"main", 0, 2, {0}, {1}}};
  test::setHostCode(package, test::compileHostCode(test::addOneSource()));
  return package;
}

tw_status load(Device &device, const isa::Package &package, tw_program **program,
               const std::function<void(std::vector<uint8_t> &)> &change = nullptr) {
  Result<std::vector<uint8_t>> bytes = isa::serializePackage(package);
  EXPECT_TRUE(bytes) << bytes.diag().str();
  if (change) {
    change(*bytes);
    test::rightChecksums(*bytes);
  }
  return tw_program_load(device.device, bytes->data(), bytes->size(), TW_OPEN_ALLOW_HOST_CODE, program, &device.error);
}

class AnyDevice : public testing::TestWithParam<TransportCase> {};

TEST_P(AnyDevice, RunsAPackageWithoutInstructionLines) {
  Device device;
  if (const std::string reason = device.open(GetParam()); !reason.empty())
    GTEST_SKIP() << reason;
  tw_program *program = nullptr;
  tw_instance *instance = nullptr;
  ASSERT_EQ(load(device, hostOnly(), &program), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  const std::array<int8_t, 16> in{41, -1};
  std::array<int8_t, 16> out{};
  const void *inputs[] = {in.data()};
  void *outputs[] = {out.data()};
  EXPECT_EQ(tw_instance_run(instance, 0, inputs, outputs, nullptr, &device.error), TW_OK) << device.error.text;
  EXPECT_EQ(out[0], 42);
  EXPECT_EQ(out[1], 0);
  EXPECT_EQ(tw_program_clear(program, &device.error), TW_ERROR_ARGUMENT);
  EXPECT_STREQ(device.error.text, "the program has no instruction lines, so it leaves nothing on the chip");
  tw_instance_destroy(instance);
  tw_program_close(program);
}

INSTANTIATE_TEST_SUITE_P(Transports, AnyDevice, testing::ValuesIn(transports()),
                         [](const auto &info) { return std::string(info.param.name); });

struct Refused {
  const char *name;
  std::function<void(isa::Package &)> change;
  const char *text;
  std::function<void(std::vector<uint8_t> &)> changeBytes = nullptr;
};

tw_pkg_image &imageOf(std::vector<uint8_t> &bytes, size_t index) {
  auto *header = reinterpret_cast<tw_pkg_header *>(bytes.data());
  return reinterpret_cast<tw_pkg_image *>(reinterpret_cast<tw_pkg_section *>(header + 1) +
                                          header->section_count)[index];
}

const Refused kRefused[] = {
    {"Other", [](isa::Package &p) { p.others = {{TW_PKG_OTHER, "a machine of yours", {1}}}; },
     "image 1 is for 'a machine of yours': this driver runs instruction lines, host code and GPU code, compile the "
     "model "
     "for these"},
    {"SecondDevice", [](isa::Package &) {},
     "image 0 is for device 1 of its kind: this driver runs a package on one, compile the model for one",
     [](std::vector<uint8_t> &bytes) { imageOf(bytes, 0).device = 1; }},
    {"SecondOfAKind", [](isa::Package &p) { p.others = {{TW_PKG_OTHER, "x86_64 x86-64", {1}}}; },
     "image 1 is the second for one device: this driver takes one, compile the model again",
     [](std::vector<uint8_t> &bytes) { imageOf(bytes, 1).kind = TW_PKG_HOST; }},
    {"OtherArchitecture", [](isa::Package &p) { p.hostTarget = "aarch64 generic"; },
     "the package's host code is for 'aarch64 generic' and this processor is x86_64: run it there, or compile the "
     "model "
     "for this one (--host-cpu)"},
    {"AlmostThisArchitecture", [](isa::Package &p) { p.hostTarget = "x86_64h"; },
     "the package's host code is for 'x86_64h' and this processor is x86_64: run it there, or compile the model for "
     "this one (--host-cpu)"},
    {"Jump", [](isa::Package &p) { p.steps.push_back({.op = TW_PKG_STEP_JUMP_IF, .arguments = {2}, .target = 0}); },
     "step 2 jumps: this driver runs steps in their order"},
    {"Space", [](isa::Package &p) { p.steps[1].fromSpace = 3; },
     "step 1 copies from memory 3 to 0: this driver copies within memory 0, which host and devices share, and between "
     "it "
     "and 1, a GPU's"},
    {"Tied", [](isa::Package &p) { p.buffers[2].tied = 1; },
     "buffer 2 is tied to buffer 1: this driver gives each buffer memory of its own"},
};

class Unable : public testing::TestWithParam<Refused> {};

TEST_P(Unable, IsRefusedWhenItIsLoaded) {
  Device device;
  ASSERT_EQ(device.open({"null", tw_transport_open_null, false, false}), "");
  isa::Package package = hostOnly();
  GetParam().change(package);
  tw_program *program = nullptr;
  EXPECT_EQ(load(device, package, &program, GetParam().changeBytes), TW_ERROR_UNSUPPORTED);
  EXPECT_STREQ(device.error.text, GetParam().text);
  EXPECT_EQ(program, nullptr);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Unable, testing::ValuesIn(kRefused),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(Features, ThatTheProcessorLacksAreNamedWhenTheCodeIsToRun) {
  Device device;
  ASSERT_EQ(device.open({"null", tw_transport_open_null, false, false}), "");
  // No processor has the first and the second: AMD gave up one before it had the other.
  for (auto [features, text] :
       {std::pair{uint64_t{1} << 29 | uint64_t{1} << 13, "the package's host code needs "},
        std::pair{uint64_t{1} << 40, "the package's host code needs features that this driver does not know, which"}}) {
    isa::Package package = hostOnly();
    package.hostFeatures = features;
    tw_program *program = nullptr;
    tw_instance *instance = nullptr;
    ASSERT_EQ(load(device, package, &program), TW_OK) << device.error.text;
    ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK);
    std::array<int8_t, 16> in{}, out{};
    const void *inputs[] = {in.data()};
    void *outputs[] = {out.data()};
    EXPECT_EQ(tw_instance_run(instance, 0, inputs, outputs, nullptr, &device.error), TW_ERROR_HOST_CODE);
    EXPECT_EQ(std::string(device.error.text).rfind(text, 0), 0u) << device.error.text;
    tw_instance_destroy(instance);
    tw_program_close(program);
  }
}

} // namespace
