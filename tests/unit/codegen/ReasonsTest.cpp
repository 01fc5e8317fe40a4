// SPDX-License-Identifier: Apache-2.0
// Which of many refusals a person reads. What the sentences say of a graph: tests/lit/codegen/reasons.test.
#include "Reasons.h"

#include <gtest/gtest.h>

using namespace tw::codegen;
using tw::tensorize::Rejection;

TEST(ReasonsTest, TheRefusalThatCameFurthestIsRead) {
  const std::vector<Rejection> rejections{{"conv+drq", "body", "no"},
                                          {"gemm+drq", "descriptor", "stride_h = 16 is outside 1..15"},
                                          {"dwconv", "layout", "not so"}};
  EXPECT_EQ(reasonFor({}, rejections), "gemm+drq would compute it, but stride_h = 16 is outside 1..15");
  EXPECT_EQ(reasonFor({}, {rejections[0]}), "no instruction has its arithmetic (conv+drq: no)");
  EXPECT_EQ(reasonFor({}, {{"", "body", "two results"}}), "two results");
  EXPECT_EQ(reasonFor({}, {}), "no instruction computes it");
}

TEST(ReasonsTest, EveryStageIsBehindTheOneBeforeIt) {
  const std::vector<std::string> stages{"body",       "signature", "layout", "alignment", "extent",
                                        "descriptor", "parameter", "proof",  "memory"};
  for (size_t i = 0; i + 1 < stages.size(); ++i)
    for (bool isFirst : {true, false}) {
      const Rejection near{"a", stages[i], "near"}, far{"b", stages[i + 1], "far"};
      const std::string reason = isFirst ? reasonFor({}, {near, far}) : reasonFor({}, {far, near});
      EXPECT_EQ(reason, "b would compute it, but far") << stages[i];
    }
}

TEST(ReasonsTest, OfLoopsThatAreTooLongTheWidestFieldIsTold) {
  EXPECT_EQ(reasonFor({}, {{"conv", "extent", "kh takes 15"}, {"dwconv", "extent", "kh takes 31"}}),
            "dwconv would compute it, but kh takes 31");
}

TEST(ReasonsTest, WhatTheGraphSaysOfTheWholeBlockGoesFirst) {
  GraphNotes notes;
  notes.whole = "it computes in float32";
  EXPECT_EQ(reasonFor(notes, {{"conv", "memory", "too large"}}), "it computes in float32");
}

TEST(ReasonsTest, AFormThatNothingTakesExplainsLayoutsButNotWhatCameFurther) {
  GraphNotes notes;
  notes.form = "give both the same shape";
  EXPECT_EQ(reasonFor(notes, {{"ewadd", "layout", "rows"}}), "give both the same shape");
  EXPECT_EQ(reasonFor(notes, {{"ewadd", "extent", "too long"}}), "ewadd would compute it, but too long");
}

TEST(ReasonsTest, AMoveIsCalledOneAndSaysWhyItIsNoCopyOfRows) {
  GraphNotes notes;
  notes.move = "transpose only moves bytes";
  EXPECT_EQ(reasonFor(notes, {{"", "body", Rejection::kOnlyMoves}}), "transpose only moves bytes");
  const Rejection apart{"", Rejection::kMoves, "lane 1 to lane 3"};
  EXPECT_EQ(reasonFor(notes, {apart}), "transpose only moves bytes: lane 1 to lane 3");
  notes.isAtEdge = true;
  notes.whole = "transpose only moves bytes at the model's edge: runs on the host";
  EXPECT_EQ(reasonFor(notes, {apart}), notes.whole) << "what the caller gives or gets lies as the caller has it";
}
