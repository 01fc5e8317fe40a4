// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Assembler.h"
#include "tw/isa/Disassembler.h"
#include <gtest/gtest.h>
#include <random>

using namespace tw::isa;

namespace {

std::string errorOf(llvm::StringRef text) {
  tw::Result<Assembly> assembly = assemble(text, "a.s");
  return assembly ? "no error" : assembly.diag().str();
}

TEST(AssemblerTest, InstructionsAndDirectivesAreRead) {
  tw::Result<Assembly> assembly = assemble("# a comment\n"
                                           ".config tw16\r\n"
                                           ".region 4 0x1000 rw\n"
                                           ".dram 4 0x10 00ff 7f  // bytes\n"
                                           ".tag 12 \"conv \\\"1\\\"\"\n"
                                           "\n"
                                           "  ldp region=1 offset=4096 count=3 dst=10 wait(3:2,5) post( 7 ) tag=12\n"
                                           "end\n",
                                           "a.s");
  ASSERT_TRUE(assembly) << assembly.diag().str();
  EXPECT_EQ(assembly->config, "tw16");
  EXPECT_EQ(assembly->regions[4].limit, 4096u);
  EXPECT_TRUE(assembly->regions[4].canRead && assembly->regions[4].canWrite);
  ASSERT_EQ(assembly->data.size(), 1u);
  EXPECT_EQ(assembly->data[0], (RegionData{4, 16, {0x00, 0xFF, 0x7F}}));
  EXPECT_EQ(assembly->program.tags.at(12), "conv \"1\"");
  ASSERT_EQ(assembly->program.lines.size(), 2u);
  EXPECT_EQ(formatLine(assembly->program.lines[0]),
            "ldp region=1 offset=0x1000 dst=10 count=3 wait(3:2, 5) post(7) tag=12");
}

TEST(AssemblerTest, RandomLinesSurviveTextAndBack) {
  std::mt19937_64 random(5);
  Assembly assembly;
  assembly.config = "some dir/tw16.yaml";
  assembly.regions[2] = {0x10000, true, false};
  assembly.data.push_back({2, 0x123, randomBytes(75, 1)});
  assembly.program.tags = {{1, "a \\ \"b\""}, {65535, ""}, {7, "two\nlines \\n"}};
  for (int i = 0; i != 3000; ++i) {
    const Instruction &row = kInstructions[random() % kInstructions.size()];
    Line line(row.opcode);
    line.setTag(uint16_t(random()));
    for (const Field &field : row.fields)
      line.set(field.ref, field.min + int64_t(random() % uint64_t(field.max - field.min + 1)));
    for (const auto *slots : {&kWaitSlots, &kPostSlots})
      for (const SyncSlot &slot : *slots)
        if (random() % 2)
          line.set(slot.valid, 1).set(slot.sem, int64_t(random() % 32)).set(slot.amount, int64_t(random() % 8));
    if (random() % 8 == 0)
      line.set({uint16_t(random() % kLineBits), 1, false}, 1);
    assembly.program.lines.push_back(line);
  }
  std::string text = formatAssembly(assembly);
  tw::Result<Assembly> again = assemble(text, "a.s");
  ASSERT_TRUE(again) << again.diag().str();
  EXPECT_EQ(again->program, assembly.program);
  EXPECT_EQ(again->config, assembly.config);
  std::vector<uint8_t> bytes;
  for (const RegionData &data : again->data)
    bytes.insert(bytes.end(), data.bytes.begin(), data.bytes.end());
  EXPECT_EQ(bytes, assembly.data[0].bytes);
  EXPECT_EQ(formatAssembly(*again), text);
}

TEST(AssemblerTest, ErrorsShowTheColumn) {
  EXPECT_EQ(errorOf("end\n  gemm m_n=70000"),
            "a.s:2:12: m_n 70000 is outside 1 to 65535\n  gemm m_n=70000\n           ^");
  EXPECT_EQ(errorOf("jump"), "a.s:1:1: 'jump' is no instruction\njump\n^");
  EXPECT_EQ(errorOf("ext"), "a.s:1:1: 'ext' is planned: it has no encoding yet\next\n^");
  EXPECT_EQ(errorOf("gemm rows=1"), "a.s:1:6: 'gemm' has no field 'rows'\ngemm rows=1\n     ^");
  EXPECT_EQ(errorOf("gemm m_n=1 m_n=1"), "a.s:1:12: field 'm_n' is given twice\ngemm m_n=1 m_n=1\n           ^");
  EXPECT_EQ(errorOf("gemm m_n=1 k_n=1"), "a.s:1:1: field 'oc_n' is missing; it is 1 to 4095\ngemm m_n=1 k_n=1\n^");
  EXPECT_EQ(errorOf("gemm m_n"), "a.s:1:9: expected '=' after 'm_n'\ngemm m_n\n        ^");
  EXPECT_EQ(errorOf("gemm m_n=x"), "a.s:1:10: 'x' is no number, expected m_n\ngemm m_n=x\n         ^");
  EXPECT_EQ(errorOf("gemm m_n=,"), "a.s:1:10: expected m_n\ngemm m_n=,\n         ^");
  EXPECT_EQ(errorOf("= 3"), "a.s:1:1: expected an instruction or a directive\n= 3\n^");
  EXPECT_EQ(errorOf("gemm ="), "a.s:1:6: expected a field, wait(...), post(...) or tag=\ngemm =\n     ^");
}

TEST(AssemblerTest, WaitsAndPostsAreChecked) {
  EXPECT_EQ(errorOf("gemm wait 3"), "a.s:1:11: expected '(' after 'wait'\ngemm wait 3\n          ^");
  EXPECT_EQ(errorOf("gemm wait(3"), "a.s:1:12: expected ')' or ','\ngemm wait(3\n           ^");
  EXPECT_EQ(errorOf("gemm wait(32)"), "a.s:1:11: semaphore 32 is outside 0 to 31\ngemm wait(32)\n          ^");
  EXPECT_EQ(errorOf("gemm post(3:9)"), "a.s:1:13: amount 9 is outside 1 to 8\ngemm post(3:9)\n            ^");
  EXPECT_EQ(errorOf("gemm post(3, 3)"), "a.s:1:14: semaphore 3 is named twice: use one post with the sum of the "
                                        "amounts\ngemm post(3, 3)\n             ^");
  EXPECT_EQ(errorOf("fence wait(3)"),
            "a.s:1:12: this instruction takes no waits and no posts\nfence wait(3)\n           ^");
}

TEST(AssemblerTest, DirectivesAreChecked) {
  EXPECT_EQ(errorOf(".data 3"),
            "a.s:1:1: '.data' is no directive; directives are .config, .region, .dram, .random, .tag, "
            ".line\n.data 3\n^");
  EXPECT_EQ(errorOf(".region 8 1 r"), "a.s:1:9: region 8 is outside 0 to 7\n.region 8 1 r\n        ^");
  EXPECT_EQ(errorOf(".region 1 1 rx"), "a.s:1:13: 'rx' is not r, w or rw\n.region 1 1 rx\n            ^");
  EXPECT_EQ(errorOf(".dram 1 0 0"), "a.s:1:11: '0' is not pairs of hexadecimal digits\n.dram 1 0 0\n          ^");
  EXPECT_EQ(errorOf(".random 1 0 0 0"),
            "a.s:1:13: number of bytes 0 is outside 1 to 268435456\n.random 1 0 0 0\n            ^");
  EXPECT_EQ(errorOf(".random 1 0 1 0\n.random 2 0 0x10000000 0"),
            "a.s:2:13: the data of the program are 268435457 bytes so far, at most 268435456 fit: use smaller "
            "regions\n.random 2 0 0x10000000 0\n            ^");
  EXPECT_EQ(errorOf(".tag 1 name"), "a.s:1:8: expected a text in quotes\n.tag 1 name\n       ^");
  EXPECT_EQ(errorOf(".tag 1 \"name"), "a.s:1:13: the text has no closing quote\n.tag 1 \"name\n            ^");
  EXPECT_EQ(errorOf(".config tw16 tw8"), "a.s:1:14: unexpected 'tw8'\n.config tw16 tw8\n             ^");
  EXPECT_EQ(errorOf(".config"), "a.s:1:8: expected the name or the file of a configuration\n.config\n       ^");
  EXPECT_EQ(errorOf(".line 00"), "a.s:1:7: a line is 128 hexadecimal digits, here are 2 characters\n.line 00\n      ^");
}

TEST(AssemblerTest, DamagedTextIsAnErrorOrAProgram) {
  const std::string good =
      ".config tw16\n.region 1 64 r\n.dram 1 0 00ff\n.tag 1 \"a\"\nldp region=1 offset=0x10 count=3 "
      "wait(3:2, 5) post(7) tag=12\nend\n";
  std::mt19937 random(7);
  for (int i = 0; i != 5000; ++i) {
    std::string text = good;
    for (int edits = 1 + int(random() % 3); edits; --edits)
      text[random() % text.size()] = char(random() % 256);
    tw::Result<Assembly> assembly = assemble(text, "a.s");
    if (!assembly)
      EXPECT_EQ(assembly.diag().place.rfind("a.s:", 0), 0u) << text;
    else
      EXPECT_LE(assembly->program.lines.size(), 4u);
  }
}

} // namespace
