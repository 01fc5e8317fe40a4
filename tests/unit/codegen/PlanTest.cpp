// SPDX-License-Identifier: Apache-2.0
// What a plan holds once.
#include "Plan.h"

#include <gtest/gtest.h>

#include <string>

using namespace tw::codegen;

namespace {

int add(Plan &plan, const std::string &bytes) { return plan.addConstant(bytes.data(), bytes.size()); }

std::string bytesOf(const Plan &plan, int buffer) {
  const auto &its = plan.buffers[size_t(buffer)].package;
  return {plan.constants.begin() + int64_t(its.offset), plan.constants.begin() + int64_t(its.offset + its.size)};
}

TEST(PlanTest, EqualConstantsAreOneBuffer) {
  Plan plan;
  const int first = add(plan, "weights"), other = add(plan, "weight"), longer = add(plan, "weights!");
  EXPECT_EQ(add(plan, "weights"), first);
  EXPECT_EQ(add(plan, "weight"), other);
  EXPECT_NE(first, other);
  EXPECT_NE(first, longer);
  EXPECT_EQ(bytesOf(plan, first), "weights");
  EXPECT_EQ(bytesOf(plan, other), "weight");
  EXPECT_EQ(bytesOf(plan, longer), "weights!");
  EXPECT_EQ(plan.buffers.size(), 3u);
  EXPECT_EQ(plan.constants.size(), size_t(2 * kAlign) + 8);
}

} // namespace
