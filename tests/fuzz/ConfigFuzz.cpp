// SPDX-License-Identifier: Apache-2.0
// Any text is a valid machine or an error with a place.
#include "tw/isa/ConfigReader.h"
#include "tw/support/Fuzz.h"

#include <array>
#include <iterator>
#include <sstream>
#include <vector>

using namespace tw;
using namespace tw::isa;

namespace {

constexpr std::array<std::string_view, 44> kWords = {
    "&a ",       "*a",
    "!!int ",    "!<x> ",
    "{",         "}",
    "[",         "]",
    ",",         ": ",
    "? ",        "- ",
    "| ",        "> ",
    "---\n",     "...\n",
    "%YAML ",    "%TAG ! x\n",
    "\t",        "\r",
    "\n",        "\n  ",
    "#",         "\"",
    "'",         "\\x41",
    "\\u0000",   "\\",
    "@",         "`",
    "~",         "null",
    "0x10",      "010",
    "-1",        "1e3",
    "4096",      "99999999999999999999",
    "name: x\n", "n: 8\n",
    "<<: *a\n",  "\xEF\xBB\xBF",
    "\xFF",      "\xE2\x80\xA8",
};

TEST(ConfigFuzz, AnyTextIsAMachineOrAnError) {
  std::vector<std::string> texts;
  for (llvm::StringRef name : builtinConfigNames()) {
    std::ifstream file(test::sourceDir() / "isa" / "configs" / (name.str() + ".yaml"));
    texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  test::fuzz("config", 20000, [&](test::Random &random) {
    const std::string text = test::mutated(test::pick<std::string>(random, texts), random, kWords);
    const Result<HwConfig> config = parseConfig(text, "a.yaml");
    if (!config) {
      EXPECT_EQ(config.diag().place.rfind("a.yaml:", 0), 0u) << config.diag().str();
      return;
    }
    EXPECT_TRUE(validate(*config));
    std::ostringstream design;
    emitSvConfig(*config, design);
    EXPECT_NE(design.str().find("endpackage"), std::string::npos);
  });
}

} // namespace
