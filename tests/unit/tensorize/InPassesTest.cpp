// SPDX-License-Identifier: Apache-2.0
#include "Tw16.h"
#include "rewrite/Rewriting.h"

using namespace tw::tensorize;
using namespace tw::test;

namespace {

// The numbers of passes that are offered for a product of k elements, each of them proved.
std::vector<int64_t> passesOf(int64_t k) {
  std::vector<int64_t> counts;
  for (const Mapping &mapping : match(gemm(4, k, 32), "conv+drq"))
    for (const Mapping &passes : inPasses(mapping, target())) {
      EXPECT_EQ(proveMapping(passes, target()), "") << k;
      const Loop &pass = passes.block.loops.back();
      EXPECT_TRUE(pass.isReduction && passes.loopTo.back() == -1);
      int64_t products = 1; // that the whole block adds to one result
      for (const Loop &loop : passes.block.loops)
        products *= loop.isReduction ? loop.extent : 1;
      EXPECT_EQ(products, k);
      counts.push_back(pass.extent);
    }
  std::ranges::sort(counts);
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

} // namespace

TEST(InPassesTest, ALongSumIsAddedUpInPassesOfOneLength) {
  EXPECT_EQ(passesOf(4096), (std::vector<int64_t>{4, 8}));
  EXPECT_EQ(passesOf(3072), (std::vector<int64_t>{3, 6}));
  EXPECT_EQ(passesOf(16 * 67), (std::vector<int64_t>{67})); // a prime number of rows: one a pass, and that once
}

TEST(InPassesTest, OneRowOfLanesMoreThanAPassHasRoomForIsTheFirstLongSum) {
  EXPECT_TRUE(passesOf(1024).empty());
  EXPECT_EQ(passesOf(1040), (std::vector<int64_t>{5})); // 65 rows: 13 are most for both lengths
}

TEST(InPassesTest, PaddingBehindTheLastRowIsInNoPass) {
  EXPECT_TRUE(passesOf(4090).empty());
  EXPECT_TRUE(passesOf(1025).empty());
}

TEST(InPassesTest, WhatBeginsEachSumAnewIsNotCut) {
  for (const Mapping &mapping : match(gemm(4, 4096, 32), "conv+drq")) {
    Chain forgets = *mapping.chain;
    forgets.accumulate = {};
    Mapping same = mapping;
    same.chain = &forgets;
    EXPECT_TRUE(inPasses(same, target()).empty());
  }
}

TEST(InPassesTest, ASumInPassesIsTheSameSum) {
  std::mt19937 random(3);
  for (int64_t k : {1040, 2048}) {
    Block block = gemm(3, k, 16);
    randomiseConstants(block, random);
    for (const Mapping &mapping : match(block, "conv+drq"))
      for (const Mapping &passes : inPasses(mapping, target()))
        expectSameValues(mapping.block, passes.block, randomTensors(mapping.block, random));
  }
}
