// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Line.h"
#include <gtest/gtest.h>
#include <random>

using namespace tw::isa;

namespace {

TEST(LineTest, EveryFieldReadsBackAndLeavesTheOthersAlone) {
  std::mt19937_64 random(1);
  for (const Instruction &row : kInstructions)
    for (const Field &field : row.fields)
      for (int i = 0; i != 20; ++i) {
        Line line;
        int64_t value = field.min + int64_t(random() % uint64_t(field.max - field.min + 1));
        line.set(field.ref, value);
        EXPECT_EQ(line.get(field.ref), value) << row.mnemonic << " " << field.name;
        line.set(field.ref, 0);
        EXPECT_EQ(line, Line()) << row.mnemonic << " " << field.name;
      }
}

TEST(LineTest, AFieldAcrossTwoWordsIsStoredLittleEndian) {
  Line line;
  line.set({60, 12, false}, 0xABC);
  auto bytes = line.bytes();
  EXPECT_EQ(bytes[7], 0xC0);
  EXPECT_EQ(bytes[8], 0xAB);
  EXPECT_EQ(Line::fromBytes(bytes.data()), line);
}

TEST(LineTest, SignedFieldsAreSignExtended) {
  Line line;
  line.set(conv::pad_value, -128);
  EXPECT_EQ(line.get(conv::pad_value), -128);
  EXPECT_FALSE(Line::fits(conv::pad_value, 128));
  EXPECT_FALSE(Line::fits(conv::x_h, -1));
  EXPECT_TRUE(Line::fits(conv::x_h, 65535));
}

TEST(LineTest, SyncSlotsAreReadInOrder) {
  Line line(Opcode::Conv);
  line.set(header::wait1_valid, 1).set(header::wait1_sem, 31).set(header::wait1_amount, 7);
  line.set(header::post0_valid, 1).set(header::post0_sem, 4);
  SyncActions w = waits(line), p = posts(line);
  ASSERT_EQ(w.count, 1);
  EXPECT_EQ(w.actions[0], (SyncAction{31, 8}));
  ASSERT_EQ(p.count, 1);
  EXPECT_EQ(p.actions[0], (SyncAction{4, 1}));
}

} // namespace
