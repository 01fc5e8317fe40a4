// SPDX-License-Identifier: Apache-2.0
#include "PairMachine.h"

#include <gtest/gtest.h>

#include <set>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

Binding asWritten() { return {{0, 1, -1, 2, 3, 4}, std::vector<std::optional<int64_t>>(6), {}}; }

// The window's channels by more loops: c = c0, c1 ... of two steps each.
Block withReductions(int more) {
  Block block = pair::window(6, 8, 8, 3, 1, 1);
  for (int i = 0; i != more; ++i) {
    const int loop = int(block.loops.size());
    block.loops.push_back({"c" + std::to_string(i), 2, true});
    for (int o : {0, 1}) {
      block.operands[size_t(o)].shape.push_back(2);
      block.operands[size_t(o)].index.push_back(at(loop));
    }
  }
  return block;
}

size_t count(const Block &block, bool fuse, bool mustCover) {
  return enumerateMappings(block, pair::chain(), asWritten(), fuse, mustCover).size();
}

} // namespace

// m runs as m or outside: 2; outputs as lanes or outside: 2; each reduction as one of three or outside.
TEST(EnumerateTest, EveryAssignmentIsMadeOnce) {
  // Two reductions: none 1, one of them 2 * 3, both on different loops 6; on any loops 4 * 4.
  EXPECT_EQ(count(withReductions(0), false, false), 2u * 2 * 13);
  EXPECT_EQ(count(withReductions(0), true, false), 2u * 2 * 16);
  const std::vector<LoopMap> maps = enumerateMappings(withReductions(0), pair::chain(), asWritten(), true, false);
  std::set<LoopMap> different(maps.begin(), maps.end());
  EXPECT_EQ(different.size(), maps.size());
}

TEST(EnumerateTest, AllLoopsOfTheInstructionCanBeAskedFor) {
  EXPECT_EQ(count(withReductions(0), true, true), 0u); // two reductions are not three
  EXPECT_EQ(count(withReductions(1), false, true), 6u);
  EXPECT_EQ(count(withReductions(1), true, true), 6u);
  EXPECT_EQ(count(withReductions(2), false, true), 24u);     // one of four stays outside
  EXPECT_EQ(count(withReductions(2), true, true), 24u + 36); // or four share three
}

TEST(EnumerateTest, AWindowSplitBetweenRowsAndLanesNeedsACopyUnlessLanesAreChannels) {
  const Block block = pair::window(6, 8, 8, 3, 1, 1);
  const Chain chain = pair::chain();
  // Chain loops: m tap kb ic lane. Loops of the block: m outputs taps channels.
  EXPECT_FALSE(needsWindowCopy(block, chain, asWritten(), {0, 4, 1, 3}));
  EXPECT_TRUE(needsWindowCopy(block, chain, asWritten(), {0, 4, 3, 2}));
  EXPECT_FALSE(needsWindowCopy(block, chain, asWritten(), {-1, 4, 3, 2})) << "m is outside: nothing is split";
}
