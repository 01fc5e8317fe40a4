// SPDX-License-Identifier: Apache-2.0
#include "host/Nest.h"

#include "mlir/IR/BuiltinTypes.h"

#include <gtest/gtest.h>

using namespace tw::codegen;

namespace {

using Steps = llvm::SmallVector<int64_t, 8>;

// One stage that reads `input` and writes `output`.
HostNest nestOf(Steps extents, Steps input, Steps output, llvm::ArrayRef<bool> isReduction = {}) {
  HostNest nest;
  nest.extents = std::move(extents);
  nest.isReduction.assign(nest.extents.size(), false);
  if (!isReduction.empty())
    nest.isReduction.assign(isReduction.begin(), isReduction.end());
  Stage stage;
  stage.inputs.push_back(HostAccess{0, 0, std::move(input)});
  nest.stages.push_back(std::move(stage));
  nest.output = {1, 0, std::move(output)};
  return nest;
}

const Steps &inputOf(HostNest &nest) { return std::get<HostAccess>(nest.stages[0].inputs[0]).steps; }

} // namespace

TEST(NestTest, LoopsOfOneStepGoAndNeighboursThatAreWalkedAsOneAreOne) {
  HostNest nest = nestOf({1, 4, 5}, {99, 5, 1}, {77, 5, 1});
  simplify(nest);
  EXPECT_EQ(nest.extents, (Steps{20}));
  EXPECT_EQ(inputOf(nest), (Steps{1}));
  EXPECT_EQ(nest.output.steps, (Steps{1}));
  EXPECT_EQ(nest.isReduction.size(), 1u);
}

TEST(NestTest, RowsWithAGapBetweenThemStayTwoLoops) {
  HostNest nest = nestOf({4, 5}, {8, 1}, {5, 1});
  simplify(nest);
  EXPECT_EQ(nest.extents, (Steps{4, 5}));
}

TEST(NestTest, WhatIsReadAgainAtEveryStepJoinsAsWell) {
  HostNest nest = nestOf({4, 5}, {0, 0}, {5, 1});
  simplify(nest);
  EXPECT_EQ(nest.extents, (Steps{20}));
  EXPECT_EQ(inputOf(nest), (Steps{0}));
}

// Sums are added in the order of their loops.
TEST(NestTest, ReductionsJoinTheirNeighbourOnly) {
  HostNest apart = nestOf({3, 4, 5}, {5, 15, 1}, {0, 1, 0}, {true, false, true});
  simplify(apart);
  EXPECT_EQ(apart.extents, (Steps{3, 4, 5}));
  HostNest neighbours = nestOf({4, 3, 5}, {15, 5, 1}, {1, 0, 0}, {false, true, true});
  simplify(neighbours);
  EXPECT_EQ(neighbours.extents, (Steps{4, 15}));
  HostNest parallel = nestOf({3, 4, 5}, {5, 15, 1}, {5, 15, 1});
  simplify(parallel);
  EXPECT_EQ(parallel.extents, (Steps{15, 4})) << "points that do not wait for each other join across another loop";
}

TEST(NestTest, AReductionDoesNotJoinAParallelLoop) {
  HostNest nest = nestOf({4, 5}, {5, 1}, {0, 0}, {false, true});
  simplify(nest);
  EXPECT_EQ(nest.extents, (Steps{4, 5}));
}

TEST(NestTest, ALoopWhoseNumberABodyAsksForStays) {
  HostNest nest = nestOf({1, 4, 5}, {0, 5, 1}, {0, 5, 1});
  nest.stages[0].indexOf = {{{0, 1}}, {{1, 1}}, {}};
  simplify(nest);
  EXPECT_EQ(nest.extents, (Steps{4, 5}));
  EXPECT_TRUE(nest.stages[0].indexOf[0].empty()) << "it was one step: its number is 0";
  EXPECT_EQ(nest.stages[0].indexOf[1], (Stage::Parts{{0, 1}}));
}

TEST(NestTest, EveryAccessIsListedTheOutputLast) {
  HostNest nest = nestOf({4}, {1}, {1});
  nest.stages[0].inputs.push_back(std::monostate());
  nest.stages[0].inputs.push_back(0u);
  nest.initial = HostAccess{2, 0, {0}};
  nest.call.emplace();
  nest.call->operands.push_back({3, 0, {}});
  nest.call->scratch = HostAccess{4, 0, {}};
  std::vector<unsigned> arrays;
  for (const HostAccess *access : nest.accesses())
    arrays.push_back(access->array);
  EXPECT_EQ(arrays, (std::vector<unsigned>{0, 2, 3, 4, 1}));
}

TEST(NestTest, ABoolIsAByteInMemory) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  EXPECT_EQ(memoryType(mlir::IntegerType::get(&context, 1)), mlir::IntegerType::get(&context, 8));
  EXPECT_EQ(memoryType(mlir::IntegerType::get(&context, 16)), mlir::IntegerType::get(&context, 16));
}

TEST(NestTest, EitherLoopWhoseNumberABodyAsksForStays) {
  for (unsigned asked : {0u, 1u}) {
    HostNest nest = nestOf({4, 5}, {5, 1}, {5, 1});
    nest.stages[0].indexOf = {{{asked, 1}}};
    simplify(nest);
    EXPECT_EQ(nest.extents, (Steps{4, 5})) << asked;
  }
}
