// SPDX-License-Identifier: Apache-2.0
// Any text is a program or an error with a place; a program goes to text and back.
#include "tw/isa/Assembler.h"
#include "tw/isa/Disassembler.h"
#include "tw/support/Fuzz.h"

#include <array>
#include <iterator>
#include <vector>

using namespace tw;
using namespace tw::isa;

namespace {

constexpr std::string_view kStart = ".config tw16\n.region 1 64 r\n.dram 1 0 00ff\n.random 2 0 100 7\n"
                                    ".tag 1 \"a \\\"b\\\" \\n\"\nldp region=1 offset=0x10 count=3 wait(3:2, 5) "
                                    "post(7) tag=12\nfence\nend\n";
constexpr std::array<std::string_view, 40> kWords = {
    ".config",    ".region",  ".dram",    ".random", ".tag",  ".line",      "wait(",
    "post(",      "tag=",     "=",        ":",       ",",     ")",          "\"",
    "\\",         "\n",       "\r\n",     "\t",      "#",     "//",         "0x",
    "-1",         "0",        "31",       "32",      "65536", "4294967296", "18446744073709551616",
    "0xffffffff", "00ff",     " r",       " rw",     " tw8",  "gemm m_n=1", "conv x=0",
    "ld n0=1",    "region=1", "offset=0", "end",     "fence",
};

std::vector<std::string> starts() {
  std::vector<std::string> texts{std::string(kStart)};
  for (const auto &entry : std::filesystem::directory_iterator(test::sourceDir() / "tests" / "unit" / "isa" / "golden"))
    if (entry.path().extension() == ".s") {
      std::ifstream file(entry.path());
      texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
  std::ranges::sort(texts);
  return texts;
}

TEST(AssemblerFuzz, AnyTextIsAProgramOrAnError) {
  const std::vector<std::string> texts = starts();
  ASSERT_EQ(texts.size(), 4u);
  test::fuzz("assembler", 20000, [&](test::Random &random) {
    const std::string text = test::mutated(test::pick<std::string>(random, texts), random, kWords);
    const Result<Assembly> assembly = assemble(text, "a.s");
    if (!assembly) {
      EXPECT_EQ(assembly.diag().place.rfind("a.s:", 0), 0u) << assembly.diag().str();
      return;
    }
    const std::string again = formatAssembly(*assembly);
    const Result<Assembly> second = assemble(again, "b.s");
    ASSERT_TRUE(second) << second.diag().str() << "\n" << again;
    EXPECT_EQ(second->program, assembly->program);
    EXPECT_EQ(second->config, assembly->config);
    EXPECT_EQ(formatAssembly(*second), again);
  });
}

TEST(DisassemblerFuzz, AnyLineGoesToTextAndBack) {
  test::fuzz("disassembler", 50000, [](test::Random &random) {
    std::array<uint8_t, kLineBytes> bytes{};
    for (uint8_t &byte : bytes)
      byte = random() % 3 ? 0 : uint8_t(random());
    if (random() % 2)
      bytes[0] = uint8_t(test::pick<Instruction>(random, kInstructions).opcode);
    const Line line = Line::fromBytes(bytes.data());
    const Result<Assembly> again = assemble(formatLine(line), "a.s");
    ASSERT_TRUE(again) << again.diag().str();
    ASSERT_EQ(again->program.lines.size(), 1u);
    EXPECT_EQ(again->program.lines[0], line);
  });
}

} // namespace
