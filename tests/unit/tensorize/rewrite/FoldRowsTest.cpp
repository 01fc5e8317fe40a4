// SPDX-License-Identifier: Apache-2.0
#include "Rewriting.h"

using namespace tw::tensorize;
using namespace tw::test;

namespace {

constexpr int64_t kLanes = 16;

// [.., w, c] as rows of bytes, the outside value behind the last pixel.
std::vector<int8_t> rowsOf(const std::vector<int8_t> &image, const Operand &x, const Operand &rows) {
  const int64_t width = x.shape[2] * x.shape[3], padded = rows.shape[2];
  std::vector<int8_t> bytes(size_t(rows.shape[0] * rows.shape[1] * padded), int8_t(x.outsideValue));
  for (int64_t i = 0; i != int64_t(image.size()); ++i)
    bytes[size_t(i / width * padded + i % width)] = image[size_t(i)];
  return bytes;
}

} // namespace

TEST(FoldRowsTest, RowsOfBytesGiveTheSameValues) {
  std::mt19937 random(1);
  int folded = 0;
  for (int trial = 0; trial != 200; ++trial) {
    const ConvShape s = randomShape(random, 5, 4);
    Block block = conv2d(s);
    if (trial % 3 == 0)
      addResidual(block, 5);
    randomiseConstants(block, random);
    std::optional<Block> rows = foldRows(block, kLanes);
    EXPECT_EQ(rows.has_value(), s.dilation == 1) << str(block);
    if (!rows)
      continue;
    ++folded;
    EXPECT_TRUE(rows->operands[0].hasWholeRows);
    EXPECT_EQ(rows->operands[0].shape.back() % kLanes, 0);
    auto inRows = [&](Tensors tensors) {
      tensors[0] = rowsOf(tensors[0], block.operands[0], rows->operands[0]);
      return evaluate(*rows, tensors);
    };
    expectSameValues(block, randomTensors(block, random), inRows, str(*rows));
  }
  EXPECT_GT(folded, 50);
}

TEST(FoldRowsTest, NothingThatIsNoWindowOfAnImageIsFolded) {
  EXPECT_FALSE(foldRows(gemm(3, 4, 5), kLanes));
  EXPECT_FALSE(foldRows(depthwise({}), kLanes));
  EXPECT_FALSE(foldRows(maxPool({}), kLanes));
  EXPECT_FALSE(foldRows(addition({2, 3, 4}), kLanes));
}

TEST(FoldRowsTest, AWindowThatAnotherTensorAlsoWalksIsNotFolded) {
  Block block = conv2d({});
  block.operands[2].index = {at(6)}; // a bias for each channel of the image
  EXPECT_FALSE(foldRows(block, kLanes));
}
