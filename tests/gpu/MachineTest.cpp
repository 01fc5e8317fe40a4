// SPDX-License-Identifier: Apache-2.0
#include "gpu/GpuExecutor.h"
#include "gpu/GpuMachine.h"
#include "tw/isa/DiagError.h"

#include <gmock/gmock.h>

using namespace tw;
using namespace tw::codegen;

namespace {

constexpr const char *kFile = "name: mine\nmultiprocessors: 10\nclock_mhz: 1000\nmacs_per_cycle: 100\n"
                              "memory_gb_per_s: 500\nlink_gb_per_s: 20\nlaunch_ns: 2000\ncopy_ns: 5000\n";

std::string refused(const std::string &text) { return diagOf(readGpuMachine({"gpu.yaml", text}).takeError()).str(); }

} // namespace

TEST(GpuMachineTest, AFileSaysWhatItCanDo) {
  auto machine = readGpuMachine({"gpu.yaml", kFile});
  ASSERT_TRUE(bool(machine)) << llvm::toString(machine.takeError());
  EXPECT_EQ(textOf(*machine),
            "mine: 10 multiprocessors at 1000 MHz, 100 MAC a cycle each, memory 500 GB/s, link 20 GB/s, "
            "2000 ns a launch, 5000 ns a copy");
  EXPECT_EQ(estimatedNs(*machine, {.macs = 1000000, .bytes = 1000, .launches = 1}), 2000 + 1000); // arithmetic
  EXPECT_EQ(estimatedNs(*machine, {.macs = 1000, .bytes = 1000000, .launches = 3}), 6000 + 2000); // memory
  EXPECT_EQ(copyNs(*machine, 40000), 5000 + 2000);
}

TEST(GpuMachineTest, AFileThatIsNoneIsRefusedWithTheLine) {
  EXPECT_THAT(refused(""), testing::HasSubstr("gpu.yaml: is no description of a GPU"));
  EXPECT_THAT(refused("name: x\n"), testing::HasSubstr("missing required key 'multiprocessors'"));
  EXPECT_THAT(refused(std::string(kFile) + "volts: 3\n"), testing::HasSubstr("unknown key 'volts'"));
  EXPECT_THAT(refused("name: [1\n"), testing::HasSubstr("line "));
  std::string zero = kFile;
  zero.replace(zero.find("10\n"), 2, "0");
  EXPECT_THAT(refused(zero), testing::HasSubstr("a GPU has 0 of something, every number is from 1 to 2147483648"));
}

TEST(GpuMachineTest, EveryArchOfTheTableHasAProduct) {
  for (const char *arch : {"sm_70", "sm_75", "sm_80", "sm_86", "sm_89", "sm_90"}) {
    GpuOptions options;
    options.arch = arch;
    auto target = gpuTargetOf(options);
    ASSERT_TRUE(bool(target)) << llvm::toString(target.takeError());
    EXPECT_EQ(target->processor.multiprocessors, target->machine.multiprocessors);
  }
}

TEST(GpuMachineTest, AFileReplacesTheProduct) {
  GpuOptions options;
  options.machine = NamedText{"gpu.yaml", kFile};
  auto target = gpuTargetOf(options);
  ASSERT_TRUE(bool(target)) << llvm::toString(target.takeError());
  EXPECT_EQ(target->machine.name, "mine");
  EXPECT_EQ(target->processor.multiprocessors, 10);
}
