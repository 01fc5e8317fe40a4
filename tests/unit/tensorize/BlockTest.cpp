// SPDX-License-Identifier: Apache-2.0
#include "Blocks.h"

#include <gtest/gtest.h>

using namespace tw::tensorize;
using namespace tw::test;

TEST(BlockTest, TextNamesLoopsAccessesAndEveryOperation) {
  Block block = conv2d({1, 8, 6, 2, 3, 3, 2, 2, 1, 1});
  EXPECT_EQ(str(block), "for n=1 oh=4 ow=4 oc=3, over kh=3 kw=2 ic=2\n"
                        "  x: i8[1x8x6x2] at (n, 2*oh + kh - 1, 2*ow + kw - 1, ic), outside 3\n"
                        "  w: i8[3x3x2x2] at (oc, kh, kw, ic), constant\n"
                        "  bias: i32[3] at (oc), constant 2052403211 250201247 -1568843725\n"
                        "  multiplier: f32[3] at (oc), constant\n"
                        "  y: i8[1x4x4x3] at (n, oh, ow, oc), written\n"
                        "  each: %0 = mul_i8(x, w)\n"
                        "  each: %1 = add_wrap32(running, %0)\n"
                        "  then: %2 = requant_fp32(%1, bias, multiplier, -4)\n"
                        "  then: %3 = clamp_i8(%2, -4, 127)\n");
}

TEST(BlockTest, TextSaysWhatIsSkippedAndCounted) {
  Block block = maxPool({1, 4, 4, 2, 2, 2, 2, 2, 1, 0});
  block.finish = {{"pool_avg", {slotArg(0), {Arg::Count}}}};
  EXPECT_EQ(str(block), "for n=1 oh=2 ow=2 c=2, over kh=2 kw=2\n"
                        "  x: i8[1x4x4x2] at (n, 2*oh + kh, 2*ow + kw, c), outside skipped\n"
                        "  y: i8[1x2x2x2] at (n, oh, ow, c), written\n"
                        "  each: %0 = max_i8(running, x)\n"
                        "  then: %1 = pool_avg(%0, count)\n");
}

TEST(BlockTest, TheResultIsTheOperandThatIsWritten) {
  EXPECT_EQ(writtenOperand(conv2d({})), 4);
  EXPECT_EQ(writtenOperand(Block()), -1);
}
