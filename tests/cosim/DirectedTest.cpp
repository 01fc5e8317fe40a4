// SPDX-License-Identifier: Apache-2.0
// Programs that random ones reach too rarely, on the cycle model and the design: data, counters and cycles.
#include "Lockstep.h"

#include "tw/isa/Numerics.h"
#include "tw/support/Paths.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace tw;
using namespace tw::cosim;

namespace {

/// `.dram` lines of 32-bit words in region 1.
std::string words(uint64_t offset, const std::vector<uint32_t> &values) {
  std::string text;
  char digits[32];
  for (uint32_t value : values) {
    std::snprintf(digits, sizeof digits, "%02x%02x%02x%02x", value & 255, value >> 8 & 255, value >> 16 & 255,
                  value >> 24);
    text += ".dram 1 " + std::to_string(offset) + " " + digits + "\n";
    offset += 4;
  }
  return text;
}

// What is written after BAD_PARAM, and the lanes that saturate, are results like any other (numerics.md).
TEST(DirectedTest, AnIllegalMultiplierCountsAsTheNearestLegalOneOnCycleModelAndRtl) {
  const std::vector<uint32_t> multipliers = {0,          1,          0x7F800000, 0x7FC00000,  // 0, subnormal, inf, NaN
                                             0xFFFFFFFF, 0xBF000000, 0x43800001, 0x3C000000}; // -NaN, -0.5, 2^8+, 2^-7
  const std::vector<int32_t> sums = {INT32_MIN, -300, -1, 0, 1, 300, INT32_MAX};
  constexpr int8_t kZero = 3;
  std::string program = ".region 1 0x1000 r\n" + words(0, {0x007F8000u | kZero}) + words(64, multipliers);
  for (size_t i = 0; i != sums.size(); ++i)
    program += words(256 + 32 * i, std::vector<uint32_t>(8, uint32_t(sums[i])));
  program += R"(
.random 1 1024 512 17
ldp region=1 offset=0 dst=0 count=3 post(3)
ld region=1 offset=256 spm=0 n0=28 n1=1 n2=1 n3=1 post(4)
ld region=1 offset=1024 spm=512 n0=64 n1=1 n2=1 n3=1 post(6)
rsw acc=0 oc_n=1 oh_n=1 ow_n=7 x=0 x_ws=32 wait(4) post(5)
drq acc=0 oc_n=1 oh_n=1 ow_n=7 y=2048 y_ws=8 param=0 wait(3, 5) post(7)
dwconv x=512 x_h=4 x_w=4 x_hs=32 x_ws=8 stride_h=1 stride_w=1 dil_h=1 dil_w=1 kh_n=1 kw_n=1 oc_n=1 oh_n=4 ow_n=4 y=4096 y_hs=32 y_ws=8 param=0 w=768 wait(6, 7)
end
)";
  Scenario scenario;
  scenario.config = test::testConfig("tw8");
  auto assembly = isa::assemble(program, "multipliers.twasm");
  ASSERT_TRUE(assembly) << assembly.diag().str();
  scenario.assembly = *assembly;

  const auto cycle = observe(cycleModel(), scenario);
  ASSERT_TRUE(cycle) << cycle.diag().str();
  EXPECT_EQ(cycle->outcome.code, isa::FaultCode::BadParam);
  const uint8_t *spm = cycle->spaces[size_t(isa::Space::SPM)].data() + 2048;
  for (size_t i = 0; i != sums.size(); ++i)
    for (size_t lane = 0; lane != multipliers.size(); ++lane)
      EXPECT_EQ(int8_t(spm[i * 8 + lane]), isa::requantFp32(sums[i], 0, isa::usedMultiplier(multipliers[lane]), kZero))
          << sums[i] << " times " << multipliers[lane];

  const auto rtl = observe(rtlModel(), scenario);
  if (!rtl)
    GTEST_SKIP() << rtl.diag().str();
  const auto divergence = firstDivergence(scenario, *cycle, *rtl);
  EXPECT_FALSE(divergence) << divergence->text;
}

} // namespace
