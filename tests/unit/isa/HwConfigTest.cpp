// SPDX-License-Identifier: Apache-2.0
#include "Configs.h"
#include <gtest/gtest.h>
#include <sstream>

using namespace tw::isa;

namespace {

TEST(HwConfigTest, EveryKeyIsCheckedAgainstItsRange) {
  for (const ConfigKey &key : kConfigKeys) {
    HwConfig config = tw16();
    config.*key.member = key.max + 1;
    tw::Status status = validate(config);
    ASSERT_FALSE(status) << key.key;
    EXPECT_EQ(status.diag().place, "tw16: " + std::string(key.key));
  }
  EXPECT_TRUE(validate(tw16()));
}

TEST(HwConfigTest, PowersOfTwoAreAskedFor) {
  HwConfig config = tw16();
  config.accRows = 1000;
  EXPECT_EQ(validate(config).diag().str(), "tw16: acc_rows: 1000 is not a power of two: use 512 or 1024");
}

TEST(HwConfigTest, RulesBetweenKeysNameBothValues) {
  HwConfig config = tw16();
  config.axiBytes = 32;
  EXPECT_EQ(validate(config).diag().str(), "tw16: axi_bytes: 32 is above n = 16: a beat must not be wider than a row");
  config = tw16();
  config.n = 64;
  config.axiBytes = 8;
  config.axiBurstBeats = 4;
  EXPECT_EQ(validate(config).diag().place, "tw16: axi_burst_beats");
}

TEST(HwConfigTest, TheHashIgnoresNameAndClockOnly) {
  uint64_t hash = configHash(tw16());
  HwConfig config = tw16();
  config.name = "other";
  config.clockMhz = 1;
  EXPECT_EQ(configHash(config), hash);
  for (const ConfigKey &key : kConfigKeys) {
    config = tw16();
    config.*key.member += 1;
    EXPECT_EQ(configHash(config) == hash, !key.hashed) << key.key;
  }
}

TEST(HwConfigTest, TheSystemVerilogPackageHoldsEveryKey) {
  std::ostringstream text;
  emitSvConfig(tw16(), text);
  EXPECT_NE(text.str().find("localparam int SPM_BYTES = 262144;"), std::string::npos);
  EXPECT_NE(text.str().find("localparam int N_LOG2 = 4;"), std::string::npos);
}

} // namespace
