// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Disassembler.h"
#include "tw/isa/Encoder.h"
#include <gtest/gtest.h>

using namespace tw::isa;

namespace {

TEST(DisassemblerTest, FieldsWaitsPostsAndTagAreShown) {
  tw::Result<Line> line =
      encode(Opcode::Ldp, {{"region", 1}, {"offset", 4096}, {"dst", 10}, {"count", 3}}, {{3, 2}, {5, 1}}, {{7, 1}}, 12);
  ASSERT_TRUE(line);
  EXPECT_EQ(formatLine(*line), "ldp region=1 offset=0x1000 dst=10 count=3 wait(3:2, 5) post(7) tag=12");
  EXPECT_EQ(formatLine(Line(Opcode::End)), "end");
}

TEST(DisassemblerTest, WhatNoDecoderAcceptsIsShownAsBytes) {
  Line line(Opcode::End);
  line.set({511, 1, false}, 1);
  EXPECT_EQ(formatLine(line), ".line 03" + std::string(124, '0') + "80");
}

TEST(DisassemblerTest, UnusualSlotsAreShownAsBytes) {
  Line line(Opcode::Gemm);
  line.set(gemm::m_n, 1).set(gemm::k_n, 1).set(gemm::oc_n, 1).set(header::wait2_valid, 1);
  EXPECT_EQ(formatLine(line).substr(0, 6), ".line ");
}

TEST(DisassemblerTest, TagsOfAProgramComeFirst) {
  Program program{{Line(Opcode::Fence), Line(Opcode::End)}, {{3, "conv \"a\""}}};
  EXPECT_EQ(formatProgram(program), ".tag 3 \"conv \\\"a\\\"\"\nfence\nend\n");
}

} // namespace
