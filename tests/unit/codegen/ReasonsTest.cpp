// SPDX-License-Identifier: Apache-2.0
// Which of many refusals a person reads. What the sentences say of a graph: tests/lit/codegen/reasons.test.
#include "Reasons.h"

#include <gtest/gtest.h>

using namespace tw::codegen;
using tw::tensorize::Block;
using tw::tensorize::Rejection;

namespace {

// Of a block that computes, whose loops say nothing.
std::string read(const GraphNotes &notes, const std::vector<Rejection> &rejections) {
  return reasonFor(notes, nullptr, false, rejections);
}

} // namespace

TEST(ReasonsTest, TheRefusalThatCameFurthestIsRead) {
  const std::vector<Rejection> rejections{{"conv+drq", "body", "no"},
                                          {"gemm+drq", "descriptor", "stride_h = 16 is outside 1..15"},
                                          {"dwconv", "layout", "not so"}};
  EXPECT_EQ(read({}, rejections), "gemm+drq would compute it, but stride_h = 16 is outside 1..15");
  EXPECT_EQ(read({}, {rejections[0]}), "no instruction has its arithmetic (conv+drq: no)");
  EXPECT_EQ(read({}, {{"", "body", "two results"}}), "two results");
  EXPECT_EQ(read({}, {}), "no instruction computes it");
}

TEST(ReasonsTest, EveryStageIsBehindTheOneBeforeIt) {
  const std::vector<std::string> stages{"body",       "signature", "layout", "alignment", "extent",
                                        "descriptor", "parameter", "proof",  "memory"};
  for (size_t i = 0; i + 1 < stages.size(); ++i)
    for (bool isFirst : {true, false}) {
      const Rejection near{"a", stages[i], "near"}, far{"b", stages[i + 1], "far"};
      const std::string reason = isFirst ? read({}, {near, far}) : read({}, {far, near});
      EXPECT_EQ(reason, "b would compute it, but far") << stages[i];
    }
}

TEST(ReasonsTest, OfLoopsThatAreTooLongTheWidestFieldIsTold) {
  EXPECT_EQ(read({}, {{"conv", "extent", "kh takes 15"}, {"dwconv", "extent", "kh takes 31"}}),
            "dwconv would compute it, but kh takes 31");
}

TEST(ReasonsTest, WhatTheGraphSaysOfTheWholeBlockGoesFirst) {
  GraphNotes notes;
  notes.whole = "it computes in float32";
  EXPECT_EQ(read(notes, {{"conv", "memory", "too large"}}), "it computes in float32");
}

TEST(ReasonsTest, ATensorThatIsReadAgainExplainsLayoutsButNotWhatCameFurther) {
  Block block; // y[i, j] = x[i, j] and z[i]
  block.loops = {{"i", 2}, {"j", 3}};
  auto at = [](int loop) { return tw::tensorize::Index{{{loop, 1}}, 0}; };
  block.operands.resize(3);
  block.operands[0].shape = block.operands[2].shape = {2, 3};
  block.operands[0].index = block.operands[2].index = {at(0), at(1)};
  block.operands[1].shape = {2};
  block.operands[1].index = {at(0)};
  block.operands[2].isWritten = true;
  const Rejection layout{"ewadd", "layout", "rows"}, extent{"ewadd", "extent", "too long"};
  EXPECT_EQ(reasonFor({}, &block, false, {layout}),
            "its operands are 2x3 and 2, and the NPU broadcasts whole rows of channels only: give both the same shape");
  EXPECT_EQ(reasonFor({}, &block, false, {extent}), "ewadd would compute it, but too long");
  EXPECT_EQ(reasonFor({}, nullptr, false, {layout}), "ewadd would compute it, but rows");
}

TEST(ReasonsTest, AMoveIsCalledOneAndSaysWhyItIsNoCopyOfRows) {
  GraphNotes notes;
  notes.move = "transpose only moves bytes";
  EXPECT_EQ(reasonFor(notes, nullptr, true, {}), "transpose only moves bytes");
  const Rejection apart{"", Rejection::kMoves, "lane 1 to lane 3"};
  EXPECT_EQ(reasonFor(notes, nullptr, true, {apart}), "transpose only moves bytes: lane 1 to lane 3");
  notes.isAtEdge = true;
  notes.move = "transpose only moves bytes at the model's edge: runs on the host";
  EXPECT_EQ(reasonFor(notes, nullptr, true, {apart}), notes.move)
      << "what the caller gives or gets lies as the caller has it";
}
