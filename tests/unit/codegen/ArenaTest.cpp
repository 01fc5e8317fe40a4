// SPDX-License-Identifier: Apache-2.0
#include "Arena.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::codegen;

namespace {

void addStep(Plan &plan, std::vector<uint32_t> buffers) {
  Step step;
  step.package.arguments = std::move(buffers);
  plan.steps.push_back(std::move(step));
}

uint64_t offsetOf(const Plan &plan, int buffer) { return plan.buffers[size_t(buffer)].package.offset; }

} // namespace

TEST(ArenaTest, WhatLivesAtOnceLiesApartAndWhatDoesNotShares) {
  Plan plan;
  const int a = plan.addTemp(100, "a"), b = plan.addTemp(64, "b"), c = plan.addTemp(100, "c");
  addStep(plan, {uint32_t(a)});
  addStep(plan, {uint32_t(a), uint32_t(b)});
  addStep(plan, {uint32_t(b), uint32_t(c)});
  layOutArena(plan);
  EXPECT_EQ(offsetOf(plan, a), offsetOf(plan, c));
  EXPECT_GE(offsetOf(plan, b), offsetOf(plan, a) + 100);
  EXPECT_EQ(offsetOf(plan, b) % kAlign, 0u);
  EXPECT_EQ(plan.report.arenaBytes, 192u);
  EXPECT_EQ(plan.report.arenaBound, 192u);
}

TEST(ArenaTest, ATensorOfASegmentLivesWhileItRuns) {
  Plan plan;
  plan.segments.emplace_back().tensors = {plan.table.addPart("kept", {1, 64})};
  const TensorId kept = plan.segments.front().tensors.front();
  plan.giveChipForm(kept, 16);
  const int form = plan.chipBuffer(kept), before = plan.addTemp(64, "before");
  addStep(plan, {uint32_t(before)});
  addStep(plan, {uint32_t(before)});
  plan.steps.back().segment = 0;
  layOutArena(plan);
  EXPECT_NE(offsetOf(plan, form), offsetOf(plan, before));
}

TEST(ArenaTest, ConstantsAndWhatNobodyTouchesTakeNoRoom) {
  Plan plan;
  const uint8_t bytes[4] = {1, 2, 3, 4};
  const int constant = plan.addConstant(bytes, sizeof bytes);
  plan.addTemp(1024, "unused");
  addStep(plan, {uint32_t(constant)});
  layOutArena(plan);
  EXPECT_EQ(plan.report.arenaBytes, 0u);
}
