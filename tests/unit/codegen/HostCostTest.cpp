// SPDX-License-Identifier: Apache-2.0
// The estimate of the host's time.
#include "host/HostCost.h"
#include "host/Processor.h"

#include <gtest/gtest.h>

using namespace tw::codegen;

TEST(HostCostTest, EveryProcessorHasARowAndMoreWorkTakesLonger) {
  for (const char *name : {"x86-64-v3", "skylake-avx512", "sapphirerapids", "aarch64", "riscv64"}) {
    const HostProcessor processor = llvm::cantFail(processorOf(name));
    const double bytes = estimatedNs(processor, {0, 0, 1 << 20}),
                 floats = estimatedNs(processor, {1 << 30, 0, 1 << 20}),
                 int8 = estimatedNs(processor, {1 << 30, 1 << 30, 1 << 20});
    EXPECT_GT(bytes, 0) << name;
    EXPECT_GT(int8, bytes) << name;
    EXPECT_GE(floats, int8) << name;
    EXPECT_GT(estimatedNs(processor, {1 << 30, 0, int64_t(1) << 40}), floats) << name;
  }
}

// Both have vectors of 512 bits: the products of bytes tell them apart.
TEST(HostCostTest, ProductsOfFourBytesAreFasterThanThoseOfTwo) {
  const HostProcessor pairs = llvm::cantFail(processorOf("skylake-avx512")),
                      quads = llvm::cantFail(processorOf("cascadelake"));
  const HostWork int8{1 << 30, 1 << 30, 0}, real{1 << 30, 0, 0};
  EXPECT_LT(estimatedNs(quads, int8), estimatedNs(pairs, int8));
  EXPECT_EQ(estimatedNs(quads, real), estimatedNs(pairs, real));
}
