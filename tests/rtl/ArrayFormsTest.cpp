// SPDX-License-Identifier: Apache-2.0
// The array that simulation runs against the one that synthesis gets, whose words are as narrow as their values: in
// lock-step over random blocks, extreme ones among them; for one row of weights a cycle and for two.
#include "Varray_forms.h"

#include <gtest/gtest.h>

#include <random>

namespace {

constexpr int kN = 8, kBothEqual = 0b11; // N of array_forms

class ArrayFormsTest : public testing::Test {
protected:
  void edge() {
    for (int i = 0; i < kN; ++i)
      byte(reinterpret_cast<uint8_t *>(&top.x_i), i);
    top.clk_i = 0;
    top.eval();
    top.clk_i = 1;
    top.eval();
    largest = std::max(largest, std::abs(int64_t(int32_t(top.sum_o))));
    top.swap_i = 0;
    top.shadow_i = 0;
  }

  /// Any value, or one end of the range: for a whole block, so that sums get as large as they can.
  void byte(uint8_t *bytes, int i) { bytes[i] = extreme ? end : uint8_t(random()); }

  void load(bool pairs) {
    for (int row = 0; row < kN; row += pairs ? 2 : 1) {
      for (int i = 0; i < 2 * kN; ++i)
        reinterpret_cast<uint8_t *>(&top.shadow_data_i)[i] = extreme ? uint8_t(~end) : uint8_t(random());
      top.shadow_i = pairs ? 2 : 1;
      top.shadow_row_i = uint8_t(row);
      top.shadow_pair_i = uint8_t(shadow * kN + row);
      edge();
      while (random() % 4 == 0)
        edge();
    }
    if (pairs)
      shadow = 1 - shadow;
  }

  Varray_forms top{new VerilatedContext};
  std::mt19937_64 random{7};
  bool extreme = false;
  uint8_t end = 0;
  int shadow = 0; // of the array with two rows: the one that is filled next
  int64_t largest = 0;
};

TEST_F(ArrayFormsTest, NarrowWordsHoldEveryValue) {
  top.rst_ni = 0;
  top.active_i = 1;
  edge();
  top.rst_ni = 1;
  for (int block = 0; block < 20'000; ++block) {
    const bool pairs = block % 2;
    extreme = random() % 4 == 0;
    end = random() % 2 ? 0x80 : 0x7F;
    top.transpose_i = random() % 2;
    top.weight_zero_i = random() % 4 == 0 ? 0 : extreme ? end : uint8_t(random());
    top.x_zero_i = random() % 4 == 0 ? 0 : extreme ? uint8_t(~end) : uint8_t(random());
    load(pairs);
    top.swap_i = pairs ? 2 : 1;
    for (int cycle = 0; cycle < 3 * kN; ++cycle) {
      edge();
      ASSERT_EQ(top.equal_o, kBothEqual) << "block " << block << ", cycle " << cycle;
    }
  }
  EXPECT_EQ(largest, int64_t(kN) * 255 * 255) << "the largest sum there is";
}

} // namespace
