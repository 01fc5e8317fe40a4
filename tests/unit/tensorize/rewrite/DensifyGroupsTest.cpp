// SPDX-License-Identifier: Apache-2.0
#include "Rewriting.h"

#include "tw/isa/ConfigReader.h"
#include "tw/tensorize/Match.h"

using namespace tw::tensorize;
using namespace tw::test;

namespace {

// Groups of s.c channels to s.oc each: x[.., g * C + c], y[.., g * P + o]; constants by group first.
Block grouped(const ConvShape &s, int64_t groups) {
  Block block = conv2d(s);
  const int g = int(block.loops.size());
  block.loops.push_back({"g", groups});
  block.operands[0].shape[3] = groups * s.c;
  block.operands[0].index[3] = {{{g, s.c}, {6, 1}}, 0};
  block.operands[4].shape[3] = groups * s.oc;
  block.operands[4].index[3] = {{{g, s.oc}, {3, 1}}, 0};
  for (int o : {1, 2, 3}) {
    Operand &constant = block.operands[o];
    constant.shape.insert(constant.shape.begin(), groups);
    constant.index.insert(constant.index.begin(), at(g));
    constant.constant = constantBytes(int64_t(constant.constant->size()) * groups);
  }
  return block;
}

} // namespace

TEST(DensifyGroupsTest, OneReductionOverAllChannelsGivesTheSameValues) {
  std::mt19937 random(3);
  for (int trial = 0; trial != 100; ++trial) {
    Block block = grouped(randomShape(random, 3, 3), between(random, 1, 4));
    if (trial % 3 == 0)
      addResidual(block, 5);
    randomiseConstants(block, random);
    std::optional<Block> dense = densifyGroups(block);
    ASSERT_TRUE(dense) << str(block);
    EXPECT_EQ(dense->loops[7].extent, 1);
    expectSameValues(block, *dense, randomTensors(block, random));
  }
}

TEST(DensifyGroupsTest, ZerosStandBetweenGroups) {
  Block block = grouped({1, 4, 4, 2, 3, 1, 1, 1, 1, 0}, 2);
  std::optional<Block> dense = densifyGroups(block);
  ASSERT_TRUE(dense);
  EXPECT_EQ(dense->loops[3].extent, 6);
  EXPECT_EQ(dense->loops[6].extent, 4);
  EXPECT_EQ(dense->operands[0].index[3], at(6));
  EXPECT_EQ(dense->operands[4].index[3], at(3));
  const Operand &w = dense->operands[1];
  ASSERT_EQ(w.shape, (std::vector<int64_t>{6, 1, 1, 4}));
  for (int64_t o = 0; o != 6; ++o)
    for (int64_t c = 0; c != 4; ++c) {
      const bool isInside = o / 3 == c / 2;
      EXPECT_EQ((*w.constant)[o * 4 + c], isInside ? (*block.operands[1].constant)[o * 2 + c % 2] : 0);
    }
  EXPECT_EQ(*dense->operands[2].constant, *block.operands[2].constant);
}

// Four lanes: as many groups together as make four channels and four outputs, or a multiple.
TEST(DensifyGroupsTest, BundlesOfGroupsGiveTheSameValues) {
  std::mt19937 random(6);
  int bundled = 0;
  for (int trial = 0; trial != 200; ++trial) {
    const ConvShape s = randomShape(random, 4, 4);
    const int64_t groups = between(random, 1, 12);
    Block block = grouped(s, groups);
    if (trial % 3 == 0)
      addResidual(block, 5);
    randomiseConstants(block, random);
    std::optional<Block> bundles = bundleGroups(block, 4);
    int64_t together = 1;
    while (together * s.c % 4 != 0 || together * s.oc % 4 != 0)
      ++together;
    ASSERT_EQ(bundles.has_value(), groups > together && groups % together == 0) << str(block);
    if (!bundles)
      continue;
    ++bundled;
    EXPECT_EQ(bundles->loops[7].extent, groups / together);
    EXPECT_EQ(bundles->loops[3].extent, s.oc * together);
    EXPECT_EQ(bundles->loops[6].extent, s.c * together);
    expectSameValues(block, *bundles, randomTensors(block, random));
  }
  EXPECT_GT(bundled, 30);
}

// Depthwise with a multiplier of two: a row of lanes of the input makes two rows of the result.
TEST(DensifyGroupsTest, ABundleReadsItsOwnRowsOnly) {
  Block block = grouped({1, 4, 4, 1, 2, 1, 1, 1, 1, 0}, 8);
  std::optional<Block> bundles = bundleGroups(block, 4);
  ASSERT_TRUE(bundles);
  EXPECT_EQ(bundles->operands[0].index[3], (Index{{{7, 4}, {6, 1}}, 0}));
  EXPECT_EQ(bundles->operands[4].index[3], (Index{{{7, 8}, {3, 1}}, 0}));
  const Operand &w = bundles->operands[1];
  ASSERT_EQ(w.shape, (std::vector<int64_t>{2, 8, 1, 1, 4}));
  for (int64_t g = 0; g != 2; ++g)
    for (int64_t o = 0; o != 8; ++o)
      for (int64_t c = 0; c != 4; ++c)
        EXPECT_EQ((*w.constant)[(g * 8 + o) * 4 + c],
                  o / 2 == c ? (*block.operands[1].constant)[(g * 4 + c) * 2 + o % 2] : 0);
}

TEST(DensifyGroupsTest, ABundleRunsOnTheArray) {
  const Target target = makeTwTarget(*tw::isa::loadConfig("tw16"));
  const std::vector<Chain> chains = chainsOf(target);
  const auto conv = std::ranges::find(chains, "conv+drq", &Chain::name);
  ASSERT_NE(conv, chains.end());
  for (auto [channels, outputs] : {std::pair{1, 2}, {4, 4}, {3, 5}, {2, 1}, {16, 16}}) {
    std::optional<Block> bundles = bundleGroups(grouped({1, 6, 6, channels, outputs, 3, 3, 1, 1, 1}, 32), 16);
    ASSERT_TRUE(bundles);
    std::vector<Rejection> why;
    const std::vector<Mapping> mappings = matchChain(*bundles, *conv, target, why);
    ASSERT_FALSE(mappings.empty()) << channels << " to " << outputs << ": " << why.back().str() << "\n"
                                   << str(*bundles);
    EXPECT_EQ(proveMapping(mappings[0], target), "") << channels << " to " << outputs;
  }
}

TEST(DensifyGroupsTest, ABlockWithoutGroupsStaysAsItIs) {
  EXPECT_FALSE(bundleGroups(conv2d({}), 16));

  EXPECT_FALSE(densifyGroups(conv2d({})));
  EXPECT_FALSE(densifyGroups(maxPool({})));
}
