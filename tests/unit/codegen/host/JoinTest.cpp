// SPDX-License-Identifier: Apache-2.0
#include "host/Join.h"

#include <gtest/gtest.h>

using namespace tw::codegen;

namespace {

// A nest of one stage, each loop of which is a loop of the stage's own operation.
HostNest nestOf(Steps extents, Steps input, Steps output, llvm::ArrayRef<bool> isReduction = {}) {
  HostNest nest;
  nest.extents = std::move(extents);
  nest.isReduction.assign(nest.extents.size(), false);
  if (!isReduction.empty())
    nest.isReduction.assign(isReduction.begin(), isReduction.end());
  nest.isReduced = llvm::is_contained(nest.isReduction, true);
  Stage stage;
  stage.inputs.push_back(HostAccess{0, 0, std::move(input)});
  for (unsigned loop = 0; loop != nest.loops(); ++loop)
    stage.indexOf.push_back({{loop, 1}});
  nest.stages.push_back(std::move(stage));
  nest.output = {1, 0, std::move(output)};
  return nest;
}

// One that reads what another makes, and nothing else.
HostNest readerOf(Steps extents, Steps output, llvm::ArrayRef<bool> isReduction = {}) {
  HostNest nest = nestOf(std::move(extents), {}, std::move(output), isReduction);
  nest.stages[0].inputs.clear();
  return nest;
}

const HostAccess &inputOf(const HostNest &nest, size_t stage) {
  return std::get<HostAccess>(nest.stages[stage].inputs[0]);
}

} // namespace

TEST(JoinTest, TwoOperationsOnTheSameLoopsAreTwoStagesOfOneNest) {
  HostNest reader = readerOf({3, 4}, {4, 1});
  ASSERT_TRUE(join(reader, nestOf({3, 4}, {4, 1}, {4, 1}), {4, 1}));
  EXPECT_EQ(reader.extents, (Steps{3, 4}));
  ASSERT_EQ(reader.stages.size(), 2u);
  EXPECT_EQ(inputOf(reader, 0).steps, (Steps{4, 1}));
  ASSERT_EQ(reader.stages[1].inputs.size(), 1u);
  EXPECT_EQ(std::get<unsigned>(reader.stages[1].inputs[0]), 0u) << "the first stage's result";
}

// [3][4] read by columns: its rows are the reader's second loop.
TEST(JoinTest, LoopsOfTheProducerFollowTheReadersOrder) {
  HostNest reader = readerOf({4, 3}, {3, 1});
  ASSERT_TRUE(join(reader, nestOf({3, 4}, {40, 10}, {4, 1}), {1, 4}));
  EXPECT_EQ(reader.extents, (Steps{4, 3}));
  EXPECT_EQ(inputOf(reader, 0).steps, (Steps{10, 40}));
  EXPECT_EQ(reader.output.steps, (Steps{3, 1}));
}

// Twelve elements in a row, made as three times four.
TEST(JoinTest, ALoopOfTheReaderIsSplitWhereTheProducerHasTwo) {
  HostNest reader = readerOf({12}, {1});
  ASSERT_TRUE(join(reader, nestOf({3, 4}, {1, 3}, {4, 1}), {1}));
  EXPECT_EQ(reader.extents, (Steps{3, 4}));
  EXPECT_EQ(reader.output.steps, (Steps{4, 1}));
  EXPECT_EQ(inputOf(reader, 0).steps, (Steps{1, 3}));
  EXPECT_EQ(reader.stages[1].indexOf[0], (Stage::Parts{{0, 4}, {1, 1}})) << "4 * first + second";
  EXPECT_EQ(inNest(reader, {7}), (Steps{28, 7}));
}

TEST(JoinTest, WhatIsReadTwiceOrInPartIsMadeOnce) {
  const HostNest producer = nestOf({12}, {1}, {1});
  for (auto [extents, output, reads] : {std::tuple<Steps, Steps, Steps>{{2, 12}, {12, 1}, {0, 1}}, // twice
                                        {{6}, {1}, {2}},                                           // every second
                                        {{3, 4}, {4, 1}, {5, 1}}}) {
    HostNest reader = readerOf(extents, output);
    EXPECT_FALSE(join(reader, producer, reads));
    EXPECT_EQ(reader.stages.size(), 1u);
    EXPECT_EQ(reader.extents, extents);
    EXPECT_TRUE(reader.stages[0].inputs.empty());
  }
}

TEST(JoinTest, ASumComesFirstAndItsReductionsLast) {
  HostNest reader = readerOf({4}, {1});
  reader.stages[0].inputs.push_back(HostAccess{5, 0, {1}});
  HostNest sum = nestOf({5, 4}, {1, 5}, {0, 1}, {true, false});
  sum.initial = HostAccess{6, 0, {0, 1}};
  ASSERT_TRUE(join(reader, sum, {1}));
  EXPECT_EQ(reader.extents, (Steps{4, 5}));
  EXPECT_EQ(reader.isReduction, (llvm::SmallVector<bool, 8>{false, true}));
  EXPECT_TRUE(reader.isReduced);
  EXPECT_EQ(inputOf(reader, 0).steps, (Steps{5, 1}));
  EXPECT_EQ(inputOf(reader, 1).steps, (Steps{1, 0})) << "the same at every step of the sum";
  EXPECT_EQ(std::get<HostAccess>(reader.initial).steps, (Steps{1, 0}));
  EXPECT_EQ(std::get<unsigned>(reader.stages[1].inputs[1]), 0u);
}

TEST(JoinTest, ASumIsNotPartOfAnother) {
  HostNest reader = readerOf({4, 5}, {1, 0}, {false, true});
  EXPECT_FALSE(join(reader, nestOf({20, 3}, {3, 1}, {1, 0}, {false, true}), {5, 1}));
  EXPECT_EQ(reader.stages.size(), 1u);
}

// Stages are numbered from the first: those behind the new ones move.
TEST(JoinTest, EarlierStagesKeepTheirReaders) {
  HostNest reader = readerOf({4}, {1});
  ASSERT_TRUE(join(reader, nestOf({4}, {1}, {1}), {1}));
  HostNest sum = nestOf({4, 5}, {5, 1}, {1, 0}, {false, true});
  ASSERT_TRUE(join(reader, sum, {1}));
  ASSERT_EQ(reader.stages.size(), 3u); // sum, the first producer, the reader
  EXPECT_EQ(std::get<unsigned>(reader.stages[2].inputs[0]), 1u);
  EXPECT_EQ(std::get<unsigned>(reader.stages[2].inputs[1]), 0u);
}

// Both loops have three steps: only how far they go tells which is which.
TEST(JoinTest, ASquareIsReadTheWayItIsAskedFor) {
  HostNest turned = readerOf({3, 3}, {3, 1}), straight = turned;
  ASSERT_TRUE(join(turned, nestOf({3, 3}, {30, 10}, {3, 1}), {1, 3}));
  EXPECT_EQ(inputOf(turned, 0).steps, (Steps{10, 30}));
  ASSERT_TRUE(join(straight, nestOf({3, 3}, {30, 10}, {3, 1}), {3, 1}));
  EXPECT_EQ(inputOf(straight, 0).steps, (Steps{30, 10}));
}

TEST(JoinTest, LoopsOfNoStepsAreLeftAlone) {
  HostNest reader = readerOf({0}, {1});
  EXPECT_FALSE(join(reader, nestOf({0}, {1}, {1}), {1}));
  EXPECT_FALSE(join(reader, nestOf({4}, {1}, {1}), {1}));
  HostNest some = readerOf({4}, {1});
  EXPECT_FALSE(join(some, nestOf({0, 4}, {0, 1}, {4, 1}), {1}));
}

TEST(JoinTest, TwoSumsAreTwoNestsWhereverTheirLoopsLie) {
  HostNest reader = readerOf({4, 5}, {1, 0}, {false, true}); // adds the same number five times
  EXPECT_FALSE(join(reader, nestOf({4, 3}, {3, 1}, {1, 0}, {false, true}), {1, 0}));
}

// Products of bytes: the zero point of the weights goes along, and lanes stay neighbours in memory.
TEST(JoinTest, ADotProductKeepsItsZeroPointAndItsLanes) {
  HostNest sum = nestOf({4, 6, 8}, {8, 0, 1}, {6, 1, 0}, {false, false, true});
  sum.dot = Dot::Pairs;
  sum.zeroOfWeights = 5;
  HostNest reader = readerOf({4, 6}, {6, 1});
  ASSERT_TRUE(join(reader, sum, {6, 1}));
  EXPECT_EQ(reader.dot, Dot::Pairs);
  EXPECT_EQ(reader.zeroOfWeights, 5);
  HostNest turned = readerOf({6, 4}, {4, 1});
  EXPECT_FALSE(join(turned, sum, {1, 6}));
}
