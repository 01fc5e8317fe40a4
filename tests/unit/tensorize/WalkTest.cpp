// SPDX-License-Identifier: Apache-2.0
#include "Walk.h"

#include "PairMachine.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

// mac and drain with every field 0 but those given.
std::vector<Instruction> instructions(std::vector<std::pair<int, int64_t>> macFields) {
  std::vector<Instruction> links{{&pair::kInstructions[0], std::vector<int64_t>(pair::kMacFields.size(), 0)},
                                 {&pair::kInstructions[1], std::vector<int64_t>(pair::kDrainFields.size(), 0)}};
  for (auto [field, value] : macFields)
    links[0].values[size_t(field)] = value;
  return links;
}

// Channels are the rows of the weights, not their columns: a tensor [c][oc] that is no constant.
Block productOfTensors(int64_t channels, int64_t outputs) {
  Block block = pair::window(6, channels, outputs, 1, 1, 0);
  Operand &w = block.operands[1];
  w.constant = nullptr;
  w.tensor = 2;
  w.shape = {channels, outputs};
  w.index = {at(3), at(1)};
  return block;
}

Ranges wholeOf(const Mapping &mapping) {
  Ranges ranges;
  for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop)
    ranges.push_back({0, mapping.loopTo[loop] < 0 ? 1 : mapping.block.loops[loop].extent});
  return ranges;
}

} // namespace

TEST(WalkTest, AQuantityIsAFieldTheLanesOrANumber) {
  const std::vector<Instruction> links = instructions({{pair::kTaps, 5}});
  EXPECT_EQ(numberOf(links, {Quantity::Field, {0, pair::kTaps}, 0}, 4), 5);
  EXPECT_EQ(numberOf(links, {Quantity::Lanes, {}, 0}, 4), 4);
  EXPECT_EQ(numberOf(links, {Quantity::Literal, {}, 9}, 4), 9);
}

// Row m*2 + tap - 1 of x, 8 bytes each; two blocks of channels in it.
TEST(WalkTest, AnAddressIsTheBaseTheRowsAndTheLane) {
  const std::vector<Instruction> links =
      instructions({{pair::kX, 100}, {pair::kXRows, 8}, {pair::kStep, 2}, {pair::kPad, 1}});
  const Chain chain = pair::chain();
  const ChainAccess &x = chain.accesses[0];
  const std::vector<int64_t> step{3, 2, 1, 3, 2}; // m tap kb ic lane
  EXPECT_EQ(walkIndex(links, x.dims[0], step, 4), 3 * 2 + 2 - 1);
  EXPECT_EQ(walkIndex(links, x.dims[1], step, 4), 1);
  EXPECT_EQ(walkAddress(links, x, step, 4), 100 + 7 * 8 + 1 * 4 + 3);
  EXPECT_EQ(walkIndex(links, x.dims[0], {0, 0, 0, 0, 0}, 4), -1) << "the padding in front";
}

TEST(WalkTest, PackedRowsFollowOneAnotherInTheOrderOfTheirLoops) {
  const Mapping mapping = pair::mappingOf(pair::window(6, 7, 8, 3, 1, 1));
  const ChainAccess &w = mapping.chain->accesses[1];
  EXPECT_EQ(packedExtents(mapping, w, wholeOf(mapping), 4), (std::vector<int64_t>{3, 2, 4})); // tap, kb, ic
  EXPECT_EQ(packedBytes(mapping, 1, wholeOf(mapping), 4), 3 * 2 * 4 * 4);
  EXPECT_EQ(packedOffset(w, 5, 4), 5 * 4);
  ChainAccess record;
  record.elem = isa::Elem::I32;
  record.unit = 3;
  record.lead = 2;
  EXPECT_EQ(packedOffset(record, 5, 4), (2 + 3 * 5) * 4 * 4); // rows of four words
}

// w[c][oc], c = 4*block + lane: rows of the packed order are 4 bytes each, blocks of channels 16 apart.
TEST(WalkTest, APackedTensorHasStridesThatMakeItsRowsFollowOneAnother) {
  const Mapping mapping = pair::mappingOf(productOfTensors(8, 8));
  ASSERT_TRUE(isPackedStream(mapping, 1));
  EXPECT_EQ(mapping.block.operands[1].shape, (std::vector<int64_t>{8, 2, 4}));
  EXPECT_EQ(packedStrides(mapping, 1, wholeOf(mapping), 4), (std::vector<int64_t>{4, 0, 1}));
  const Box box{{0, 1, 0}, {8, 1, 4}};
  const View view = tileView(mapping, 1, box, wholeOf(mapping), 64, 4);
  EXPECT_EQ(view.address, 64);
  EXPECT_EQ(view.lo, box.lo);
  EXPECT_EQ(view.stride, (std::vector<int64_t>{4, 0, 1}));
  // What is walked with strides lies densely.
  EXPECT_EQ(tileView(mapping, 0, {{1, 0, 0}, {3, 2, 4}}, wholeOf(mapping), 0, 4).stride,
            (std::vector<int64_t>{8, 4, 1}));
}

TEST(WalkTest, RowsThatNoStridesMakeFollowOneAnotherHaveNone) {
  Mapping mapping = pair::mappingOf(productOfTensors(8, 8));
  // Blocks of channels would be 5 rows apart, lanes of them one: no one distance.
  mapping.block.operands[1].index[0].terms[0].factor = 5;
  EXPECT_TRUE(packedStrides(mapping, 1, wholeOf(mapping), 4).empty());
  // Blocks alone: 16 bytes for five rows.
  mapping.block.operands[1].index[0] = at(3, 5);
  EXPECT_TRUE(packedStrides(mapping, 1, wholeOf(mapping), 4).empty());
  mapping.block.operands[1].index[0] = at(3, 4);
  EXPECT_EQ(packedStrides(mapping, 1, wholeOf(mapping), 4), (std::vector<int64_t>{4, 0, 1}));
}
