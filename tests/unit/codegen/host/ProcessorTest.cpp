// SPDX-License-Identifier: Apache-2.0
#include "host/Processor.h"

#include "tw/isa/package_format.h"

#include "llvm/Target/TargetMachine.h"

#include <gtest/gtest.h>

using namespace tw::codegen;

namespace {

HostProcessor found(const std::string &name) {
  auto processor = processorOf(name);
  if (!processor) {
    ADD_FAILURE() << llvm::toString(processor.takeError());
    return {};
  }
  return *processor;
}
std::string refused(const std::string &name) {
  auto processor = processorOf(name);
  return processor ? "" : llvm::toString(processor.takeError());
}

} // namespace

TEST(ProcessorTest, AVectorIsAsWideAsTheProcessorsOwn) {
  for (auto [name, bits, registers, dot] : {std::tuple{"x86-64-v3", 256u, 16u, Dot::Pairs},
                                            {"x86-64-v4", 512u, 32u, Dot::Pairs},
                                            {"icelake-server", 512u, 32u, Dot::Quads},
                                            {"aarch64", 128u, 32u, Dot::None},
                                            {"riscv64", 8u, 32u, Dot::None}}) {
    const HostProcessor processor = found(name);
    EXPECT_EQ(processor.vectorBits, bits) << name;
    EXPECT_EQ(processor.registers, registers) << name;
    EXPECT_EQ(processor.dot, dot) << name;
  }
  EXPECT_TRUE(found("x86-64-v3").hasHalf);
}

TEST(ProcessorTest, AProcessorThatLacksWhatHostCodeNeedsIsRefused) {
  EXPECT_EQ(refused("x86-64-v2"),
            "--host-cpu x86-64-v2: host code needs AVX2 and FMA, which it lacks; use x86-64-v3 or a later one");
  EXPECT_EQ(refused("a-machine"), "--host-cpu a-machine: no such processor; use x86-64-v3, native, aarch64, riscv64 or "
                                  "an x86-64 one that LLVM knows");
}

TEST(ProcessorTest, ThePackageNamesArchitectureAndProcessor) {
  EXPECT_EQ(targetOf(found("x86-64-v3")), "x86_64 x86-64-v3");
  EXPECT_EQ(targetOf(found("aarch64")), "aarch64 generic");
  EXPECT_EQ(targetOf(found("riscv64")), "riscv64 generic-rv64");
}

TEST(ProcessorTest, ALaterProcessorNeedsMoreAndOthersNeedNoFeaturesOfX86) {
  const uint64_t third = featuresOf(found("x86-64-v3")), fourth = featuresOf(found("x86-64-v4"));
  EXPECT_NE(third, 0u);
  EXPECT_EQ(third & fourth, third);
  EXPECT_NE(third, fourth);
  EXPECT_EQ(featuresOf(found("aarch64")), 0u);
}

TEST(ProcessorTest, EachHasACodeGenerator) {
  for (const char *name : {"x86-64-v3", "aarch64", "riscv64"}) {
    auto machine = machineFor(found(name), llvm::CodeGenOptLevel::Default);
    ASSERT_TRUE(bool(machine)) << llvm::toString(machine.takeError());
    EXPECT_EQ((*machine)->getTargetTriple().str(), found(name).triple);
  }
}
