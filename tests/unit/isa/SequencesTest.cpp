// SPDX-License-Identifier: Apache-2.0
// Softmax, layer normalisation and functions of one value on the vector unit against double precision.
#include "tw/isa/Sequences.h"
#include "Configs.h"
#include "tw/isa/Check.h"
#include "tw/isa/Footprints.h"
#include "tw/isa/Numerics.h"
#include "tw/isa/SemanticEval.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace tw::isa;

namespace {

// Channels of softmax and normalisations of known networks: classifiers, attention over 64 to 384 tokens, hidden sizes
// of BERT, ViT, MobileViT; and tails of every kind.
constexpr uint32_t kSoftmaxChannels[] = {1, 2, 10, 12, 49, 64, 100, 128, 197, 384, 512, 1000, 1024};
constexpr uint32_t kNormChannels[] = {2, 31, 64, 96, 144, 192, 256, 384, 768, 1000, 1024};

class SequencesTest : public testing::TestWithParam<const char *> {
protected:
  HwConfig config = GetParam() == std::string_view("tw8") ? tw8() : tw16();
  std::mt19937_64 random{7};

  SequencePlace place(TokenShape shape) const {
    uint32_t size = shape.tokens * ((shape.channels + config.n - 1) / config.n * config.n);
    return {0, size, 2 * size, 3, 2};
  }
  // Two token blocks where that is quick.
  uint32_t tokens(uint32_t channels) const { return channels <= 200 ? 2 * config.n : config.n; }
  static uint32_t lanes(const HwConfig &config, TokenShape shape) {
    return (shape.channels + config.n - 1) / config.n * config.n;
  }

  // Runs a sequence on the semantics; the result's rows as [tokens][lanes].
  std::vector<int8_t> run(const Sequence &sequence, TokenShape shape, const std::vector<int8_t> &x) {
    Memories memories(config, 0xA5);
    std::copy(x.begin(), x.end(), memories.spm.begin());
    SequencePlace at = place(shape);
    for (size_t i = 0; i != sequence.params.size(); ++i) {
      memories.params[at.param * config.n + i] = sequence.params[i];
      memories.paramLoaded[at.param + i / config.n] = true;
    }
    for (size_t i = 0; i != sequence.tables.size(); ++i) {
      memories.luts[at.table * kLutBytes + i] = uint8_t(sequence.tables[i]);
      memories.lutLoaded[at.table + i / kLutBytes] = true;
    }
    for (const Line &line : sequence.lines) {
      EXPECT_EQ(checkLine(line, config, {}), std::nullopt) << name(line.row()->opcode);
      EXPECT_FALSE(overlapsItself(line, config)) << name(line.row()->opcode);
      EXPECT_EQ(evaluate(line, config, memories).fault, FaultCode::None) << name(line.row()->opcode);
    }
    return {memories.spm.begin() + at.y, memories.spm.begin() + at.y + ptrdiff_t(x.size())};
  }

  std::vector<int8_t> tensor(TokenShape shape, double mean, double spread) {
    std::normal_distribution<double> normal(mean, spread);
    std::vector<int8_t> x(size_t(shape.tokens) * lanes(config, shape));
    for (int8_t &value : x)
      value = int8_t(std::clamp(std::nearbyint(normal(random)), -128.0, 127.0));
    return x;
  }
};
INSTANTIATE_TEST_SUITE_P(Configs, SequencesTest, testing::Values("tw8", "tw16"),
                         [](const auto &info) { return std::string(info.param); });

TEST_P(SequencesTest, SoftmaxIsWithinItsBound) {
  double worst = 0;
  for (uint32_t channels : kSoftmaxChannels)
    for (auto [scale, spread] : {std::pair{0.01, 200.0}, {0.05, 40.0}, {0.125, 60.0}, {0.5, 4.0}}) {
      TokenShape shape{tokens(channels), channels};
      std::vector<int8_t> x = tensor(shape, 0, spread);
      std::vector<int8_t> y = run(softmaxSequence(config, shape, place(shape), scale), shape, x);
      for (uint32_t token = 0; token != shape.tokens; ++token) {
        const int8_t *in = &x[size_t(token) * lanes(config, shape)], *result = &y[size_t(token) * lanes(config, shape)];
        double sum = 0;
        for (uint32_t c = 0; c != channels; ++c)
          sum += std::exp(scale * in[c]);
        for (uint32_t c = 0; c != channels; ++c) {
          double exact = std::min(255.0, 256 * std::exp(scale * in[c]) / sum);
          double error = std::abs(result[c] + 128 - exact);
          ASSERT_LE(error, 1.03 + 256.0 * channels / 130560) << channels << " channels, scale " << scale;
          worst = std::max(worst, error);
        }
        for (uint32_t c = channels; c != lanes(config, shape); ++c)
          ASSERT_EQ(result[c], -128);
      }
    }
  std::cout << "softmax: worst error " << worst << " LSB\n";
  EXPECT_LE(worst, 1.0); // measured
  EXPECT_GT(worst, 0.4); // half a unit comes from the last rounding alone
}

TEST_P(SequencesTest, LayerNormIsWithinItsBound) {
  double worst = 0;
  for (uint32_t channels : kNormChannels)
    for (auto [mean, spread] : {std::pair{0.0, 25.0}, {-70.0, 0.5}, {100.0, 3.0}, {100.0, 0.1}}) {
      TokenShape shape{tokens(channels), channels};
      auto zero = int8_t(random());
      double eps = std::array{0.0, 0.01, 2.0}[random() % 3];
      std::vector<int8_t> x = tensor(shape, mean, spread);
      std::vector<int8_t> y = run(layerNormSequence(config, shape, place(shape), zero, eps), shape, x);
      for (uint32_t token = 0; token != shape.tokens; ++token) {
        const int8_t *in = &x[size_t(token) * lanes(config, shape)], *result = &y[size_t(token) * lanes(config, shape)];
        double sum = 0, squares = 0;
        for (uint32_t c = 0; c != channels; ++c)
          sum += in[c];
        for (uint32_t c = 0; c != channels; ++c)
          squares += (in[c] - sum / channels) * (in[c] - sum / channels);
        double deviation = std::sqrt(squares / channels + std::max(eps, 1.0 / 256));
        for (uint32_t c = 0; c != channels; ++c) {
          double exact = std::clamp(32 * (in[c] - sum / channels) / deviation, -128.0, 127.0);
          worst = std::max(worst, std::abs(result[c] - exact));
        }
        for (uint32_t c = channels; c != lanes(config, shape); ++c)
          ASSERT_EQ(result[c], 0);
      }
    }
  std::cout << "layer norm: worst error " << worst << " LSB\n";
  EXPECT_LE(worst, 0.75);
  EXPECT_GT(worst, 0.4);
}

TEST_P(SequencesTest, AChoiceIsExactForAllBytes) {
  const uint32_t size = 2 * 256 * 256, n = config.n;
  HwConfig large = config;
  large.spmBytes = 1 << 20;
  ASSERT_TRUE(validate(large));
  Memories memories(large, 0xA5);
  SelectPlace at{
      .condition = 0, .a = size, .b = 2 * size, .y = 3 * size, .scratch = 4 * size, .rows = size / n, .param = 5};
  for (uint32_t i = 0; i != size; ++i) {
    memories.spm[at.condition + i] = int8_t(i & 1);
    memories.spm[at.a + i] = int8_t(i >> 1);
    memories.spm[at.b + i] = int8_t(i >> 9);
  }
  Sequence sequence = selectSequence(large, at);
  for (size_t i = 0; i != sequence.params.size(); ++i) {
    memories.params[at.param * n + i] = sequence.params[i];
    memories.paramLoaded[at.param + i / n] = true;
  }
  for (const Line &line : sequence.lines) {
    EXPECT_EQ(checkLine(line, large, {}), std::nullopt) << name(line.row()->opcode);
    EXPECT_EQ(evaluate(line, large, memories).fault, FaultCode::None) << name(line.row()->opcode);
  }
  for (uint32_t i = 0; i != size; ++i)
    ASSERT_EQ(memories.spm[at.y + i], memories.spm[((i & 1) != 0 ? at.a : at.b) + i]) << i;
}

TEST_P(SequencesTest, ATableIsTheNearestResult) {
  for (auto *function : {gelu, silu}) {
    std::array<int8_t, 256> table = functionTable(function, {0.05, -3}, {0.04, -20});
    for (int q = -128; q != 128; ++q) {
      double exact = std::clamp(function((q + 3) * 0.05) / 0.04 - 20, -128.0, 127.0);
      EXPECT_LE(std::abs(table[lutIndex(int8_t(q))] - exact), 0.5) << q;
    }
  }
}

} // namespace
