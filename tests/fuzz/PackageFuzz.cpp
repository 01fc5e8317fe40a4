// SPDX-License-Identifier: Apache-2.0
// A package with wrong contents under right checksums: refused, or run by the driver to an end. Every buffer that the
// caller gives has just the size that the package tells, so that a sanitizer sees what is written beside it. Host code
// that passes the vetting is mapped, and not called: what it does is its author's business.
#include "PackageMutations.h"

#include "tw/drivers/MachineTransport.h"
#include "tw/drivers/tilewright.h"
#include "tw/support/HostCode.h"
#include "tw/support/Job.h"

#include <cstring>
#include <memory>

extern "C" {
#include "internal.h" // of the driver core: the mapping
}

using namespace tw;
using namespace tw::isa;

namespace {

constexpr uint64_t kDeviceBytes = 4 << 20, kMostIo = 1 << 20, kBudget = 1 << 20;

bool callsHostCode(const tw_pkg *pkg, const tw_pkg_entry &entry) {
  for (uint32_t i = 0; i != entry.step_count; ++i)
    if (tw_pkg_steps(pkg)[entry.first_step + i].op == TW_PKG_STEP_RUN &&
        tw_pkg_runs(pkg, &tw_pkg_steps(pkg)[entry.first_step + i]) == TW_PKG_HOST)
      return true;
  return false;
}

void runEntry(tw_instance *instance, const tw_pkg *pkg, uint32_t index) {
  const tw_pkg_entry &entry = tw_pkg_entries(pkg)[index];
  std::vector<std::unique_ptr<uint8_t[]>> memory;
  auto pointer = [&](uint32_t argument) -> void * {
    const uint64_t size = tw_pkg_buffers(pkg)[tw_pkg_arguments(pkg)[argument]].size;
    return size > kMostIo ? nullptr : memory.emplace_back(new uint8_t[size]()).get();
  };
  std::vector<const void *> inputs;
  std::vector<void *> outputs;
  for (uint32_t i = 0; i != entry.input_count; ++i)
    inputs.push_back(pointer(entry.first_input + i));
  for (uint32_t i = 0; i != entry.output_count; ++i)
    outputs.push_back(pointer(entry.first_output + i));
  if (std::ranges::count(inputs, nullptr) || std::ranges::count(outputs, nullptr))
    return;
  tw_error error{};
  if (tw_instance_run(instance, int(index), inputs.data(), outputs.data(), nullptr, &error) != TW_OK)
    EXPECT_NE(error.text[0], 0);
}

// As an application runs each entry of a package that the reader takes.
void run(const HwConfig &config, std::span<const uint8_t> bytes) {
  tw_transport_config wanted{};
  drivers::writeConfig(config, wanted);
  wanted.memory_bytes = kDeviceBytes;
  tw_transport transport{};
  tw_error error{};
  ASSERT_EQ(tw_transport_open_functional(&wanted, &transport, &error), TW_OK) << error.text;
  tw_device *device = nullptr;
  tw_program *program = nullptr;
  tw_instance *instance = nullptr;
  ASSERT_EQ(tw_device_open(transport, &device, &error), TW_OK) << error.text;
  if (tw_program_load(device, bytes.data(), bytes.size(), TW_OPEN_ALLOW_HOST_CODE, &program, &error) == TW_OK &&
      tw_instance_create(program, &instance, &error) == TW_OK) {
    tw_instance_budget(instance, kBudget);
    const tw_pkg *pkg = tw_program_package(program);
    for (uint32_t e = 0; e != std::min(tw_pkg_plan_of(pkg)->entry_count, 8u); ++e)
      if (!callsHostCode(pkg, tw_pkg_entries(pkg)[e]))
        runEntry(instance, pkg, e);
    uint8_t *base = nullptr;
    if (program->image.elf && tw_host_code_map(&program->image, &base, &error) == TW_OK)
      tw_host_code_unmap(&program->image, base);
  } else {
    EXPECT_NE(error.text[0], 0);
  }
  tw_instance_destroy(instance);
  tw_program_close(program);
  tw_device_close(device);
}

TEST(PackageFuzz, WrongContentsAreRefusedOrRunToAnEnd) {
  const HwConfig config = test::testConfig("tw8");
  const std::vector<uint8_t> hostCode = test::compileHostCode(
      test::addOneSource() + "static char one;\n__attribute__((used)) static char *where = &one;\n");
  std::vector<std::vector<uint8_t>> starts;
  for (uint64_t seed = 1; seed != 7; ++seed) {
    const Package package = fuzz::samplePackage(config, seed, seed % 2 ? hostCode : std::vector<uint8_t>());
    Result<std::vector<uint8_t>> bytes = serializePackage(package);
    ASSERT_TRUE(bytes) << bytes.diag().str();
    run(config, *bytes);
    starts.push_back(std::move(*bytes));
  }
  test::fuzz("package", 3000, [&](test::Random &random) {
    const std::vector<uint8_t> bytes = fuzz::mutatedPackage(starts[test::below(random, starts.size())], random);
    const Result<Package> read = parsePackage(bytes, "a.npk");
    if (!read)
      EXPECT_EQ(read.diag().place.rfind("a.npk", 0), 0u);
    run(config, bytes);
  });
}

} // namespace
