// SPDX-License-Identifier: Apache-2.0
// Library functions as sequences: what they take from the call. What they compute is compared by tests/e2e.
#include "npu/Sequences.h"

#include "../Parsed.h"
#include "tw/isa/ConfigReader.h"
#include "tw/isa/Encoder.h"
#include "tw/isa/Footprints.h"

#include <gmock/gmock.h>

using namespace tw;
using namespace tw::codegen;
using testing::HasSubstr;

namespace {

// softmax of `tokens` rows of `channels` elements with a mask of `period` rows, as text: [[1, 0], [1, 1]].
std::string softmax(int64_t tokens, int64_t channels, int64_t period, const std::string &mask,
                    bool isComputed = false) {
  const std::string n = std::to_string(channels), x = "tensor<" + std::to_string(tokens) + "x" + n + "xi8>",
                    m = "tensor<" + std::to_string(period) + "x" + n + "xi8>", t = "tensor<2x256xi8>";
  const std::string table = "  %t = tw.constant dense<1> : " + t + "\n";
  return "func.func private @blk_softmax_0(%x: " + x + (isComputed ? ", %t: " + t : "") + ") -> " + x + " {\n" +
         (isComputed ? "" : table) + "  %m = tw.constant dense<" + mask + "> : " + m +
         "\n  %y = tw.library \"softmax_i8\"(%x, %t, %m) {params = array<i64: 1073741824, 30, -128>} : (" + x + ", " +
         t + ", " + m + ") -> " + x + "\n  return %y : " + x + "\n}\nfunc.func @main(%x: " + x +
         (isComputed ? ", %t: " + t : "") + ") -> " + x + " {\n  %y = call @blk_softmax_0(%x" +
         (isComputed ? ", %t" : "") + ") : (" + x + (isComputed ? ", " + t : "") + ") -> " + x +
         "\n  return %y : " + x + "\n}\n";
}

struct Asked {
  explicit Asked(const std::string &text, isa::HwConfig its = *isa::loadConfig("tw8"))
      : parsed(text), config(std::move(its)), target(tensorize::makeTwTarget(config)), blocks(*parsed.module),
        forms(plan, executors, target.lanes) {
    made = sequenceOf(blocks.calls().front(), plan, forms, target, config);
  }
  const SequencePlan &sequence() const { return std::get<SequencePlan>(*made); }
  std::string refusal() const {
    return made && std::holds_alternative<tensorize::Rejection>(*made) ? std::get<tensorize::Rejection>(*made).text
                                                                       : "not refused";
  }

  test::Parsed parsed;
  const isa::HwConfig config;
  const tensorize::Target target;
  Plan plan;
  std::vector<std::unique_ptr<Executor>> executors;
  const Blocks blocks;
  Forms forms;
  std::optional<std::variant<SequencePlan, tensorize::Rejection>> made;
};

} // namespace

TEST(SequencesTest, AMaskThatLeavesNothingOutIsNone) {
  const Asked its(softmax(6, 3, 2, "1"));
  ASSERT_TRUE(its.made && std::holds_alternative<SequencePlan>(*its.made)) << its.refusal();
  EXPECT_EQ(its.sequence().stream.cycledBytes, 0);
  EXPECT_TRUE(its.sequence().stream.cycled.empty());
  EXPECT_EQ(its.sequence().beside, -128) << "the zero point of its result";
}

// The mask has fewer rows than a block has tokens, as many, more, and a number that shares no factor with them.
TEST(SequencesTest, EveryTokenOfEveryBlockMeetsItsRowOfTheMask) {
  for (int64_t period : {1, 2, 3, 8, 12, 24})
    for (int64_t tokens : {period, 2 * period, 9 * period})
      for (int64_t channels : {1, 5, 9}) {
        std::string mask;
        auto isTaken = [&](int64_t row, int64_t channel) { return channel <= row % channels; };
        for (int64_t row = 0; row != period; ++row) {
          mask += row ? ", [" : "[[";
          for (int64_t c = 0; c != channels; ++c)
            mask += (c ? ", " : "") + std::to_string(int(isTaken(row, c)));
          mask += row + 1 == period ? "]]" : "]";
        }
        const Asked its(softmax(tokens, channels, period, mask));
        ASSERT_TRUE(its.made && std::holds_alternative<SequencePlan>(*its.made)) << its.refusal();
        const tensorize::TokenStream &stream = its.sequence().stream;
        if (channels == 1) { // nothing is left out
          EXPECT_EQ(stream.cycledBytes, 0);
          continue;
        }
        ASSERT_GT(stream.cycledBytes, 0);
        ASSERT_EQ(int64_t(stream.cycled.size()) % stream.cycledBytes, 0);
        const int64_t blocks = int64_t(stream.cycled.size()) / stream.cycledBytes;
        EXPECT_LE(blocks, (tokens + 7) / 8) << "no more than there are";
        for (int64_t token = 0; token != tokens; ++token)
          for (int64_t c = 0; c != channels; ++c)
            ASSERT_EQ(stream.cycled[size_t(token / 8 % blocks * stream.cycledBytes + c * 8 + token % 8)],
                      uint8_t(isTaken(token % period, c)))
                << "period " << period << ", token " << token << ", channel " << c;
      }
}

TEST(SequencesTest, ATableThatIsComputedIsRefused) {
  EXPECT_EQ(Asked(softmax(8, 4, 1, "1", true)).refusal(),
            "operand 1 of softmax_i8 is computed: its sequence takes a constant");
}

TEST(SequencesTest, AMachineWithTooFewTablesSaysBothNumbers) {
  isa::HwConfig small = *isa::loadConfig("tw8");
  small.lutBanks = 1;
  EXPECT_EQ(Asked(softmax(8, 4, 1, "1"), small).refusal(), "it takes 2 tables, there are 1");
}

// Each place that the tile has is used, and nothing else of the scratchpad.
TEST(SequencesTest, ABodyTouchesAllThatItsTileHasAndNothingElse) {
  const std::string x = "tensor<16x20xi8>", v = "tensor<16x1xi8>", t = "tensor<3x256xi8>";
  const std::string normalise =
      "func.func private @blk_normalise_0(%x: " + x + ", %v: " + v + ") -> " + x +
      " {\n  %t = tw.constant dense<1> : " + t +
      "\n  %y = tw.library \"normalise_i8\"(%x, %v, %t) {params = array<i64: 1, 0, 1073741824, 32, 20, 0, 5>} : (" + x +
      ", " + v + ", " + t + ") -> " + x + "\n  return %y : " + x + "\n}\nfunc.func @main(%x: " + x + ", %v: " + v +
      ") -> " + x + " {\n  %y = call @blk_normalise_0(%x, %v) : (" + x + ", " + v + ") -> " + x +
      "\n  return %y : " + x + "\n}\n";
  for (const std::string &text : {softmax(16, 20, 2, "1"), softmax(16, 2, 2, "[[1, 0], [1, 1]]"), normalise}) {
    const Asked its(text);
    ASSERT_TRUE(its.made && std::holds_alternative<SequencePlan>(*its.made)) << its.refusal();
    const tensorize::TokenStream &stream = its.sequence().stream;
    tensorize::TokenTile tile;
    tile.blocks = 2;
    struct Part {
      int64_t begin, bytes;
      bool isTouched = false;
    };
    std::vector<Part> parts;
    auto place = [&](int64_t bytes) { // far from all others
      parts.push_back({8192 * int64_t(parts.size() + 1), bytes});
      return parts.back().begin;
    };
    for (const auto &operand : stream.operands)
      tile.operands.push_back(place(2 * 8 * operand.rowBytes));
    for (size_t part = 0; part != 3; ++part)
      tile.scratch[part] = place(2 * stream.scratchBytes[part]);
    tile.cycled = place(2 * stream.cycledBytes);
    for (const tensorize::Instruction &instruction : stream.body(tile)) {
      std::vector<isa::FieldValue> fields;
      for (size_t f = 0; f != instruction.values.size(); ++f)
        fields.push_back({instruction.row->fields[f].name, instruction.values[f]});
      const auto line = isa::encode(instruction.row->opcode, fields);
      ASSERT_TRUE(bool(line)) << line.diag().str();
      for (const isa::Touched &touched : isa::touchedBy(*line, its.config))
        for (const isa::Run &run : touched.runs)
          if (touched.space == isa::Space::SPM) {
            auto part = std::ranges::find_if(parts, [&](const Part &each) {
              return int64_t(run.begin) >= each.begin && int64_t(run.end) <= each.begin + each.bytes;
            });
            ASSERT_NE(part, parts.end()) << run.begin << " to " << run.end;
            part->isTouched = true;
          }
    }
    for (size_t part = 0; part != parts.size(); ++part)
      EXPECT_EQ(parts[part].isTouched, parts[part].bytes != 0) << "part " << part;
  }
}

// 8 tokens of 4096 channels with scratch memory beside them, in 16 KiB.
TEST(SequencesTest, RowsTooLongForTheChipSayBothNumbers) {
  isa::HwConfig small = *isa::loadConfig("tw8");
  small.spmBytes = 16384;
  EXPECT_THAT(Asked(softmax(8, 4096, 1, "1"), small).refusal(),
              testing::MatchesRegex("8 tokens need [0-9]+ bytes of SPM, it has 16384"));
}

TEST(SequencesTest, WhatHasNoSequenceIsNotAsked) {
  const Asked its("func.func private @blk_cumulate_0(%x: tensor<2x5xf32>) -> tensor<2x5xf32> {\n"
                  "  %y = tw.library \"cumulate\"(%x) {params = array<i64: 0, 1, 0>} : (tensor<2x5xf32>) -> "
                  "tensor<2x5xf32>\n  return %y : tensor<2x5xf32>\n}\n"
                  "func.func @main(%x: tensor<2x5xf32>) -> tensor<2x5xf32> {\n"
                  "  %y = call @blk_cumulate_0(%x) : (tensor<2x5xf32>) -> tensor<2x5xf32>\n"
                  "  return %y : tensor<2x5xf32>\n}\n");
  EXPECT_FALSE(its.made);
}
