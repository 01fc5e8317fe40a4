// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/DiagError.h"

#include <gtest/gtest.h>

#include <memory>

using tw::Diag;
using tw::Result;

namespace {

const Diag kWrong{"a.npk: byte 16", "magic is 0, expected 1: compile again"};

// Of LLVM itself: what a library call gives back.
llvm::Error stranger() { return llvm::errorCodeToError(std::make_error_code(std::errc::not_enough_memory)); }

} // namespace

TEST(DiagErrorTest, ADiagComesBackAsItWas) {
  const Diag nested{"a.npk", "cannot be read", {kWrong, {"b", "c", {{"", "d"}}}}};
  EXPECT_EQ(tw::diagsOf(tw::errorOf(nested)), std::vector<Diag>{nested});
  EXPECT_EQ(tw::diagOf(tw::errorAt("--dim x", "expected NAME=NUMBER")), (Diag{"--dim x", "expected NAME=NUMBER"}));
}

TEST(DiagErrorTest, WhoDoesNotKnowItReadsOneLine) {
  EXPECT_EQ(llvm::toString(tw::errorOf(kWrong)), "a.npk: byte 16: magic is 0, expected 1: compile again");
}

TEST(DiagErrorTest, AResultBecomesWhatLlvmExpects) {
  auto value = tw::expectedOf(Result<std::unique_ptr<int>>(std::make_unique<int>(7)));
  ASSERT_TRUE(bool(value));
  EXPECT_EQ(**value, 7);
  auto failed = tw::expectedOf(Result<int>(kWrong));
  ASSERT_FALSE(bool(failed));
  EXPECT_EQ(tw::diagsOf(failed.takeError()), std::vector<Diag>{kWrong});
}

TEST(DiagErrorTest, SeveralKeepTheirOrderAndStrangersTheirMessage) {
  llvm::Error all = llvm::joinErrors(llvm::joinErrors(tw::errorOf(kWrong), stranger()), tw::errorAt("here", "too"));
  const std::vector<Diag> diags = tw::diagsOf(std::move(all));
  EXPECT_EQ(diags, (std::vector<Diag>{kWrong, {"", llvm::toString(stranger())}, {"here", "too"}}));
  EXPECT_EQ(tw::diagsOf(tw::errorsOf(diags)), diags);
  EXPECT_EQ(tw::diagOf(tw::errorsOf(diags)), (Diag{"", "", diags}));
  EXPECT_TRUE(tw::diagsOf(llvm::Error::success()).empty());
  EXPECT_TRUE(tw::diagsOf(tw::errorsOf({})).empty());
}

TEST(DiagErrorTest, PlacesAndCausesAreKeptApart) {
  const std::vector<Diag> two{kWrong, {"", "too"}};
  EXPECT_EQ(tw::diagsOf(tw::inside("m.onnx", tw::errorsOf(two))),
            (std::vector<Diag>{{"m.onnx: " + kWrong.place, kWrong.text}, {"m.onnx", "too"}}));
  EXPECT_EQ(tw::because({"o.npk", "cannot be written"}, tw::errorsOf(two)), (Diag{"o.npk", "cannot be written", two}));
}
