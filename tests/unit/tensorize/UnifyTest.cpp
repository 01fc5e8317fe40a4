// SPDX-License-Identifier: Apache-2.0
#include "PairMachine.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

std::vector<Binding> unify(const Block &block, std::string *reason = nullptr) {
  std::string why;
  std::vector<Binding> bindings = unifyBodies(block, pair::chain(), why);
  if (reason)
    *reason = why;
  return bindings;
}

int64_t fieldOf(const Binding &binding, int field) {
  for (const FieldValue &value : binding.fields)
    if (value.link == 1 && value.field == field)
      return value.value;
  ADD_FAILURE() << "field " << field << " stands for nothing";
  return 0;
}

// Accesses of the chain: x w head bias multiplier y.
const std::vector<int> kAsWritten{0, 1, -1, 2, 3, 4}, kExchanged{1, 0, -1, 2, 3, 4};

} // namespace

TEST(UnifyTest, EachAccessStandsForTheOperandInItsPlaceAndBothFactorsMayChangePlaces) {
  const std::vector<Binding> bindings = unify(pair::window(6, 8, 8, 3, 1, 1));
  ASSERT_EQ(bindings.size(), 2u);
  EXPECT_EQ(bindings[0].operandOf, kAsWritten);
  EXPECT_EQ(bindings[1].operandOf, kExchanged);
  for (const Binding &binding : bindings) {
    ASSERT_EQ(binding.words.size(), 1u);
    EXPECT_EQ(binding.words[0].link, 1);
    EXPECT_EQ(binding.words[0].word, 0);
    EXPECT_EQ(binding.words[0].value, -4);
    EXPECT_EQ(fieldOf(binding, pair::kLow), -4);
    EXPECT_EQ(fieldOf(binding, pair::kHigh), 100);
  }
}

TEST(UnifyTest, ASumWrittenTheOtherWayRoundIsTheSameSum) {
  Block block = pair::window(6, 8, 8, 3, 1, 1);
  std::swap(block.body[1].args[0], block.body[1].args[1]);
  EXPECT_EQ(unify(block).size(), 2u);
  // A requantisation is no sum: its arguments keep their places.
  std::swap(block.finish[0].args[1], block.finish[0].args[2]);
  EXPECT_TRUE(unify(block).empty());
}

TEST(UnifyTest, AStageThatTheBlockLacksIsMadeToDoNothing) {
  Block block = pair::window(6, 8, 8, 3, 1, 1);
  block.finish.pop_back();
  const std::vector<Binding> bindings = unify(block);
  ASSERT_EQ(bindings.size(), 2u);
  EXPECT_EQ(fieldOf(bindings[0], pair::kLow), -128);
  EXPECT_EQ(fieldOf(bindings[0], pair::kHigh), 127);
}

TEST(UnifyTest, AStageThatTheChainLacksIsRefusedByItsName) {
  Block block = pair::window(6, 8, 8, 3, 1, 1);
  block.finish.push_back({"lut_i8", {operandArg(0), slotArg(3)}});
  std::string reason;
  EXPECT_TRUE(unify(block, &reason).empty());
  EXPECT_EQ(reason, "the chain computes clamp_i8 where the block has lut_i8");
}

TEST(UnifyTest, AnOperandOfAnotherElementTypeIsRefused) {
  Block block = pair::window(6, 8, 8, 3, 1, 1);
  block.operands[2].elem = isa::Elem::F32;
  std::string reason;
  EXPECT_TRUE(unify(block, &reason).empty());
  EXPECT_EQ(reason, "operand bias has another element type than bias");
  block = pair::window(6, 8, 8, 3, 1, 1);
  block.operands[4].elem = isa::Elem::I32;
  EXPECT_TRUE(unify(block, &reason).empty());
  EXPECT_EQ(reason, "the result has another element type");
}

TEST(UnifyTest, ANumberMayStandInARecordButNotWhereATensorIsWalked) {
  Block block = pair::window(6, 8, 8, 3, 1, 1);
  block.finish[0].args[1] = numberArg(7);
  const std::vector<Binding> bindings = unify(block);
  ASSERT_EQ(bindings.size(), 2u);
  EXPECT_EQ(bindings[0].operandOf[3], -1);
  EXPECT_EQ(bindings[0].constantOf[3], 7);
  // As either factor: the other factor takes the place that is walked, the number the packed one.
  block.body[0].args[0] = numberArg(5);
  const std::vector<Binding> weighted = unify(block);
  ASSERT_EQ(weighted.size(), 1u);
  EXPECT_EQ(weighted[0].operandOf[0], 1);
  EXPECT_EQ(weighted[0].constantOf[1], 5);
}

TEST(UnifyTest, WhatIsComputedOnceIsNoReduction) {
  Block block = pair::window(6, 8, 8, 3, 1, 1);
  for (Loop &loop : block.loops)
    loop.isReduction = false;
  EXPECT_TRUE(unify(block).empty());
}
