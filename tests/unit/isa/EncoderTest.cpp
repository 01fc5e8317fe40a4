// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Encoder.h"
#include "tw/isa/Check.h"
#include <gtest/gtest.h>
#include <random>

using namespace tw::isa;

namespace {

TEST(EncoderTest, FieldsWaitsAndPostsComeBack) {
  tw::Result<Line> line = encode(Opcode::Gemm, {{"m_n", 5}, {"k_n", 2}, {"oc_n", 3}, {"x", 64}, {"accumulate", 1}},
                                 {{3, 2}, {5, 1}}, {{7, 8}}, 12);
  ASSERT_TRUE(line) << line.diag().str();
  auto parts = decode(*line);
  ASSERT_TRUE(std::holds_alternative<Decoded>(parts));
  const Decoded &decoded = std::get<Decoded>(parts);
  EXPECT_EQ(decoded.row->mnemonic, "gemm");
  EXPECT_EQ(decoded.tag, 12);
  EXPECT_EQ(decoded.waits.count, 2);
  EXPECT_EQ(decoded.waits.actions[0], (SyncAction{3, 2}));
  EXPECT_EQ(decoded.posts.actions[0], (SyncAction{7, 8}));
  EXPECT_EQ(decoded.values[findField(*decoded.row, "m_n")], 5);
  EXPECT_EQ(reencode(decoded), *line);
}

std::string errorOf(tw::Result<Line> line) { return line ? "no error" : line.diag().str(); }

TEST(EncoderTest, NothingIsTruncated) {
  for (const Instruction &row : kInstructions)
    for (const Field &field : row.fields)
      for (int64_t value : {field.min - 1, field.max + 1}) {
        Line line(row.opcode), before = line;
        tw::Status status = setField(line, field, value);
        ASSERT_FALSE(status) << row.mnemonic << " " << field.name;
        EXPECT_NE(status.diag().text.find(std::to_string(value)), std::string::npos);
        EXPECT_NE(status.diag().text.find(std::to_string(field.max)), std::string::npos);
        EXPECT_EQ(line, before);
      }
  EXPECT_EQ(errorOf(encode(Opcode::Gemm, {{"m_n", 70000}})), "gemm m_n: 70000 is outside 1 to 65535");
}

TEST(EncoderTest, WrongFieldsAreNamed) {
  EXPECT_EQ(errorOf(encode(Opcode::Gemm, {{"rows", 1}})), "gemm rows: the instruction has no such field");
  EXPECT_EQ(errorOf(encode(Opcode::Gemm, {{"m_n", 1}, {"m_n", 1}})), "gemm m_n: the field is given twice");
  EXPECT_EQ(errorOf(encode(Opcode::Gemm, {{"m_n", 1}, {"k_n", 1}})),
            "gemm oc_n: the field is not given, and 0 is outside 1 to 4095");
  EXPECT_EQ(errorOf(encode(Opcode::Ext, {})), "ext: this instruction is planned: it has no encoding yet");
}

TEST(EncoderTest, SyncActionsAreChecked) {
  EXPECT_EQ(errorOf(encode(Opcode::Fence, {}, {{1, 1}})), "fence wait: this instruction takes no waits and no posts");
  Line line(Opcode::Gemm);
  EXPECT_EQ(addPost(line, {32, 1}).diag().str(), "gemm post: semaphore 32 is outside 0 to 31");
  EXPECT_EQ(addPost(line, {1, 9}).diag().str(), "gemm post: amount 9 is outside 1 to 8");
  EXPECT_EQ(addPost(line, {1, 0}).diag().str(), "gemm post: amount 0 is outside 1 to 8");
  EXPECT_TRUE(addWait(line, {1, 1}));
  EXPECT_EQ(addWait(line, {1, 1}).diag().str(),
            "gemm wait: semaphore 1 is named twice: use one wait with the sum of the amounts");
  EXPECT_TRUE(addWait(line, {2, 1}));
  EXPECT_TRUE(addWait(line, {3, 1}));
  EXPECT_EQ(addWait(line, {4, 1}).diag().str(), "gemm wait: all 3 slots are used, semaphore 4 does not fit");
}

TEST(EncoderTest, RandomBytesAreAFaultOrTheirOwnEncoding) {
  std::mt19937_64 random(3);
  int decodedLines = 0;
  for (int i = 0; i != 20000; ++i) {
    std::array<uint8_t, kLineBytes> bytes;
    for (uint8_t &byte : bytes)
      byte = uint8_t(random());
    Line line = Line::fromBytes(bytes.data());
    if (i % 2) { // a real opcode, and no reserved bits
      const Instruction &row = kInstructions[random() % kInstructions.size()];
      Line clean(row.opcode);
      for (const Field &field : row.fields)
        clean.set(field.ref, line.get(field.ref));
      line = clean;
    }
    auto parts = decode(line);
    if (const Decoded *decoded = std::get_if<Decoded>(&parts)) {
      ++decodedLines;
      EXPECT_EQ(reencode(*decoded), line);
    } else {
      EXPECT_EQ(checkEncoding(line), std::get<FaultCode>(parts));
    }
  }
  EXPECT_GT(decodedLines, 1000);
}

} // namespace
