// SPDX-License-Identifier: Apache-2.0
// Boxes copied by a machine that is written from the sentence "n1 runs of n0 rows of 4 bytes" (PairMachine.h).
#include "PairMachine.h"
#include "tw/tensorize/Schedule.h"

#include <gtest/gtest.h>

#include <random>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

using Shape = std::vector<int64_t>;

Mover mover(std::string_view name) {
  static const Target machine = pair::target();
  for (const Mover &mover : moversOf(machine))
    if (mover.row->mnemonic == name)
      return mover;
  ADD_FAILURE() << "no " << name;
  return {};
}

struct Copied {
  int64_t outer, buffer, n0, n1, outerStride, bufferStride;
  bool operator==(const Copied &) const = default;
};
std::ostream &operator<<(std::ostream &os, const Copied &run) {
  return os << run.outer << " " << run.buffer << " " << run.n0 << " " << run.n1 << " " << run.outerStride << " "
            << run.bufferStride;
}

std::vector<Copied> runs(const std::vector<Instruction> &instructions) {
  std::vector<Copied> result;
  for (const Instruction &i : instructions) {
    EXPECT_EQ(i.values[pair::kRegion], 2);
    result.push_back({i.values[pair::kOuterAt], i.values[pair::kBufferAt], i.values[pair::kN0], i.values[pair::kN1],
                      i.values[pair::kOuterStride], i.values[pair::kBufferStride]});
  }
  return result;
}

std::vector<Copied> load(const Shape &extent, const Shape &from, const Shape &to) {
  return runs(copyBox(mover("ld"), extent, from, 1000, to, 64, 2));
}

} // namespace

TEST(CopyTest, WhatIsContiguousOnBothSidesIsOneRun) {
  EXPECT_EQ(load({3, 2, 4}, {8, 4, 1}, {8, 4, 1}), (std::vector<Copied>{{1000, 64, 6, 1, 0, 0}}));
}

TEST(CopyTest, RowsOfOtherDistancesAreALevel) {
  // The second half of three rows of 8 bytes, side by side on chip.
  EXPECT_EQ(load({3, 1, 4}, {8, 4, 1}, {4, 4, 1}), (std::vector<Copied>{{1000, 64, 1, 3, 8, 4}}));
}

TEST(CopyTest, LevelsThatContinueEachOtherAreOne) {
  // 2 x 2 rows, all 8 bytes apart there and 4 here.
  EXPECT_EQ(load({2, 2, 1, 4}, {16, 8, 4, 1}, {8, 4, 4, 1}), (std::vector<Copied>{{1000, 64, 1, 4, 8, 4}}));
}

TEST(CopyTest, WhatIsTooLongForAFieldComesInPieces) {
  // n0 takes 16 rows, n1 takes 5 runs.
  EXPECT_EQ(load({20, 4}, {4, 1}, {4, 1}), (std::vector<Copied>{{1000, 64, 16, 1, 0, 0}, {1064, 128, 4, 1, 0, 0}}));
  EXPECT_EQ(load({7, 1, 4}, {8, 4, 1}, {4, 4, 1}),
            (std::vector<Copied>{{1000, 64, 1, 5, 8, 4}, {1040, 84, 1, 2, 8, 4}}));
}

TEST(CopyTest, ALevelTooManyIsACopyForEachOfItsSteps) {
  EXPECT_EQ(load({2, 3, 1, 4}, {100, 8, 4, 1}, {12, 4, 4, 1}),
            (std::vector<Copied>{{1000, 64, 1, 3, 8, 4}, {1100, 76, 1, 3, 8, 4}}));
}

TEST(CopyTest, AStoreHasItsSidesExchanged) {
  const auto stored = copyBox(mover("st"), {3, 1, 4}, {4, 4, 1}, 64, {8, 4, 1}, 1000, 2);
  EXPECT_EQ(runs(stored), (std::vector<Copied>{{1000, 64, 1, 3, 8, 4}}));
}

// Four rows side by side on chip are two pairs with a gap outside.
TEST(CopyTest, LevelsThatContinueEachOtherOnOneSideOnlyStayTwo) {
  const auto stored = copyBox(mover("st"), {2, 2, 1, 4}, {8, 4, 4, 1}, 64, {32, 8, 4, 1}, 1000, 2);
  EXPECT_EQ(runs(stored), (std::vector<Copied>{{1000, 64, 1, 2, 8, 4}, {1032, 72, 1, 2, 8, 4}}));
}

TEST(CopyTest, AnyBoxIsCopiedWholeAndNothingElse) {
  std::mt19937 random(5);
  auto below = [&](int64_t n) { return int64_t(random() % uint64_t(n)); };
  for (int trial = 0; trial != 500; ++trial) {
    // A box of a larger tensor, stored densely; rows of 4 bytes.
    Shape tensor, extent, low;
    for (int64_t d = 0, rank = 1 + below(4); d != rank; ++d) {
      tensor.push_back(1 + below(6));
      extent.push_back(1 + below(tensor.back()));
      low.push_back(below(tensor.back() - extent.back() + 1));
    }
    tensor.push_back(4), extent.push_back(4), low.push_back(0);
    Shape from(tensor.size(), 1), to(tensor.size(), 1);
    for (size_t d = tensor.size() - 1; d-- > 0;) {
      from[d] = from[d + 1] * tensor[d + 1];
      to[d] = to[d + 1] * extent[d + 1];
    }
    int64_t first = 0, bytes = 1, whole = tensor[0] * from[0];
    for (size_t d = 0; d != tensor.size(); ++d)
      first += low[d] * from[d], bytes *= extent[d];
    if (bytes > 1024)
      continue;
    std::vector<int> outer(static_cast<size_t>(whole)), buffer(1024, -1), expected(1024, -1);
    for (int64_t i = 0; i != whole; ++i)
      outer[size_t(i)] = int(i);
    for (int64_t i = 0; i != bytes; ++i) {
      int64_t rest = i, source = first;
      for (size_t d = tensor.size(); d-- > 0; rest /= extent[d])
        source += rest % extent[d] * from[d];
      expected[size_t(i)] = int(source);
    }
    for (const Copied &run : runs(copyBox(mover("ld"), extent, from, first, to, 0, 2))) {
      EXPECT_LE(run.n0, 16);
      EXPECT_LE(run.n1, 5);
      for (int64_t i1 = 0; i1 != run.n1; ++i1)
        for (int64_t byte = 0; byte != run.n0 * 4; ++byte) {
          int &there = buffer.at(size_t(run.buffer + i1 * run.bufferStride + byte));
          EXPECT_EQ(there, -1) << "written twice";
          there = outer.at(size_t(run.outer + i1 * run.outerStride + byte));
        }
    }
    ASSERT_EQ(buffer, expected) << "trial " << trial;
  }
}
