// SPDX-License-Identifier: Apache-2.0
// Each instruction against a loop written by hand from its description, on random data.
#include "tw/isa/SemanticEval.h"
#include "Configs.h"
#include "tw/isa/Encoder.h"
#include "tw/isa/Numerics.h"
#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <random>

using namespace tw::isa;

namespace {

constexpr int kN = 16;

class SemanticEvalTest : public testing::Test {
protected:
  SemanticEvalTest() : config(tw16()), memories(config, 0x5A) {
    for (uint8_t &byte : memories.spm)
      byte = uint8_t(random());
    for (int32_t &sum : memories.acc)
      sum = int32_t(random() % 200000) - 100000;
    for (uint32_t &word : memories.params)
      word = uint32_t(random());
    for (uint8_t &byte : memories.luts)
      byte = uint8_t(random());
    memories.paramLoaded.assign(config.paramRows, true);
    memories.lutLoaded.assign(config.lutBanks, true);
    dram.resize(1 << 16);
    for (uint8_t &byte : dram)
      byte = uint8_t(random());
    memories.regions.fill(dram);
  }

  EvalResult run(Opcode opcode, std::initializer_list<FieldValue> fields) {
    tw::Result<Line> line = encode(opcode, fields);
    EXPECT_TRUE(line) << line.diag().str();
    EXPECT_EQ(checkLine(*line, config, openRegions()), std::nullopt);
    return evaluate(*line, config, memories);
  }

  // A record at row `row` of a drain: sensible multipliers for `blocks` blocks.
  void makeRecord(int row, int blocks) {
    uint32_t *words = &memories.params[size_t(row) * kN];
    words[0] = 0x64'9C'FB; // zp -5, lo -100, hi 100
    words[1] = 3 << 10;
    words[2] = uint32_t(-2 << 10);
    words[3] = 11u << 24 | 7 << 16 | uint8_t(-3) << 8 | 2;
    for (int block = 0; block != blocks; ++block)
      for (int lane = 0; lane != kN; ++lane) {
        memories.params[size_t(row + 1 + 2 * block) * kN + lane] = uint32_t(int32_t(random() % 2000) - 1000);
        memories.params[size_t(row + 2 + 2 * block) * kN + lane] =
            std::bit_cast<uint32_t>(0.001f + float(lane) * 0.0007f);
      }
  }
  int8_t requantised(int row, int block, int lane, int32_t sum) {
    const uint32_t *pair = &memories.params[size_t(row + 1 + 2 * block) * kN + lane];
    return requantFp32(sum, int32_t(pair[0]), pair[kN], -5);
  }
  int8_t spm(size_t at) const { return int8_t(before.spm[at]); }

  std::mt19937 random{11};
  HwConfig config;
  Memories memories, before{config};
  std::vector<uint8_t> dram;
};

TEST_F(SemanticEvalTest, LoadsCopyRowsWithStridesOnBothSides) {
  before = memories;
  EvalResult result = run(Opcode::Ld, {{"region", 2},
                                       {"offset", 0x40},
                                       {"spm", 0x1000},
                                       {"n0", 2},
                                       {"n1", 3},
                                       {"n2", 2},
                                       {"n3", 1},
                                       {"ds1", 64},
                                       {"ds2", 0},
                                       {"ss1", 48},
                                       {"ss2", 256}});
  EXPECT_EQ(result.fault, FaultCode::None);
  for (int i2 = 0; i2 != 2; ++i2)
    for (int i1 = 0; i1 != 3; ++i1)
      for (int byte = 0; byte != 2 * kN; ++byte)
        before.spm[0x1000 + i2 * 256 + i1 * 48 + byte] = dram[0x40 + i1 * 64 + byte];
  EXPECT_EQ(memories.spm, before.spm);
}

TEST_F(SemanticEvalTest, StoresCopyRowsToDram) {
  std::vector<uint8_t> expected = dram;
  run(Opcode::St, {{"region", 2},
                   {"offset", 0x40},
                   {"spm", 0x1000},
                   {"n0", 2},
                   {"n1", 3},
                   {"n2", 1},
                   {"n3", 1},
                   {"ds1", 64},
                   {"ss1", 48}});
  for (int i1 = 0; i1 != 3; ++i1)
    for (int byte = 0; byte != 2 * kN; ++byte)
      expected[0x40 + i1 * 64 + byte] = memories.spm[0x1000 + i1 * 48 + byte];
  EXPECT_EQ(dram, expected);
}

TEST_F(SemanticEvalTest, PaddedLoadsReadTheTensorAndPadAroundIt) {
  before = memories;
  run(Opcode::Ldpad, {{"region", 2},
                      {"offset", 0x40},
                      {"spm", 0x1000},
                      {"n0", 2},
                      {"n1", 5},
                      {"n2", 4},
                      {"n3", 1},
                      {"ds1", 32},
                      {"ds2", 256},
                      {"ss1", 32},
                      {"ss2", 160},
                      {"x1_n", 3},
                      {"x2_n", 6},
                      {"pad1", 1},
                      {"pad2", 2},
                      {"pad_value", -7}});
  for (int i2 = 0; i2 != 4; ++i2)
    for (int i1 = 0; i1 != 5; ++i1)
      for (int byte = 0; byte != 2 * kN; ++byte) {
        const bool isInside = i2 >= 2 && i1 >= 1 && i1 < 4;
        before.spm[0x1000 + i2 * 160 + i1 * 32 + byte] =
            isInside ? dram[0x40 + (i2 - 2) * 256 + (i1 - 1) * 32 + byte] : uint8_t(-7);
      }
  EXPECT_EQ(memories.spm, before.spm);
}

TEST_F(SemanticEvalTest, DataWinOverPaddingWhereRowsOverlap) {
  before = memories;
  run(Opcode::Ldpad, {{"region", 2},
                      {"offset", 0x40},
                      {"spm", 0x1000},
                      {"n0", 1},
                      {"n1", 3},
                      {"n2", 1},
                      {"n3", 1},
                      {"ds1", 64},
                      {"ss1", 0},
                      {"x1_n", 1},
                      {"x2_n", 1},
                      {"pad1", 1},
                      {"pad_value", 9}});
  std::copy_n(dram.begin() + 0x40, kN, before.spm.begin() + 0x1000);
  EXPECT_EQ(memories.spm, before.spm) << "the row is written thrice, the last step is padding";
}

TEST_F(SemanticEvalTest, StoresOfBytesLeaveTheRestOfARow) {
  for (int bytes : {1, 5, 16, 64}) {
    std::vector<uint8_t> expected = dram;
    run(Opcode::Stb, {{"region", 2},
                      {"offset", 0x40},
                      {"spm", 0x1000},
                      {"n0", 2},
                      {"n1", 3},
                      {"n2", 1},
                      {"n3", 1},
                      {"ds1", 64},
                      {"ss1", 48},
                      {"bytes", bytes}});
    for (int i1 = 0; i1 != 3; ++i1)
      for (int row = 0; row != 2; ++row)
        for (int byte = 0; byte != std::min(bytes, kN); ++byte)
          expected[0x40 + i1 * 64 + row * kN + byte] = memories.spm[0x1000 + i1 * 48 + row * kN + byte];
    EXPECT_EQ(dram, expected) << bytes;
  }
}

TEST_F(SemanticEvalTest, ParametersAndTablesAreLoadedAndMarked) {
  memories.paramLoaded.assign(config.paramRows, false);
  memories.lutLoaded.assign(config.lutBanks, false);
  run(Opcode::Ldp, {{"region", 1}, {"offset", 0x80}, {"dst", 5}, {"count", 2}});
  for (int i = 0; i != 2 * kN; ++i) {
    uint32_t word;
    std::memcpy(&word, &dram[0x80 + 4 * i], 4);
    EXPECT_EQ(memories.params[5 * kN + i], word);
  }
  EXPECT_EQ(std::count(memories.paramLoaded.begin(), memories.paramLoaded.end(), true), 2);
  EXPECT_TRUE(memories.paramLoaded[5] && memories.paramLoaded[6]);
  run(Opcode::Ldt, {{"region", 1}, {"offset", 0x200}, {"dst", 3}, {"count", 2}});
  for (int i = 0; i != 512; ++i)
    EXPECT_EQ(memories.luts[3 * 256 + i], dram[0x200 + i]);
  EXPECT_TRUE(memories.lutLoaded[3] && memories.lutLoaded[4]);
}

TEST_F(SemanticEvalTest, ConvolutionPadsStridesDilatesAndAccumulates) {
  for (int accumulate : {0, 1}) {
    before = memories;
    EvalResult result = run(Opcode::Conv, {{"x", 0x100},    {"x_h", 5},   {"x_w", 6},
                                           {"x_hs", 256},   {"x_ws", 32}, {"stride_h", 2},
                                           {"stride_w", 1}, {"dil_h", 1}, {"dil_w", 2},
                                           {"pad_t", 1},    {"pad_l", 2}, {"pad_value", -7},
                                           {"kh_n", 3},     {"kw_n", 2},  {"ic_n", 2},
                                           {"oc_n", 2},     {"oh_n", 3},  {"ow_n", 4},
                                           {"w", 0x2000},   {"acc", 9},   {"accumulate", accumulate}});
    EXPECT_EQ(result.macs, 2u * 3 * 2 * 2 * 3 * 4 * kN * kN);
    for (int ocb = 0; ocb != 2; ++ocb)
      for (int oh = 0; oh != 3; ++oh)
        for (int ow = 0; ow != 4; ++ow)
          for (int lane = 0; lane != kN; ++lane) {
            size_t at = size_t(9 + (ocb * 3 + oh) * 4 + ow) * kN + lane;
            int32_t sum = accumulate ? before.acc[at] : 0;
            for (int kh = 0; kh != 3; ++kh)
              for (int kw = 0; kw != 2; ++kw)
                for (int icb = 0; icb != 2; ++icb)
                  for (int ic = 0; ic != kN; ++ic) {
                    int h = oh * 2 + kh - 1, w = ow + kw * 2 - 2;
                    int x = h < 0 || h >= 5 || w < 0 || w >= 6 ? -7 : spm(0x100 + h * 256 + w * 32 + icb * kN + ic);
                    sum += x * spm(0x2000 + size_t((((ocb * 3 + kh) * 2 + kw) * 2 + icb) * kN + ic) * kN + lane);
                  }
            ASSERT_EQ(memories.acc[at], sum) << ocb << " " << oh << " " << ow << " " << lane;
          }
  }
}

TEST_F(SemanticEvalTest, FoldedConvolutionReadsBytes) {
  before = memories;
  // 3 channels, 5 columns, window of 3 columns and stride 2: 9 bytes of each kernel row, in one block.
  run(Opcode::Convf, {{"x", 0x101},
                      {"x_h", 4},
                      {"x_b", 15},
                      {"x_hs", 64},
                      {"x_ws", 6},
                      {"stride_h", 1},
                      {"dil_h", 1},
                      {"pad_t", 1},
                      {"pad_b", 3},
                      {"pad_value", 5},
                      {"kh_n", 2},
                      {"f_n", 1},
                      {"oc_n", 1},
                      {"oh_n", 4},
                      {"ow_n", 3},
                      {"w", 0x2000},
                      {"acc", 0}});
  for (int oh = 0; oh != 4; ++oh)
    for (int ow = 0; ow != 3; ++ow)
      for (int lane = 0; lane != kN; ++lane) {
        int32_t sum = 0;
        for (int kh = 0; kh != 2; ++kh)
          for (int k = 0; k != kN; ++k) {
            int h = oh + kh - 1, b = ow * 6 + k - 3;
            int x = h < 0 || h >= 4 || b < 0 || b >= 15 ? 5 : spm(0x101 + h * 64 + b);
            sum += x * spm(0x2000 + size_t(kh * kN + k) * kN + lane);
          }
        ASSERT_EQ(memories.acc[size_t(oh * 3 + ow) * kN + lane], sum);
      }
}

TEST_F(SemanticEvalTest, SplitConvolutionTakesTwoColumnsAtOnce) {
  before = memories;
  // A window of 4 columns, 2 more than the tile has to the left and to the right; kN / 2 channels.
  run(Opcode::Convs, {{"x", 0x100},
                      {"x_h", 3},
                      {"x_w", 5},
                      {"x_hs", 128},
                      {"stride_h", 1},
                      {"stride_w", 2},
                      {"dil_h", 2},
                      {"pad_t", 1},
                      {"pad_l", 1},
                      {"pad_value", -9},
                      {"kh_n", 2},
                      {"kp_n", 2},
                      {"oc_n", 2},
                      {"oh_n", 3},
                      {"ow_n", 3},
                      {"w", 0x2000},
                      {"acc", 4}});
  for (int ocb = 0; ocb != 2; ++ocb)
    for (int oh = 0; oh != 3; ++oh)
      for (int ow = 0; ow != 3; ++ow)
        for (int lane = 0; lane != kN; ++lane) {
          int32_t sum = 0;
          for (int kh = 0; kh != 2; ++kh)
            for (int kw = 0; kw != 4; ++kw)
              for (int ic = 0; ic != kN / 2; ++ic) {
                int h = oh + kh * 2 - 1, w = ow * 2 + kw - 1;
                int x = h < 0 || h >= 3 || w < 0 || w >= 5 ? -9 : spm(0x100 + h * 128 + w * kN + ic);
                sum += x * spm(0x2000 + size_t(((ocb * 2 + kh) * 4 + kw) * kN / 2 + ic) * kN + lane);
              }
          ASSERT_EQ(memories.acc[size_t(4 + (ocb * 3 + oh) * 3 + ow) * kN + lane], sum);
        }
}

TEST_F(SemanticEvalTest, MatrixProductWalksBlocks) {
  before = memories;
  run(Opcode::Gemm,
      {{"x", 0x100}, {"x_ms", 64}, {"x_ks", 16}, {"m_n", 3}, {"k_n", 2}, {"oc_n", 2}, {"w", 0x2000}, {"acc", 100}});
  for (int ocb = 0; ocb != 2; ++ocb)
    for (int m = 0; m != 3; ++m)
      for (int lane = 0; lane != kN; ++lane) {
        int32_t sum = 0;
        for (int kb = 0; kb != 2; ++kb)
          for (int k = 0; k != kN; ++k)
            sum += spm(0x100 + m * 64 + kb * 16 + k) * spm(0x2000 + size_t((ocb * 2 + kb) * kN + k) * kN + lane);
        ASSERT_EQ(memories.acc[size_t(100 + ocb * 3 + m) * kN + lane], sum);
      }
}

TEST_F(SemanticEvalTest, ProductsOfActivationsTakeBothZeroPointsOut) {
  for (Opcode opcode : {Opcode::Gemmz, Opcode::Gemmzt}) {
    before = memories;
    run(opcode, {{"x", 0x100},
                 {"x_ms", 64},
                 {"x_ks", 16},
                 {"m_n", 3},
                 {"k_n", 2},
                 {"oc_n", 2},
                 {"w", 0x2000},
                 {"acc", 100},
                 {"accumulate", 1},
                 {"x_zp", -128},
                 {"w_zp", 127}});
    for (int ocb = 0; ocb != 2; ++ocb)
      for (int m = 0; m != 3; ++m)
        for (int lane = 0; lane != kN; ++lane) {
          size_t at = size_t(100 + ocb * 3 + m) * kN + lane;
          int32_t sum = before.acc[at];
          for (int kb = 0; kb != 2; ++kb)
            for (int k = 0; k != kN; ++k) {
              size_t block = 0x2000 + size_t(ocb * 2 + kb) * kN * kN;
              int w = spm(opcode == Opcode::Gemmz ? block + k * kN + lane : block + lane * kN + k);
              sum = addWrap32(sum, (spm(0x100 + m * 64 + kb * 16 + k) + 128) * (w - 127));
            }
          ASSERT_EQ(memories.acc[at], sum);
        }
  }
}

TEST_F(SemanticEvalTest, DrainsRequantiseAddAndClamp) {
  makeRecord(20, 2);
  for (Opcode opcode : {Opcode::Drq, Opcode::Drqa}) {
    bool residual = opcode == Opcode::Drqa;
    before = memories;
    std::vector<FieldValue> fields = {{"acc", 8},    {"oc_n", 2},  {"oh_n", 2},  {"ow_n", 3},  {"y", 0x4000},
                                      {"y_hs", 512}, {"y_ws", 32}, {"y_cs", 16}, {"param", 20}};
    if (residual)
      fields.insert(fields.end(), {{"r", 0x8000}, {"r_hs", 128}, {"r_ws", 16}, {"r_cs", 1024}});
    tw::Result<Line> line = encode(opcode, fields);
    ASSERT_TRUE(line) << line.diag().str();
    EvalResult result = evaluate(*line, config, memories);
    EXPECT_EQ(result.fault, FaultCode::None);
    uint64_t saturations = 0;
    for (int ocb = 0; ocb != 2; ++ocb)
      for (int oh = 0; oh != 2; ++oh)
        for (int ow = 0; ow != 3; ++ow)
          for (int lane = 0; lane != kN; ++lane) {
            int32_t sum = before.acc[size_t(8 + (ocb * 2 + oh) * 3 + ow) * kN + lane];
            int8_t q = requantised(20, ocb, lane, sum);
            saturations += q == -128 || q == 127;
            if (residual)
              q = ewAdd(q, 2, 3 << 10, spm(0x8000 + oh * 128 + ow * 16 + ocb * 1024 + lane), -3, -2 << 10, 11, 7);
            ASSERT_EQ(int8_t(memories.spm[0x4000 + oh * 512 + ow * 32 + ocb * 16 + lane]), clampI8(q, -100, 100));
          }
    EXPECT_GT(result.saturations, 0u);
    EXPECT_LE(result.saturations, saturations); // a value of exactly -128 or 127 is not counted
  }
}

TEST_F(SemanticEvalTest, FillsWriteOneValueToAWalkOfRows) {
  before = memories;
  run(Opcode::Fill, {{"spm", 0x1000},
                     {"n0", 2},
                     {"n1", 3},
                     {"n2", 2},
                     {"n3", 2},
                     {"ss1", 48},
                     {"ss2", 256},
                     {"ss3", 1024},
                     {"value", -7}});
  for (int i3 = 0; i3 != 2; ++i3)
    for (int i2 = 0; i2 != 2; ++i2)
      for (int i1 = 0; i1 != 3; ++i1)
        for (int byte = 0; byte != 2 * kN; ++byte)
          before.spm[0x1000 + i3 * 1024 + i2 * 256 + i1 * 48 + byte] = uint8_t(-7);
  EXPECT_EQ(memories.spm, before.spm);
}

TEST_F(SemanticEvalTest, RawDrainsAndRestoresCopyWordsLittleEndian) {
  before = memories;
  const std::initializer_list<FieldValue> kDrain = {{"acc", 8},    {"oc_n", 2},    {"oh_n", 2},  {"ow_n", 3},
                                                    {"y", 0x4000}, {"y_hs", 1024}, {"y_ws", 96}, {"y_cs", 4096}};
  run(Opcode::Drw, kDrain);
  for (int ocb = 0; ocb != 2; ++ocb)
    for (int oh = 0; oh != 2; ++oh)
      for (int ow = 0; ow != 3; ++ow)
        for (int lane = 0; lane != kN; ++lane)
          for (int byte = 0; byte != 4; ++byte)
            ASSERT_EQ(memories.spm[0x4000 + ocb * 4096 + oh * 1024 + ow * 96 + 4 * lane + byte],
                      uint8_t(uint32_t(before.acc[size_t(8 + (ocb * 2 + oh) * 3 + ow) * kN + lane]) >> 8 * byte));
  EXPECT_EQ(memories.acc, before.acc);
  std::fill(memories.acc.begin(), memories.acc.end(), 0);
  run(Opcode::Rsw,
      {{"acc", 8}, {"oc_n", 2}, {"oh_n", 2}, {"ow_n", 3}, {"x", 0x4000}, {"x_hs", 1024}, {"x_ws", 96}, {"x_cs", 4096}});
  for (size_t i = 0; i != memories.acc.size(); ++i)
    ASSERT_EQ(memories.acc[i], i / kN >= 8 && i / kN < 20 ? before.acc[i] : 0) << i;
}

TEST_F(SemanticEvalTest, DrainsRequantiseAsTfliteDoesAndLookUp) {
  uint32_t *words = &memories.params[size_t(20) * kN];
  makeRecord(20, 0);
  for (int block = 0; block != 2; ++block)
    for (int lane = 0; lane != kN; ++lane) {
      words[size_t(1 + 3 * block) * kN + lane] = uint32_t(int32_t(random() % 2000) - 1000);
      words[size_t(2 + 3 * block) * kN + lane] = 0x40000000 + uint32_t(random() % 0x40000000);
      words[size_t(3 + 3 * block) * kN + lane] = uint32_t(int32_t(random() % 12) - 10);
    }
  for (Opcode opcode : {Opcode::Drqt, Opcode::Drqta, Opcode::Drql, Opcode::Drqal, Opcode::Drqtl, Opcode::Drqtal}) {
    const bool isTflite = (int(opcode) & 2) != 0, adds = (int(opcode) & 1) != 0, looksUp = (int(opcode) & 4) != 0;
    before = memories;
    std::vector<FieldValue> fields = {{"acc", 8},   {"oc_n", 2},   {"oh_n", 1},
                                      {"ow_n", 3},  {"y", 0x4000}, {"y_hs", 512},
                                      {"y_ws", 32}, {"y_cs", 16},  {"param", isTflite ? 20 : 40}};
    makeRecord(40, 2);
    if (adds)
      fields.insert(fields.end(), {{"r", 0x8000}, {"r_hs", 128}, {"r_ws", 16}, {"r_cs", 1024}});
    if (looksUp)
      fields.push_back({"table", 5});
    tw::Result<Line> line = encode(opcode, fields);
    ASSERT_TRUE(line) << line.diag().str();
    EXPECT_EQ(evaluate(*line, config, memories).fault, FaultCode::None);
    for (int ocb = 0; ocb != 2; ++ocb)
      for (int ow = 0; ow != 3; ++ow)
        for (int lane = 0; lane != kN; ++lane) {
          const int32_t sum = before.acc[size_t(8 + ocb * 3 + ow) * kN + lane];
          const uint32_t *row = words + size_t(1 + 3 * ocb) * kN + lane;
          int8_t q = isTflite ? requantTflite(sum, int32_t(row[0]), int32_t(row[kN]), int32_t(row[2 * kN]), -5)
                              : requantised(40, ocb, lane, sum);
          if (adds)
            q = ewAdd(q, 2, 3 << 10, spm(0x8000 + ow * 16 + ocb * 1024 + lane), -3, -2 << 10, 11, 7);
          q = clampI8(q, -100, 100);
          if (looksUp)
            q = int8_t(memories.luts[5 * 256 + q + 128]);
          ASSERT_EQ(int8_t(memories.spm[0x4000 + ow * 32 + ocb * 16 + lane]), q) << int(opcode);
        }
  }
}

TEST_F(SemanticEvalTest, ElementwiseBroadcastsWithStrideZero) {
  makeRecord(3, 0);
  using Expected = std::function<int8_t(int8_t, int8_t)>;
  const std::pair<Opcode, Expected> kCases[] = {
      {Opcode::Ewadd, [](int8_t a, int8_t b) { return ewAdd(a, 2, 3 << 10, b, -3, -2 << 10, 11, 7); }},
      {Opcode::Ewmul, [](int8_t a, int8_t b) { return ewMul(a, 2, b, -3, 3 << 10, 11, 7); }},
      {Opcode::Ewmin, [](int8_t a, int8_t b) { return ewMin(a, 2, 3 << 10, b, -3, -2 << 10, 11, 7); }},
      {Opcode::Ewmax, [](int8_t a, int8_t b) { return ewMax(a, 2, 3 << 10, b, -3, -2 << 10, 11, 7); }}};
  for (const auto &[opcode, expected] : kCases) {
    before = memories;
    run(opcode, {{"n0", 3},
                 {"n1", 2},
                 {"n2", 2},
                 {"a", 0x100},
                 {"a_s0", 16},
                 {"a_s1", 64},
                 {"a_s2", 256},
                 {"b", 0x1000},
                 {"b_s0", 16},
                 {"b_s1", 0},
                 {"b_s2", 0},
                 {"y", 0x3000},
                 {"y_s0", 32},
                 {"y_s1", 96},
                 {"y_s2", 192},
                 {"param", 3}});
    for (int i2 = 0; i2 != 2; ++i2)
      for (int i1 = 0; i1 != 2; ++i1)
        for (int i0 = 0; i0 != 3; ++i0)
          for (int lane = 0; lane != kN; ++lane)
            ASSERT_EQ(int8_t(memories.spm[0x3000 + i2 * 192 + i1 * 96 + i0 * 32 + lane]),
                      clampI8(expected(spm(0x100 + i2 * 256 + i1 * 64 + i0 * 16 + lane), spm(0x1000 + i0 * 16 + lane)),
                              -100, 100));
  }
}

TEST_F(SemanticEvalTest, LookUpsUseTheirBank) {
  before = memories;
  run(Opcode::Lut,
      {{"n0", 4}, {"n1", 1}, {"n2", 1}, {"a", 0x100}, {"a_s0", 16}, {"y", 0x100}, {"y_s0", 16}, {"table", 6}});
  for (int i = 0; i != 4 * kN; ++i)
    ASSERT_EQ(memories.spm[0x100 + i], memories.luts[6 * 256 + spm(0x100 + i) + 128]);
}

TEST_F(SemanticEvalTest, DepthwiseConvolutionKeepsChannelsApart) {
  makeRecord(40, 2);
  before = memories;
  run(Opcode::Dwconv, {{"x", 0x100},    {"x_h", 4},      {"x_w", 4},   {"x_hs", 128}, {"x_ws", 32},     {"x_cs", 16},
                       {"stride_h", 1}, {"stride_w", 2}, {"dil_h", 1}, {"dil_w", 1},  {"pad_t", 1},     {"pad_l", 1},
                       {"kh_n", 3},     {"kw_n", 3},     {"oc_n", 2},  {"oh_n", 4},   {"ow_n", 2},      {"y", 0x4000},
                       {"y_hs", 64},    {"y_ws", 32},    {"y_cs", 16}, {"param", 40}, {"pad_value", 4}, {"w", 0x2000}});
  for (int ocb = 0; ocb != 2; ++ocb)
    for (int oh = 0; oh != 4; ++oh)
      for (int ow = 0; ow != 2; ++ow)
        for (int lane = 0; lane != kN; ++lane) {
          int32_t sum = 0;
          for (int kh = 0; kh != 3; ++kh)
            for (int kw = 0; kw != 3; ++kw) {
              int h = oh + kh - 1, w = ow * 2 + kw - 1;
              int x = h < 0 || h >= 4 || w < 0 || w >= 4 ? 4 : spm(0x100 + h * 128 + w * 32 + ocb * 16 + lane);
              sum += x * spm(0x2000 + size_t((ocb * 3 + kh) * 3 + kw) * kN + lane);
            }
          ASSERT_EQ(int8_t(memories.spm[0x4000 + oh * 64 + ow * 32 + ocb * 16 + lane]),
                    clampI8(requantised(40, ocb, lane, sum), -100, 100));
        }
}

TEST_F(SemanticEvalTest, PoolsCountTheElementsInsideTheInput) {
  makeRecord(60, 0);
  for (int i = 0; i != kN; ++i)
    memories.params[61 * kN + i] = uint32_t(2048 / (i + 1)); // a window of i+1 elements
  const std::vector<FieldValue> kFields = {{"x", 0x100}, {"x_h", 3},      {"x_w", 3},      {"x_hs", 64}, {"x_ws", 16},
                                           {"x_cs", 0},  {"stride_h", 1}, {"stride_w", 1}, {"dil_h", 1}, {"dil_w", 1},
                                           {"pad_t", 3}, {"pad_l", 1},    {"kh_n", 3},     {"kw_n", 3},  {"oc_n", 1},
                                           {"oh_n", 4},  {"ow_n", 3},     {"y", 0x4000},   {"y_hs", 64}, {"y_ws", 16},
                                           {"y_cs", 0},  {"param", 60}};
  for (Opcode opcode : {Opcode::Poolmax, Opcode::Poolavg}) {
    before = memories;
    tw::Result<Line> line = encode(opcode, kFields);
    ASSERT_TRUE(line);
    EXPECT_EQ(evaluate(*line, config, memories).fault, FaultCode::None);
    for (int oh = 0; oh != 4; ++oh)
      for (int ow = 0; ow != 3; ++ow)
        for (int lane = 0; lane != kN; ++lane) {
          int32_t sum = 0, count = 0;
          int8_t top = -128;
          for (int h = std::max(0, oh - 3); h < std::min(3, oh); ++h)
            for (int w = std::max(0, ow - 1); w < std::min(3, ow + 2); ++w) {
              int8_t x = spm(0x100 + h * 64 + w * 16 + lane);
              sum += x;
              top = std::max(top, x);
              ++count;
            }
          int8_t expected = opcode == Opcode::Poolmax ? poolMax(top, 2, 3 << 10, 11, 7)
                                                      : poolAvg(sum, count, 2, 2048 / std::max(count, 1), 11, 7);
          ASSERT_EQ(int8_t(memories.spm[0x4000 + oh * 64 + ow * 16 + lane]), clampI8(expected, -100, 100))
              << oh << " " << ow;
        }
  }
}

TEST_F(SemanticEvalTest, ReductionsGoOverRowsLaneByLane) {
  makeRecord(20, 1);
  before = memories;
  static const std::initializer_list<FieldValue> kFields = {{"n0", 3},    {"n1", 2},    {"n2", 2},     {"a", 0x100},
                                                            {"a_s0", 16}, {"a_s1", 80}, {"a_s2", 208}, {"y", 0x4000},
                                                            {"y_s2", 96}, {"param", 20}};
  for (Opcode opcode : {Opcode::Redsum, Opcode::Redsq, Opcode::Redmax, Opcode::Redmin}) {
    ASSERT_EQ(run(opcode, kFields).fault, FaultCode::None);
    for (int i2 = 0; i2 != 2; ++i2)
      for (int lane = 0; lane != kN; ++lane) {
        int32_t sum = 0, squares = 0, top = -128, least = 127;
        for (int i1 = 0; i1 != 2; ++i1)
          for (int i0 = 0; i0 != 3; ++i0) {
            int32_t a = spm(0x100 + i2 * 208 + i1 * 80 + i0 * 16 + lane);
            sum += a - 2;
            squares += (a - 2) * (a - 2);
            top = std::max(top, a);
            least = std::min(least, a);
          }
        if (opcode == Opcode::Redsum || opcode == Opcode::Redsq) {
          int32_t word;
          std::memcpy(&word, &memories.spm[0x4000 + i2 * 96 + lane * 4], 4);
          ASSERT_EQ(word, opcode == Opcode::Redsum ? sum : squares);
        } else {
          int8_t expected = poolMax(int8_t(opcode == Opcode::Redmax ? top : least), 2, 3 << 10, 11, 7);
          ASSERT_EQ(int8_t(memories.spm[0x4000 + i2 * 96 + lane]), clampI8(expected, -100, 100));
        }
      }
  }
}

TEST_F(SemanticEvalTest, WideOperandsAreVectorsOfFourRows) {
  makeRecord(20, 1);
  before = memories;
  auto word = [&](const Memories &from, int at, int lane) {
    int32_t value;
    std::memcpy(&value, &from.spm[size_t(at) + lane * 4], 4);
    return value;
  };
  static const std::initializer_list<FieldValue> kOne = {{"n0", 2},    {"n1", 3},     {"a", 0x100},
                                                         {"a_s0", 64}, {"a_s1", 144}, {"y", 0x4000},
                                                         {"y_s0", 80}, {"y_s1", 160}, {"param", 20}};
  std::vector<FieldValue> both(kOne);
  both.insert(both.end(), {{"b", 0x1000}, {"b_s0", 0}, {"b_s1", 64}});
  for (Opcode opcode : {Opcode::Wadd, Opcode::Wmul, Opcode::Normrcp, Opcode::Normrsq}) {
    const bool isNorm = opcode == Opcode::Normrcp || opcode == Opcode::Normrsq;
    Line line(opcode);
    for (const FieldValue &field : isNorm ? std::vector<FieldValue>(kOne) : both)
      line.set(line.row()->fields[size_t(findField(*line.row(), field.name))].ref, field.value);
    ASSERT_EQ(checkLine(line, config, openRegions()), std::nullopt);
    ASSERT_EQ(evaluate(line, config, memories).fault, FaultCode::None);
    for (int i1 = 0; i1 != 3; ++i1)
      for (int i0 = 0; i0 != 2; ++i0)
        for (int lane = 0; lane != kN; ++lane) {
          const int32_t a = word(before, 0x100 + i1 * 144 + i0 * 64, lane), b = word(before, 0x1000 + i1 * 64, lane);
          const int32_t expected = opcode == Opcode::Wadd      ? wideAdd(a, 3 << 10, b, -2 * 1024, 11)
                                   : opcode == Opcode::Wmul    ? wideMul(a, b, 11)
                                   : opcode == Opcode::Normrcp ? normReciprocal(a, 11)
                                                               : normRsqrt(a, 11);
          ASSERT_EQ(word(memories, 0x4000 + i1 * 160 + i0 * 80, lane), expected) << i1 << " " << i0 << " " << lane;
        }
  }
}

TEST_F(SemanticEvalTest, LanesHaveMultipliersAndAddendsOfTheirOwn) {
  makeRecord(20, 1);
  for (int at = 0x800; at != 0xA00; at += 4) { // of a size that does not always saturate
    int32_t value = int32_t(random() % 8000) - 4000;
    std::memcpy(&memories.spm[size_t(at)], &value, 4);
  }
  before = memories;
  ASSERT_EQ(run(Opcode::Ewmad, {{"n0", 3},
                                {"n1", 2},
                                {"n2", 2},
                                {"a", 0x100},
                                {"a_s0", 16},
                                {"a_s1", 64},
                                {"a_s2", 160},
                                {"y", 0x4000},
                                {"y_s0", 16},
                                {"y_s1", 48},
                                {"y_s2", 96},
                                {"m", 0x800},
                                {"m_s2", 80},
                                {"c", 0x900},
                                {"c_s2", 64},
                                {"param", 20}})
                .fault,
            FaultCode::None);
  for (int i2 = 0; i2 != 2; ++i2)
    for (int i1 = 0; i1 != 2; ++i1)
      for (int i0 = 0; i0 != 3; ++i0)
        for (int lane = 0; lane != kN; ++lane) {
          int32_t m, c;
          std::memcpy(&m, &before.spm[size_t(0x800 + i2 * 80 + lane * 4)], 4);
          std::memcpy(&c, &before.spm[size_t(0x900 + i2 * 64 + lane * 4)], 4);
          int8_t expected = ewMad(spm(0x100 + i2 * 160 + i1 * 64 + i0 * 16 + lane), 2, m, c, 11, 7);
          ASSERT_EQ(int8_t(memories.spm[size_t(0x4000 + i2 * 96 + i1 * 48 + i0 * 16 + lane)]),
                    clampI8(expected, -100, 100));
        }
  before = memories;
  ASSERT_EQ(run(Opcode::Ewmix, {{"n0", 3},
                                {"n1", 2},
                                {"n2", 2},
                                {"a", 0x100},
                                {"b", 0x2100},
                                {"a_s0", 16},
                                {"a_s1", 64},
                                {"a_s2", 160},
                                {"y", 0x4000},
                                {"y_s0", 16},
                                {"y_s1", 48},
                                {"y_s2", 96},
                                {"m", 0x800},
                                {"m_s2", 80},
                                {"c", 0x900},
                                {"c_s2", 64},
                                {"k", 0x880},
                                {"k_s2", 64},
                                {"param", 20}})
                .fault,
            FaultCode::None);
  for (int i2 = 0; i2 != 2; ++i2)
    for (int i1 = 0; i1 != 2; ++i1)
      for (int i0 = 0; i0 != 3; ++i0)
        for (int lane = 0; lane != kN; ++lane) {
          int32_t m, c, k;
          std::memcpy(&m, &before.spm[size_t(0x800 + i2 * 80 + lane * 4)], 4);
          std::memcpy(&c, &before.spm[size_t(0x900 + i2 * 64 + lane * 4)], 4);
          const int at = i2 * 160 + i1 * 64 + i0 * 16 + lane;
          std::memcpy(&k, &before.spm[size_t(0x880 + i2 * 64 + lane * 4)], 4);
          int8_t expected = ewMix(spm(0x100 + at), 2, m, spm(0x2100 + at), -3, k, c, 11, 7);
          ASSERT_EQ(int8_t(memories.spm[size_t(0x4000 + i2 * 96 + i1 * 48 + i0 * 16 + lane)]),
                    clampI8(expected, -100, 100));
        }
}

TEST_F(SemanticEvalTest, MovesCopyRowsAndTransposeBlocks) {
  before = memories;
  ASSERT_EQ(run(Opcode::Move, {{"n0", 2},
                               {"n1", 3},
                               {"n2", 1},
                               {"a", 0x100},
                               {"a_s0", 0},
                               {"a_s1", 32},
                               {"y", 0x4000},
                               {"y_s0", 16},
                               {"y_s1", 32}})
                .fault,
            FaultCode::None);
  for (int row = 0; row != 6; ++row)
    for (int lane = 0; lane != kN; ++lane)
      ASSERT_EQ(int8_t(memories.spm[size_t(0x4000 + row * 16 + lane)]), spm(0x100 + row / 2 * 32 + lane));
  ASSERT_EQ(run(Opcode::Movet, {{"n1", 2},
                                {"n2", 3},
                                {"a", 0x100},
                                {"a_s0", 32},
                                {"a_s1", 16},
                                {"a_s2", 512},
                                {"y", 0x4000},
                                {"y_s0", 16},
                                {"y_s1", 256},
                                {"y_s2", 512}})
                .fault,
            FaultCode::None);
  for (int i2 = 0; i2 != 3; ++i2)
    for (int i1 = 0; i1 != 2; ++i1)
      for (int row = 0; row != kN; ++row)
        for (int lane = 0; lane != kN; ++lane)
          ASSERT_EQ(int8_t(memories.spm[size_t(0x4000 + i2 * 512 + i1 * 256 + row * 16 + lane)]),
                    spm(0x100 + i2 * 512 + i1 * 16 + lane * 32 + row));
}

TEST_F(SemanticEvalTest, UninitialisedAndBadParametersFault) {
  makeRecord(20, 1);
  std::initializer_list<FieldValue> fields = {{"acc", 0},  {"oc_n", 1}, {"oh_n", 1},
                                              {"ow_n", 1}, {"y", 0},    {"param", 20}};
  for (int row : {20, 21, 22}) {
    memories.paramLoaded[row] = false;
    EXPECT_EQ(run(Opcode::Drq, fields).fault, FaultCode::UninitParam) << row;
    memories.paramLoaded[row] = true;
  }
  memories.params[22 * kN + 15] = 0x7F800000; // infinity, in the last lane
  EXPECT_EQ(run(Opcode::Drq, fields).fault, FaultCode::BadParam);
  std::initializer_list<FieldValue> tflite = {{"acc", 0},  {"oc_n", 1}, {"oh_n", 1},
                                              {"ow_n", 1}, {"y", 0},    {"param", 24}};
  for (int lane = 0; lane != kN; ++lane) {
    memories.params[26 * kN + lane] = 0x7FFFFFFF;
    memories.params[27 * kN + lane] = uint32_t(-31);
  }
  EXPECT_EQ(run(Opcode::Drqt, tflite).fault, FaultCode::None);
  memories.paramLoaded[27] = false;
  EXPECT_EQ(run(Opcode::Drqt, tflite).fault, FaultCode::UninitParam);
  memories.paramLoaded[27] = true;
  memories.params[27 * kN + 3] = 32;
  EXPECT_EQ(run(Opcode::Drqt, tflite).fault, FaultCode::BadParam);
  memories.params[27 * kN + 3] = 31;
  memories.params[26 * kN + 15] = 0x80000000;
  EXPECT_EQ(run(Opcode::Drqt, tflite).fault, FaultCode::BadParam);
  memories.lutLoaded[1] = false;
  EXPECT_EQ(run(Opcode::Drql, {{"oc_n", 1}, {"oh_n", 1}, {"ow_n", 1}, {"param", 30}, {"table", 1}}).fault,
            FaultCode::UninitParam);
  EXPECT_EQ(run(Opcode::Lut, {{"n0", 1}, {"n1", 1}, {"n2", 1}, {"table", 1}}).fault, FaultCode::UninitParam);
}

} // namespace
