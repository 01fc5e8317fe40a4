// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Diag.h"

#include <gtest/gtest.h>
#include <memory>

using tw::Diag;
using tw::Result;
using tw::Status;

TEST(DiagTest, PlaceComesBeforeText) {
  EXPECT_EQ((Diag{"a.npk: byte 16", "magic is 0, expected 1: compile again"}).str(),
            "a.npk: byte 16: magic is 0, expected 1: compile again");
}

TEST(DiagTest, TextStandsAloneWithoutPlace) { EXPECT_EQ((Diag{"", "no device"}).str(), "no device"); }

TEST(DiagTest, ReasonsFollowInOneLine) {
  const Diag full{"", "the disk is full"}, torn{"byte 3", "torn", {{"", "no room"}, full}};
  EXPECT_EQ((Diag{"a.npk", "cannot be written", {full}}).str(), "a.npk: cannot be written: the disk is full");
  EXPECT_EQ((Diag{"a.npk", "cannot be read", {full, torn}}).str(),
            "a.npk: cannot be read: the disk is full; byte 3: torn: no room; the disk is full");
  EXPECT_EQ((Diag{"", "", {full, torn}}).str(), "the disk is full; byte 3: torn: no room; the disk is full");
}

TEST(DiagTest, APlaceLiesInALargerOne) {
  const Diag wrong{"byte 3", "torn", {{"", "no room"}}};
  EXPECT_EQ(wrong.inside("a.npk"), (Diag{"a.npk: byte 3", "torn", {{"", "no room"}}}));
  EXPECT_EQ((Diag{"", "torn"}).inside("a.npk"), (Diag{"a.npk", "torn"}));
}

TEST(DiagTest, StatusIsTrueOnSuccess) {
  EXPECT_TRUE(Status());
  const Status failure = Diag{"here", "wrong"};
  EXPECT_FALSE(failure);
  EXPECT_EQ(failure.diag(), (Diag{"here", "wrong"}));
}

TEST(DiagTest, ResultHoldsAValueOrADiag) {
  const Result<int> value = 7;
  ASSERT_TRUE(value);
  EXPECT_EQ(*value, 7);
  EXPECT_TRUE(value.status());
  const Result<int> failure = Diag{"here", "wrong"};
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.diag().place, "here");
  EXPECT_EQ(failure.status().diag().text, "wrong");
}

TEST(DiagTest, ResultGivesItsValueAway) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  ASSERT_TRUE(result);
  EXPECT_EQ(**result, 3);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 3);
}

TEST(DiagTest, DiagnosisPassesFromOneResultToAnother) {
  const auto outer = []() -> Result<std::string> {
    const Result<int> inner = Diag{"line 3", "bad"};
    if (!inner)
      return inner.diag();
    return std::string("good");
  };
  EXPECT_EQ(outer().diag().str(), "line 3: bad");
}
