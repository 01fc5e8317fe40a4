// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/ConfigReader.h"
#include "Configs.h"
#include "tw/support/Paths.h"
#include <gtest/gtest.h>
#include <random>

using namespace tw::isa;

namespace {

// tw16 as text, with one line replaced.
std::string configText(const std::string &line = "", const std::string &by = "") {
  std::string text =
      "name: tw16\nn: 16\nspm_bytes: 262144\nspm_banks: 16\nacc_rows: 1024\nparam_rows: 256\nlut_banks: 8\n"
      "axi_bytes: 16\naxi_burst_beats: 16\naxi_outstanding_reads: 32\nfetch_lines: 4\nqueue_depth: 4\n"
      "load_depth: 4\nweight_rows: 1\ndw_taps: 1\nclock_mhz: 1000\n";
  if (!line.empty())
    text.replace(text.find(line), line.size(), by);
  return text;
}

std::string errorOf(const std::string &text) {
  tw::Result<HwConfig> config = parseConfig(text, "a.yaml");
  return config ? "no error" : config.diag().str();
}

TEST(ConfigReaderTest, ReadsEveryKey) {
  tw::Result<HwConfig> config = parseConfig(configText(), "a.yaml");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->name, "tw16");
  for (const ConfigKey &key : kConfigKeys)
    EXPECT_EQ((*config).*key.member, tw16().*key.member) << key.key;
}

TEST(ConfigReaderTest, ShippedMachinesAreValidAndKnownByName) {
  EXPECT_EQ(builtinConfigNames().size(), 4u);
  for (llvm::StringRef name : builtinConfigNames()) {
    tw::Result<HwConfig> config = loadConfig(name);
    ASSERT_TRUE(config) << config.diag().str();
    EXPECT_EQ(config->name, name.str());
    tw::Result<HwConfig> file = loadConfig(tw::test::sourceDir().string() + "/isa/configs/" + name.str() + ".yaml");
    ASSERT_TRUE(file) << file.diag().str();
    EXPECT_EQ(configHash(*file), configHash(*config));
  }
}

TEST(ConfigReaderTest, ErrorsNameTheLineAndBothValues) {
  EXPECT_EQ(errorOf(configText("n: 16", "n: 12")), "a.yaml:2:1: n: 12 is not a power of two: use 8 or 16");
  EXPECT_EQ(errorOf(configText("queue_depth: 4", "queue_depth: 99")),
            "a.yaml:12:1: queue_depth: 99 is outside 2 to 16 instructions");
  EXPECT_EQ(errorOf(configText("axi_bytes: 16", "axi_bytes: wide")),
            "a.yaml:8:12: 'wide' is not a number of bytes for 'axi_bytes'");
  EXPECT_EQ(errorOf(configText("axi_bytes: 16", "axi_bytes: 32")),
            "a.yaml:8:1: axi_bytes: 32 is above n = 16: a beat must not be wider than a row");
  EXPECT_EQ(errorOf(configText("n: 16", "n: 16\nn: 16")), "a.yaml:3:1: 'n' is given twice; first at line 2");
  EXPECT_EQ(errorOf(configText("n: 16", "n: [16]")), "a.yaml:2:1: 'n' needs one value");
  EXPECT_EQ(errorOf(configText("n: 16\n", "")),
            "a.yaml:1:1: key 'n' is missing: side of the MAC array and width of every "
            "vector: lanes of int8 (8 to 64)");
  EXPECT_EQ(errorOf(configText("name: tw16", "name: ''")),
            "a.yaml:1:1: key 'name' must have 1 to 31 characters, here are 0");
  EXPECT_EQ(errorOf(configText("name: tw16", "name: ../tw16")),
            "a.yaml:1:1: name: a character of code 46 stands in it: use letters, digits, '_' and '-'");
  EXPECT_EQ(errorOf("- 1\n"), "a.yaml:1:1: a configuration is a mapping of keys to numbers");
  EXPECT_EQ(errorOf(""), "a.yaml:1:1: a configuration is a mapping of keys to numbers");
  EXPECT_NE(
      errorOf(configText("n: 16", "lanes: 16")).find("a.yaml:2:1: 'lanes' is no key of a configuration; keys are name"),
      std::string::npos);
  EXPECT_NE(errorOf("a: \"").find("a.yaml:1:"), std::string::npos);
}

TEST(ConfigReaderTest, AMissingFileIsNamed) {
  tw::Result<HwConfig> config = loadConfig("nowhere.yaml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.diag().place, "nowhere.yaml");
  EXPECT_NE(config.diag().text.find("tw16"), std::string::npos);
}

TEST(ConfigReaderTest, DamagedTextIsAnErrorOrAConfiguration) {
  std::mt19937 random(7);
  for (int i = 0; i != 2000; ++i) {
    std::string text = configText();
    for (int edits = 1 + int(random() % 3); edits; --edits)
      text[random() % text.size()] = char(random() % 256);
    tw::Result<HwConfig> config = parseConfig(text, "a.yaml");
    if (config)
      EXPECT_TRUE(validate(*config)) << text;
    else
      EXPECT_NE(config.diag().place.find("a.yaml:"), std::string::npos) << text;
  }
}

} // namespace
