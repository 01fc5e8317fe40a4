// SPDX-License-Identifier: Apache-2.0
// Three real layers written by hand in assembly (golden/*.s) and their bytes worked out by hand from the reference page
// (golden/*.hex, a line of the program per line, byte 0 first): the encoder against something that is not the encoder.
#include "Configs.h"
#include "tw/isa/Assembler.h"
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace tw::isa;

namespace {

std::string readFile(const std::string &path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class GoldenTest : public testing::TestWithParam<const char *> {};

TEST_P(GoldenTest, AssemblesToTheBytesWorkedOutByHand) {
  const std::string stem = std::string(TW_GOLDEN_DIR) + "/" + GetParam();
  const std::string text = readFile(stem + ".s");
  tw::Result<Assembly> assembly = assemble(text, GetParam());
  ASSERT_TRUE(assembly) << assembly.diag().str();

  std::string hex;
  for (const Line &line : assembly->program.lines) {
    for (uint8_t byte : line.bytes()) {
      constexpr char kDigits[] = "0123456789abcdef";
      hex += kDigits[byte >> 4];
      hex += kDigits[byte & 15];
    }
    hex += '\n';
  }
  EXPECT_EQ(hex, readFile(stem + ".hex"));
}

TEST_P(GoldenTest, EveryLineIsLegalOnTheMachineItNames) {
  tw::Result<Assembly> assembly = assemble(readFile(std::string(TW_GOLDEN_DIR) + "/" + GetParam() + ".s"), GetParam());
  ASSERT_TRUE(assembly) << assembly.diag().str();
  ASSERT_EQ(assembly->config, "tw16");
  for (const Line &line : assembly->program.lines)
    EXPECT_FALSE(checkLine(line, tw16(), assembly->regions));
}

INSTANTIATE_TEST_SUITE_P(Layers, GoldenTest, testing::Values("resnet8_conv", "kws_depthwise", "resnet8_residual"));

} // namespace
