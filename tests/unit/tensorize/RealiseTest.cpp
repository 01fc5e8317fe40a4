// SPDX-License-Identifier: Apache-2.0
// Fields and images of tiles whose numbers are said by hand: see PairMachine.h for what the fields mean.
#include "PairMachine.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

// Rows m.lo.. of outputs 4*block .. 4*block+3; everything else whole. Loops: m outputs taps channels lanes lanes.
Ranges tile(const Mapping &mapping, Range m, int64_t block) {
  Ranges ranges;
  for (const Loop &loop : mapping.block.loops)
    ranges.push_back({0, loop.extent});
  ranges[0] = m;
  ranges[1] = {block, 1};
  return ranges;
}

struct Fields {
  std::vector<Instruction> links;
  std::string refused;
  int64_t mac(int field) const { return links[0].values[size_t(field)]; }
  int64_t drain(int field) const { return links[1].values[size_t(field)]; }
};

Fields fieldsOf(const Mapping &mapping, const Ranges &ranges, const View &x, const View &y) {
  Placement placement;
  placement.views = {x, {}, {}, {}, {}, y};
  placement.bases = {0, 300, 5, 5, 5, 0};
  placement.meetingBases = {8};
  Fields fields;
  if (auto rejection = realise(mapping, ranges, placement, fields.links))
    fields.refused = rejection->diag().str();
  return fields;
}

Fields denseFields(const Mapping &mapping, const Ranges &ranges) {
  return fieldsOf(mapping, ranges, denseView(boxOf(mapping, 0, ranges), 100),
                  denseView(boxOf(mapping, 4, ranges), 500));
}

uint8_t constantByte(int64_t element) { return uint8_t(element * 37 + 11); } // constantBytes()

uint32_t wordAt(const std::vector<uint8_t> &bytes, size_t word) {
  uint32_t value = 0;
  std::memcpy(&value, &bytes[4 * word], 4);
  return value;
}

} // namespace

TEST(RealiseTest, ATileTouchesTheRowsOfItsWindowsThatAreThere) {
  const Mapping mapping = pair::mappingOf(pair::window(6, 8, 8, 3, 1, 1));
  // Rows 2 and 3 of the result read rows 1 to 4.
  EXPECT_EQ(boxOf(mapping, 0, tile(mapping, {2, 2}, 1)), (Box{{1, 0, 0}, {4, 2, 4}}));
  EXPECT_EQ(boxOf(mapping, 4, tile(mapping, {2, 2}, 1)), (Box{{2, 1, 0}, {2, 1, 4}}));
  EXPECT_EQ(boxOf(mapping, 0, tile(mapping, {0, 2}, 0)), (Box{{0, 0, 0}, {3, 2, 4}})); // row -1 is none
  EXPECT_EQ(boxOf(mapping, 0, tile(mapping, {4, 2}, 0)), (Box{{3, 0, 0}, {3, 2, 4}})); // nor is row 6
  EXPECT_EQ(boxBytes({{1, 0, 0}, {4, 2, 4}}), 32);
  EXPECT_EQ(denseView({{1, 0, 0}, {4, 2, 4}}, 100).stride, (std::vector<int64_t>{8, 4, 1}));
}

TEST(RealiseTest, EveryFieldOfATileInTheMiddleIsSaidByHand) {
  const Mapping mapping = pair::mappingOf(pair::window(6, 8, 8, 3, 1, 1));
  const Fields fields = denseFields(mapping, tile(mapping, {2, 2}, 1));
  ASSERT_EQ(fields.refused, "");
  ASSERT_EQ(fields.links.size(), 2u);
  // x x_rs step x_h pad pad_value w acc m_n t_n k_n accumulate
  EXPECT_EQ(fields.links[0].values, (std::vector<int64_t>{100, 8, 1, 4, 0, 3, 300, 8, 2, 3, 2, 0}));
  // acc record y y_rs m_n lo hi
  EXPECT_EQ(fields.links[1].values, (std::vector<int64_t>{8, 5, 500, 4, 2, -4, 100}));
}

TEST(RealiseTest, TilesAtTheBordersSayHowMuchIsThereAndWherePaddingEnds) {
  const Mapping mapping = pair::mappingOf(pair::window(6, 8, 8, 3, 1, 1));
  const Fields first = denseFields(mapping, tile(mapping, {0, 2}, 0));
  EXPECT_EQ(first.mac(pair::kX), 100);
  EXPECT_EQ(first.mac(pair::kXRowsHeld), 3);
  EXPECT_EQ(first.mac(pair::kPad), 1);
  const Fields last = denseFields(mapping, tile(mapping, {5, 1}, 0));
  EXPECT_EQ(last.mac(pair::kXRowsHeld), 2); // rows 4 and 5 of 4, 5, 6
  EXPECT_EQ(last.mac(pair::kPad), 0);
  EXPECT_EQ(last.mac(pair::kMacM), 1);
  EXPECT_EQ(last.drain(pair::kDrainM), 1);
}

TEST(RealiseTest, ATileOfAResidentTensorBeginsInsideIt) {
  const Mapping mapping = pair::mappingOf(pair::window(6, 8, 8, 3, 1, 1));
  const View x{16, {0, 0, 0}, {8, 4, 1}}, y{200, {0, 0, 0}, {8, 4, 1}};
  const Fields fields = fieldsOf(mapping, tile(mapping, {2, 2}, 1), x, y);
  EXPECT_EQ(fields.mac(pair::kX), 16 + 1 * 8);
  EXPECT_EQ(fields.drain(pair::kY), 200 + 2 * 8 + 1 * 4);
  EXPECT_EQ(fields.drain(pair::kYRows), 8);
}

TEST(RealiseTest, AValueOutsideItsFieldIsRefusedWithBoth) {
  const Mapping mapping = pair::mappingOf(pair::window(6, 8, 8, 3, 1, 1));
  const View x{1020, {0, 0, 0}, {8, 4, 1}}, y{0, {0, 0, 0}, {8, 4, 1}};
  EXPECT_EQ(fieldsOf(mapping, tile(mapping, {2, 2}, 0), x, y).refused,
            "mac+drain: descriptor: x = 1028 is outside 0..1023");
  const Mapping longer = pair::mappingOf(pair::window(12, 8, 8, 3, 1, 1));
  EXPECT_EQ(denseFields(longer, tile(longer, {0, 9}, 0)).refused, "mac+drain: descriptor: m_n = 9 is outside 1..8");
}

// Row (tap, block of channels, channel) of four outputs.
TEST(RealiseTest, WeightsArePackedInTheOrderOfTheInstructionWithZeroInPadding) {
  const Mapping mapping = pair::mappingOf(pair::window(6, 6, 7, 3, 1, 1));
  const Ranges ranges = tile(mapping, {0, 6}, 1);
  const std::vector<uint8_t> image = constantImage(mapping, pair::machine(), {0, pair::kW}, ranges);
  ASSERT_EQ(image.size(), 3u * 2 * 4 * 4);
  EXPECT_EQ(constantImageBytes(mapping, pair::machine(), {0, pair::kW}, ranges), 96);
  for (int64_t tap = 0; tap != 3; ++tap)
    for (int64_t c = 0; c != 8; ++c)
      for (int64_t lane = 0; lane != 4; ++lane) {
        const int64_t output = 4 + lane;
        const bool isThere = c < 6 && output < 7;
        EXPECT_EQ(image[size_t((tap * 8 + c) * 4 + lane)], isThere ? constantByte((output * 3 + tap) * 6 + c) : 0)
            << "tap " << tap << ", channel " << c << ", output " << output;
      }
}

// Taps and channels in one dimension: behind the last channel of a tap lies the first of the next.
TEST(RealiseTest, PaddingIsZeroAlsoWhereTheConstantGoesOn) {
  Block block = pair::window(6, 6, 8, 3, 1, 1);
  block.operands[1].shape = {8, 18};
  block.operands[1].index = {at(1), Index{{{2, 6}, {3, 1}}, 0}};
  const Mapping mapping = pair::mappingOf(block);
  const std::vector<uint8_t> image = constantImage(mapping, pair::machine(), {0, pair::kW}, tile(mapping, {0, 6}, 0));
  ASSERT_EQ(image.size(), 3u * 2 * 4 * 4);
  for (int64_t tap = 0; tap != 3; ++tap)
    for (int64_t c = 0; c != 8; ++c)
      for (int64_t lane = 0; lane != 4; ++lane)
        EXPECT_EQ(image[size_t((tap * 8 + c) * 4 + lane)], c < 6 ? constantByte(lane * 18 + tap * 6 + c) : 0)
            << "tap " << tap << ", channel " << c;
}

TEST(RealiseTest, ARecordHoldsItsWordsBiasesAndMultipliersAndOneBehindTheLastOutput) {
  const Mapping mapping = pair::mappingOf(pair::window(6, 8, 7, 3, 1, 1));
  const Ranges ranges = tile(mapping, {0, 6}, 1);
  const std::vector<uint8_t> image = constantImage(mapping, pair::machine(), {1, pair::kRecord}, ranges);
  ASSERT_EQ(image.size(), 3u * 16);
  EXPECT_EQ(constantImageBytes(mapping, pair::machine(), {1, pair::kRecord}, ranges), 48);
  EXPECT_EQ(wordAt(image, 0), 0xFCu); // zero point -4 in the low byte
  for (size_t word : {1u, 2u, 3u})
    EXPECT_EQ(wordAt(image, word), 0u);
  for (size_t lane = 0; lane != 4; ++lane) {
    uint32_t expected = 0;
    for (size_t byte = 0; byte != 4; ++byte)
      expected |= uint32_t(constantByte(int64_t(4 * (4 + lane) + byte))) << (8 * byte);
    const bool isThere = 4 + lane < 7;
    EXPECT_EQ(wordAt(image, 4 + lane), isThere ? expected : 0u) << "bias " << lane;
    EXPECT_EQ(wordAt(image, 8 + lane), isThere ? expected : std::bit_cast<uint32_t>(1.0f)) << "multiplier " << lane;
  }
}

TEST(RealiseTest, AMeetingPlaceHasARowForEachStepOfTheTile) {
  const Mapping mapping = pair::mappingOf(pair::window(6, 8, 8, 3, 1, 1));
  const Ranges ranges = tile(mapping, {2, 3}, 0);
  EXPECT_EQ(meetingRows(mapping, mapping.chain->meetings[0], ranges), 3);
  EXPECT_EQ(chainExtent(mapping, 1, ranges), 3); // taps
  EXPECT_EQ(chainExtent(mapping, 2, ranges), 2); // blocks of channels
}
