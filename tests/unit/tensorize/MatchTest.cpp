// SPDX-License-Identifier: Apache-2.0
#include "Tw16.h"
#include "rewrite/Rewriting.h"
#include "tw/tensorize/Realise.h"
#include "tw/tensorize/Rewrite.h"

#include <gmock/gmock.h>

#include <algorithm>

using namespace tw::tensorize;
using namespace tw::test;

namespace {

// A matrix product unit without lanes or layouts: what the count of published mappings is about.
Chain plainGemm() {
  Chain gemm;
  gemm.name = "gemm";
  gemm.loops = {{"i", {}, false}, {"j", {}, false}, {"k", {}, true}};
  auto access = [](std::string name, int row, int lane, bool isWritten) {
    ChainAccess a;
    a.name = name, a.elem = isWritten ? tw::isa::Elem::I32 : tw::isa::Elem::I8, a.isWritten = isWritten,
    a.lane = tw::isa::LaneKind::Loop;
    a.laneLoop = lane, a.packed = {row};
    return a;
  };
  gemm.accesses = {access("x", 0, 2, false), access("w", 1, 2, false), access("y", 0, 1, true)};
  gemm.body = {{"mul_i8", {{ChainArg::Access, 0}, {ChainArg::Access, 1}}},
               {"add_wrap32", {{ChainArg::Running, 0}, {ChainArg::Slot, 0}}}};
  return gemm;
}

} // namespace

TEST(MoverTest, OnlyWholeCopiesMoveTiles) {
  std::vector<std::string> names;
  for (const Mover &mover : moversOf(target()))
    names.emplace_back(mover.row->mnemonic);
  for (const char *whole : {"ld", "ldw", "st", "ldp", "ldt"})
    EXPECT_TRUE(std::ranges::count(names, whole)) << whole;
  for (const char *partial : {"ldpad", "stb"})
    EXPECT_FALSE(std::ranges::count(names, partial)) << partial << " fills or leaves bytes that a tile has";
}

TEST(MatchTest, ConvolutionHas49MappingsOnAMatrixProductOf35NeedNoWindowCopy) {
  Block block = conv2d({2, 8, 8, 32, 48, 3, 3, 1, 1, 0});
  block.operands[4].elem = tw::isa::Elem::I32;
  block.finish.clear();
  Chain gemm = plainGemm();
  std::string reason;
  std::vector<Binding> bindings = unifyBodies(block, gemm, reason);
  ASSERT_EQ(bindings.size(), 2u) << reason; // as written, and with both factors exchanged
  const Binding &binding = bindings[0];
  std::vector<LoopMap> maps = enumerateMappings(block, gemm, binding, /*fuse=*/true, /*mustCover=*/true);
  EXPECT_EQ(maps.size(), 49u);
  EXPECT_EQ(std::ranges::count_if(maps, [&](const LoopMap &map) { return needsWindowCopy(block, gemm, binding, map); }),
            14);
}

TEST(MatchTest, ChainsCancelTheAccessInWhichTheyMeet) {
  const Chain &conv = chain("conv+drq");
  ASSERT_EQ(conv.meetings.size(), 1u);
  EXPECT_EQ(conv.meetings[0].space, int(tw::isa::Space::ACC));
  for (const ChainAccess &access : conv.accesses)
    EXPECT_NE(access.space, int(tw::isa::Space::ACC)) << access.name;
}

TEST(MatchTest, ConvolutionsOfAnyStrideDilationAndPaddingAreProved) {
  for (int64_t stride : {1, 2, 3})
    for (int64_t dilation : {1, 2})
      for (int64_t pad : {0, 1, 2})
        expectProved(conv2d({1, 9, 11, 24, 40, 3, 2, stride, dilation, pad}), "conv+drq");
}

TEST(MatchTest, PointwiseConvolutionIsAMatrixProductOfFusedPixels) {
  expectProved(conv2d({1, 8, 8, 32, 48, 1, 1, 1, 1, 0}), "gemm+drq");
}

TEST(MatchTest, FullyConnectedLayersAreProvedOnBothArrayInstructionsWithSwappedOperands) {
  for (auto [m, k, n] : {std::tuple{1, 640, 128}, {5, 3, 17}, {1, 1, 1}, {40, 16, 1}}) {
    expectProved(gemm(m, k, n), "gemm+drq");
    expectProved(gemm(m, k, n), "conv+drq");
  }
}

TEST(MatchTest, DepthwiseConvolutionIsTheVectorInstructionAndNeverTheArray) {
  Block block = depthwise({1, 8, 8, 24, 24, 3, 3, 2, 1, 1});
  expectProved(block, "dwconv");
  EXPECT_TRUE(match(block, "conv+drq").empty());
}

TEST(MatchTest, PoolsMatchWithNeutralRescaling) { expectProved(maxPool({1, 9, 9, 20, 20, 3, 3, 2, 1, 1}), "poolmax"); }

TEST(MatchTest, ElementwiseBlocksFuseTheirLoops) {
  Block block = addition({2, 5, 7, 40});
  std::vector<Mapping> mappings = match(block, "ewadd");
  ASSERT_FALSE(mappings.empty());
  expectProved(block, "ewadd");
  EXPECT_EQ(mappings[0].block.loops[0].extent, 2 * 5 * 7 * 3);
}

TEST(MatchTest, BroadcastAlongRowsIsAStrideOfZero) {
  Block block = addition({6, 5, 32});
  block.operands[1].shape = {1, 1, 32};
  block.operands[1].index = {Index{}, Index{}, at(2)};
  expectProved(block, "ewadd");
}

TEST(MatchTest, BroadcastAlongLanesIsRefusedWithTheReason) {
  Block block = addition({6, 32});
  block.operands[1].shape = {6, 1};
  block.operands[1].index = {at(0), Index{}};
  std::vector<Rejection> why;
  EXPECT_TRUE(match(block, "ewadd", &why).empty());
  ASSERT_FALSE(why.empty());
  EXPECT_EQ(why.back().kind, "layout");
}

TEST(MatchTest, AStrideBeyondTheFieldStaysOutsideTheInstructionAndIsNeverTruncated) {
  std::vector<Rejection> why;
  std::vector<Mapping> mappings = match(conv2d({1, 40, 40, 16, 16, 3, 3, 16, 1, 1}), "conv+drq", &why);
  ASSERT_FALSE(mappings.empty());
  for (const Mapping &mapping : mappings) {
    EXPECT_EQ(mapping.loopTo[1], -1);
    EXPECT_EQ(mapping.loopTo[2], -1);
  }
  EXPECT_TRUE(std::ranges::any_of(
      why, [](const Rejection &r) { return r.str().find("stride_h = 16 is outside 1..15") != std::string::npos; }));
}

TEST(MatchTest, FoldedRowsOfFewChannelsAreProvedOnTheByteInstruction) {
  for (int64_t channels : {1, 3})
    for (int64_t stride : {1, 2})
      for (int64_t pad : {0, 1}) {
        std::optional<Block> folded = foldRows(conv2d({1, 9, 11, channels, 20, 3, 3, stride, 1, pad}), 16);
        ASSERT_TRUE(folded);
        expectProved(*folded, "convf+drq");
        EXPECT_TRUE(match(*folded, "conv+drq").empty());
      }
}

TEST(MatchTest, AWindowWithDilatedColumnsIsNotFolded) {
  EXPECT_FALSE(foldRows(conv2d({1, 9, 11, 3, 20, 3, 3, 1, 2, 1}), 16));
}

TEST(MatchTest, PairsOfColumnsOfFewChannelsAreProvedOnTheSplitArray) {
  for (int64_t channels : {4, 8})
    for (int64_t columns : {3, 4, 5})
      for (int64_t stride : {1, 2})
        for (int64_t pad : {0, 1}) {
          std::optional<Block> paired = pairColumns(conv2d({1, 9, 11, channels, 20, 3, columns, stride, 1, pad}), 16);
          ASSERT_TRUE(paired);
          expectProved(*paired, "convs+drq");
          EXPECT_TRUE(match(*paired, "conv+drq").empty());
        }
}

TEST(MatchTest, ColumnsThatAreNoNeighboursOrWhoseChannelsFillMoreThanHalfARowAreNotPaired) {
  EXPECT_FALSE(pairColumns(conv2d({1, 9, 11, 8, 20, 3, 3, 1, 2, 1}), 16)) << "dilated";
  EXPECT_FALSE(pairColumns(conv2d({1, 9, 11, 9, 20, 3, 3, 1, 1, 1}), 16)) << "nine channels";
  EXPECT_FALSE(pairColumns(conv2d({1, 9, 11, 8, 20, 1, 1, 1, 1, 0}), 16)) << "one column";
}

TEST(MatchTest, ALoopOfTwoStepsIsWalkedByTwoStepsOrNotAtAll) {
  // A kernel of two columns is a pair as it is; one of three, unpaired, is none.
  EXPECT_FALSE(match(conv2d({1, 9, 11, 8, 20, 3, 2, 1, 1, 1}), "convs+drq").empty());
  EXPECT_TRUE(match(conv2d({1, 9, 11, 8, 20, 3, 3, 1, 1, 1}), "convs+drq").empty());
  std::vector<Rejection> why;
  EXPECT_TRUE(match(conv2d({1, 9, 11, 16, 20, 3, 2, 1, 1, 1}), "convs+drq", &why).empty());
  EXPECT_TRUE(std::ranges::any_of(why, [](const Rejection &r) {
    return r.str().find("has 16 steps, the instruction takes 8") != std::string::npos;
  }));
}

TEST(MatchTest, AReductionThatOnlyWeightsKnowIsAddedUpInPasses) {
  const Block block = inTwoParts(conv2d({}));
  bool isProved = false;
  for (const Mapping &mapping : match(block, "conv+drq"))
    isProved |= mapping.loopTo[7] == -1 && proveMapping(mapping, target()).empty();
  EXPECT_TRUE(isProved);
  EXPECT_TRUE(match(block, "dwconv").empty());
}

TEST(MatchTest, DepthwiseRunsOnTheArrayWithWeightsOnTheDiagonal) {
  for (int64_t channels : {8, 24, 32}) { // 24: the second block is filled up
    Block block = depthwise({1, 9, 9, channels, channels, 3, 3, 2, 1, 1});
    std::optional<Block> diagonal = diagonalise(block, 16);
    ASSERT_TRUE(diagonal);
    expectProved(*diagonal, "conv+drq");
    const Operand &w = diagonal->operands[1];
    const int64_t width = std::min<int64_t>(channels, 16);
    ASSERT_EQ(w.shape, (std::vector<int64_t>{(channels + width - 1) / width, width, 3, 3, width}));
    for (size_t i = 0; i != w.constant->size(); ++i) {
      const int64_t in = int64_t(i) % width, tap = int64_t(i) / width % 9, channel = int64_t(i) / width / 9;
      const bool isOnDiagonal = channel % width == in && channel < channels;
      EXPECT_EQ((*w.constant)[i], isOnDiagonal ? (*block.operands[1].constant)[size_t(channel * 9 + tap)] : 0);
    }
  }
  EXPECT_FALSE(diagonalise(conv2d({}), 16));
}

TEST(MatchTest, ATileBeyondTheImageReadsPaddingOnly) {
  // Rows 10 and 11 of the result read rows 5 to 8 of an image of 4.
  std::vector<Mapping> mappings = match(conv2d({1, 4, 4, 16, 16, 3, 3, 1, 1, 5}), "conv+drq");
  ASSERT_FALSE(mappings.empty());
  const Mapping &mapping = mappings[0];
  Ranges ranges;
  for (const Loop &loop : mapping.block.loops)
    ranges.push_back(loop.name == "oh" ? Range{10, 2} : Range{0, loop.extent});
  Placement placement;
  placement.views.resize(mapping.chain->accesses.size());
  placement.bases.assign(mapping.chain->accesses.size(), 0);
  placement.meetingBases.assign(mapping.chain->meetings.size(), 0);
  for (size_t i = 0; i != mapping.chain->accesses.size(); ++i)
    if (int o = mapping.binding.operandOf[i]; o >= 0 && mapping.chain->accesses[i].isStrided)
      placement.views[i] = denseView(boxOf(mapping, o, ranges), 0);
  std::vector<Instruction> links;
  std::optional<Rejection> rejection = realise(mapping, ranges, placement, links);
  ASSERT_FALSE(rejection) << rejection->diag().str();
  // oh + kh - pad_t is at most 1 + 2 - 4.
  EXPECT_EQ(links[0].values[size_t(tw::isa::findField(*links[0].row, "pad_t"))], 4);
}

TEST(MatchTest, ALoopThatLeavesTheImageRunsInTheInstructionThatPads) {
  // Two images of four rows, of which six are read: no tap moves the rows, so a loop outside would do by itself.
  Block block = conv2d({2, 4, 10, 16, 16, 1, 3, 1, 1, 1});
  block.operands[0].index[1].constant = 0;
  std::vector<Rejection> why;
  std::vector<Mapping> mappings = match(block, "conv+drq", &why);
  ASSERT_FALSE(mappings.empty());
  for (const Mapping &mapping : mappings) {
    EXPECT_GE(mapping.loopTo[1], 0);
    EXPECT_EQ(proveMapping(mapping, target()), "");
  }
  EXPECT_TRUE(std::ranges::any_of(why, [](const Rejection &r) {
    return r.str().find("outside its shape in a dimension in which the instruction does not pad") != std::string::npos;
  }));
}

namespace {

// A tile with everything that it reads and writes laid out densely, and its instructions.
struct Tile {
  Tile(const Mapping &mapping, Ranges given) : mapping(mapping), ranges(std::move(given)) {
    placement.views.resize(mapping.chain->accesses.size());
    placement.bases.assign(mapping.chain->accesses.size(), 0);
    placement.meetingBases.assign(mapping.chain->meetings.size(), 0);
    for (size_t i = 0; i != mapping.chain->accesses.size(); ++i)
      if (int o = mapping.binding.operandOf[i]; o >= 0 && mapping.chain->accesses[i].isStrided)
        placement.views[i] = denseView(boxOf(mapping, o, ranges), 0);
    if (std::optional<Rejection> rejection = realise(mapping, ranges, placement, links))
      refused = rejection->diag().str();
  }
  int64_t &field(std::string_view name) { return links[0].values[size_t(tw::isa::findField(*links[0].row, name))]; }
  std::string prove() const { return proveTile(mapping, target(), ranges, placement, links); }

  const Mapping &mapping;
  Ranges ranges;
  Placement placement;
  std::vector<Instruction> links;
  std::string refused;
};

// The whole of every loop but one.
Ranges cut(const Mapping &mapping, std::string_view loop, Range part) {
  Ranges ranges;
  for (const Loop &l : mapping.block.loops)
    ranges.push_back(l.name == loop ? part : Range{0, l.extent});
  return ranges;
}

} // namespace

TEST(TileTest, FoldedRowsCutAlongColumnsBeginAtTheFirstByteOfTheTile) {
  for (auto [kernel, pad] : {std::pair{3, 1}, {3, 0}, {1, 0}, {7, 3}}) {
    const ConvShape shape{1, 12, 64, 3, 16, kernel, kernel, 1, 1, pad};
    std::optional<Block> folded = foldRows(conv2d(shape), 16);
    ASSERT_TRUE(folded);
    std::vector<Mapping> mappings = match(*folded, "convf+drq");
    ASSERT_FALSE(mappings.empty());
    for (int64_t lo = 0; lo < shape.ow(); lo += 10) {
      Tile tile(mappings[0], cut(mappings[0], "ow", {lo, std::min<int64_t>(10, shape.ow() - lo)}));
      ASSERT_EQ(tile.refused, "") << "columns from " << lo;
      EXPECT_EQ(tile.prove(), "") << "columns from " << lo << ", kernel " << kernel << ", padding " << pad;
      const int64_t first = 3 * (lo - pad); // byte of the row
      EXPECT_EQ(tile.field("x"), std::max<int64_t>(first, 0));
      EXPECT_EQ(tile.field("pad_b"), std::max<int64_t>(-first, 0));
      EXPECT_EQ(tile.field("x_b"), 192 - std::max<int64_t>(first, 0));
    }
  }
}

TEST(TileTest, EveryWrongFieldOfATileIsFound) {
  std::vector<Mapping> mappings = match(conv2d({1, 20, 20, 32, 48, 3, 3, 1, 1, 1}), "conv+drq");
  ASSERT_FALSE(mappings.empty());
  for (Range rows : {Range{0, 7}, Range{7, 7}, Range{14, 6}}) {
    const Tile right(mappings[0], cut(mappings[0], "oh", rows));
    ASSERT_EQ(right.refused, "");
    ASSERT_EQ(right.prove(), "");
    for (size_t f = 0; f != right.links[0].row->fields.size(); ++f) {
      const std::string name(right.links[0].row->fields[f].name);
      // Addresses in other memories, the value of padding and the beginning of the sums are not of the walk.
      if (name == "w" || name == "acc" || name == "accumulate" || name == "pad_value")
        continue;
      // A tile may reach further than it reads: one of the two must be found.
      bool isFound = false;
      for (int64_t change : {1, -1}) {
        Tile wrong = right;
        wrong.links[0].values[f] += change;
        isFound |= !wrong.prove().empty();
      }
      EXPECT_TRUE(isFound) << name << " of rows from " << rows.lo;
    }
  }
}

TEST(TileTest, LanesOfATileAreWholeAlsoWhereTheInstructionWalksHalfOfThem) {
  std::optional<Block> paired = pairColumns(conv2d({1, 9, 11, 4, 20, 3, 3, 1, 1, 1}), 16);
  ASSERT_TRUE(paired);
  std::vector<Mapping> mappings = match(*paired, "convs+drq");
  ASSERT_FALSE(mappings.empty());
  Tile tile(mappings[0], cut(mappings[0], "", {}));
  ASSERT_EQ(tile.refused, "");
  EXPECT_EQ(tile.prove(), "");
  for (const View &view : tile.placement.views)
    if (view.stride.size() > 1)
      EXPECT_EQ(view.stride[view.stride.size() - 2], 16);
}
