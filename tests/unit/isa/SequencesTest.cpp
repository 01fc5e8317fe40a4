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

  // Runs a sequence on the semantics; the result's rows as [tokens][lanes]. The mask is given in the order of x.
  std::vector<int8_t> run(const Sequence &sequence, TokenShape result, SequencePlace at, const std::vector<int8_t> &x,
                          const std::vector<int8_t> &second = {}, const std::vector<int8_t> &mask = {}) {
    HwConfig large = config;
    large.spmBytes = 1 << 20;
    Memories memories(large, 0xA5);
    std::copy(x.begin(), x.end(), memories.spm.begin() + at.x);
    std::copy(second.begin(), second.end(), memories.spm.begin() + at.second);
    const uint32_t n = config.n, row = uint32_t(x.size()) / result.tokens;
    for (uint32_t i = 0; at.mask && i != mask.size(); ++i)
      memories.spm[*at.mask + (i / row / n * row + i % row) * n + i / row % n] = mask[i];
    for (size_t i = 0; i != sequence.params.size(); ++i) {
      memories.params[at.param * config.n + i] = sequence.params[i];
      memories.paramLoaded[at.param + i / config.n] = true;
    }
    for (size_t i = 0; i != sequence.tables.size(); ++i) {
      memories.luts[at.table * kLutBytes + i] = uint8_t(sequence.tables[i]);
      memories.lutLoaded[at.table + i / kLutBytes] = true;
    }
    for (const Line &line : sequence.lines) {
      EXPECT_EQ(checkLine(line, large, {}), std::nullopt) << name(line.row()->opcode);
      EXPECT_FALSE(overlapsItself(line, large)) << name(line.row()->opcode);
      EXPECT_EQ(evaluate(line, large, memories).fault, FaultCode::None) << name(line.row()->opcode);
    }
    auto first = memories.spm.begin() + at.y;
    return {first, first + ptrdiff_t(result.tokens) * lanes(config, result)};
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
  int rests = 0, draw = 0, beside = 0, all = 0;
  for (uint32_t channels : kSoftmaxChannels)
    for (auto [scale, spread] : {std::pair{0.01, 200.0}, {0.05, 40.0}, {0.125, 60.0}, {0.5, 4.0}, {0.2, 0.0}}) {
      const double outScale = std::array{1.0 / 256, 1.0 / 255, 3e-4, 1e-4}[draw++ % 4];
      const auto zero = int8_t(outScale == 3e-4 ? -128 + int(random() % 40) : -128);
      auto numbers = softmaxNumbers(scale, outScale, zero, channels);
      ASSERT_TRUE(numbers) << channels << " channels, scales " << scale << " and " << outScale;
      ASSERT_LT(numbers->bound, 1); // a rest where it is needed for that
      rests += numbers->hasRest();
      TokenShape shape{config.n, channels};
      const bool isMasked = random() % 2 == 0;
      SequencePlace at = place(shape);
      if (isMasked)
        at.mask = 1 << 19;
      std::vector<int8_t> x = tensor(shape, 0, spread), mask(x.size(), 1);
      for (uint32_t i = 0; isMasked && i != mask.size(); ++i)
        mask[i] = i % lanes(config, shape) == i / lanes(config, shape) % channels || random() % 3 != 0;
      std::vector<int8_t> y = run(softmaxSequence(config, shape, at, *numbers), shape, at, x, {}, mask);
      for (uint32_t token = 0; token != shape.tokens; ++token) {
        const size_t first = size_t(token) * lanes(config, shape);
        double sum = 0;
        int top = -128;
        for (uint32_t c = 0; c != channels; ++c)
          top = mask[first + c] != 0 ? std::max<int>(top, x[first + c]) : top;
        auto power = [&](uint32_t c) { return mask[first + c] != 0 ? std::exp(scale * (x[first + c] - top)) : 0; };
        for (uint32_t c = 0; c != channels; ++c)
          sum += power(c);
        for (uint32_t c = 0; c != lanes(config, shape); ++c) {
          const double steps = c < channels ? power(c) / sum / outScale : 0, exact = std::min(127.0, steps + zero);
          const double error = std::abs(y[first + c] - exact);
          ASSERT_LE(error, steps == 0 ? 0 : numbers->bound) << channels << " channels, scale " << scale;
          const double offNearest = std::abs(y[first + c] - std::nearbyint(exact));
          ASSERT_LE(offNearest, 1);
          if (outScale > 1e-3 && steps > 0) {
            ++all;
            beside += offNearest != 0;
          }
          worst = std::max(worst, error);
        }
      }
    }
  std::cout << "softmax: worst error " << worst << " LSB\n";
  EXPECT_LT(worst, 1);
  EXPECT_GT(worst, 0.4); // half a unit comes from the last rounding alone
  EXPECT_GT(rests, 0);
  EXPECT_LT(beside, all / 200) << "of " << all << ": one rounding of 16 bits is the nearest result nearly always";
}

// The parts of a quantised layer norm, each judged by what it reads: variances of every size, rows that are all equal,
// saturated rows, and factors of which the largest only say the sign.
TEST_P(SequencesTest, PartsOfALayerNormAreWithinTheirBounds) {
  int far = 0;
  auto drawn = [&](double low, double high) {
    return std::exp2(low + (high - low) * double(random() % 100000) / 100000);
  };
  for (uint32_t channels : kNormChannels)
    for (int kind = 0; kind != 6; ++kind) {
      TokenShape shape{config.n, channels};
      const uint32_t row = lanes(config, shape), n = config.n;
      const bool isCentred = kind != 5;
      const auto zero = int8_t(random()), outZero = int8_t(int(random() % 201) - 100);
      const MeanNumbers mean = meanNumbers(channels, isCentred, isCentred ? int8_t(0) : zero);
      std::vector<int8_t> x = tensor(shape, kind == 2 ? 100 : 0, kind == 1 ? 0.1 : kind == 3 ? 3 : 40);
      for (size_t i = 0; kind == 4 && i != x.size(); ++i)
        x[i] = i / row % 2 == 0 ? x[i / row * row] : int8_t(random() % 2 == 0 ? 127 : -128);
      const double scale = drawn(-8, -2), step = drawn(-14, -4), outScale = drawn(-7, -3), eps = step * drawn(-8, 4);
      auto deviation = [&](uint32_t token, uint32_t c) { // times the channels: an integer
        int64_t sum = 0;
        for (uint32_t i = 0; i != channels; ++i)
          sum += x[size_t(token) * row + i];
        return int64_t(x[size_t(token) * row + c]) * channels - (isCentred ? sum : int64_t(zero) * channels);
      };
      SequencePlace at = place(shape);
      at.second = at.y;
      auto varied = varianceNumbers(scale * scale / step, -128, mean);
      ASSERT_TRUE(varied);
      TokenShape one{shape.tokens, 1};
      std::vector<int8_t> v = run(varianceSequence(config, shape, at, *varied), one, at, x);
      for (uint32_t token = 0; token != shape.tokens; ++token) {
        double squares = 0;
        for (uint32_t c = 0; c != channels; ++c)
          squares += std::pow(double(deviation(token, c)) / channels, 2);
        const double exact = std::min(127.0, squares / channels * scale * scale / step - 128);
        ASSERT_LE(std::abs(v[token * n] - exact), varied->bound) << channels << " channels, kind " << kind;
        for (uint32_t lane = 1; lane != n; ++lane)
          ASSERT_EQ(v[token * n + lane], -128);
        if (random() % 4 == 0)
          v[token * n] = int8_t(random());
      }
      std::vector<double> factors;
      for (int q = -128; q <= 127; ++q)
        factors.push_back(scale / outScale / std::sqrt((q + 128) * step + (kind == 0 ? 0 : eps)));
      auto numbers = normaliseNumbers(factors, outZero, channels, mean);
      ASSERT_TRUE(numbers);
      far += numbers->hasFar();
      std::vector<int8_t> y = run(normaliseSequence(config, shape, at, *numbers), shape, at, x, v);
      for (uint32_t token = 0; token != shape.tokens; ++token)
        for (uint32_t c = 0; c != row; ++c) {
          const double factor = factors[size_t(v[token * n] + 128)];
          const double real = c < channels ? double(deviation(token, c)) / channels * factor : 0;
          const double exact = std::clamp((std::isnan(real) ? 0 : real) + outZero, -128.0, 127.0); // 0 / 0 is zero
          ASSERT_LE(std::abs(y[size_t(token) * row + c] - exact), c < channels ? numbers->bound : 0)
              << channels << " channels, kind " << kind << ", factor " << factor;
        }
    }
  EXPECT_GT(far, 0);
}

// Two bytes of a whole norm: rows of every spread down to one value that is the others' neighbour, far from zero too.
TEST_P(SequencesTest, ANormKeepsTheBitsThatItsBoundSays) {
  double worst = 0;
  for (uint32_t channels : kNormChannels)
    for (int kind = 0; kind != 6; ++kind) {
      TokenShape shape{config.n, channels};
      const uint32_t row = lanes(config, shape);
      const bool isCentred = kind != 5;
      const auto zero = int8_t(random());
      const double eps = std::array{0.0, 1e-9, 0.003, 0.7, 40.0}[random() % 5];
      const auto numbers = normNumbers(eps, channels, meanNumbers(channels, isCentred, isCentred ? int8_t(0) : zero));
      ASSERT_TRUE(numbers) << channels << " channels, eps " << eps;
      std::vector<int8_t> x = tensor(shape, kind == 2 ? 100 : 0, kind == 1 ? 0.5 : kind == 3 ? 3 : 40);
      for (size_t i = 0; kind == 4 && i != x.size(); ++i) { // neighbours, and the ends of the range
        const size_t token = i / row, c = i % row;
        x[i] = token % 3 == 0 ? int8_t(x[token * row] - (c == 1 ? 1 : 0))
                              : int8_t(token % 3 == 1 ? (c == 1 ? 127 : -128) : (c % 2 == 0 ? 127 : -128));
      }
      const SequencePlace at = place(shape);
      const Sequence sequence = normSequence(config, shape, at, *numbers);
      SequencePlace high = at, low = at;
      high.y = at.scratch;
      low.y = at.scratch + uint32_t(scratchBytes(config, shape)[0]);
      const std::vector<int8_t> h = run(sequence, shape, high, x), l = run(sequence, shape, low, x);
      for (uint32_t token = 0; token != shape.tokens; ++token) {
        const int8_t *in = &x[size_t(token) * row];
        int64_t sum = 0, squares = 0; // of integers through the channels
        for (uint32_t c = 0; c != channels; ++c)
          sum += in[c];
        auto deviation = [&](uint32_t c) {
          return int64_t(in[c]) * channels - (isCentred ? sum : int64_t(zero) * channels);
        };
        for (uint32_t c = 0; c != channels; ++c)
          squares += deviation(c) * deviation(c);
        const double root = std::sqrt(double(squares) / channels / channels / channels + eps);
        for (uint32_t c = 0; c != row; ++c) {
          const size_t i = size_t(token) * row + c;
          const double real =
              c < channels && deviation(c) != 0 ? double(deviation(c)) / channels / root / numbers->unit : 0;
          const double error = std::abs(64 * h[i] + l[i] - real);
          ASSERT_LE(error, c < channels ? numbers->absolute + numbers->relative * std::abs(real) : 0)
              << channels << " channels, kind " << kind << ", eps " << eps << ", real value " << real;
          worst = std::max(worst, error);
        }
      }
    }
  std::cout << "norm: worst error " << worst << " of 8100 units\n";
  EXPECT_GT(worst, 0.4);
}

TEST(SequenceNumbersTest, WhatMayBeMoreThanAStepOffIsRefused) {
  EXPECT_FALSE(normNumbers(0, 16000, meanNumbers(16000, true, 0))); // the smallest variance has too few bits
  EXPECT_FALSE(normNumbers(1e9, 64, meanNumbers(64, true, 0)));
  EXPECT_FALSE(normNumbers(-1, 64, meanNumbers(64, true, 0)));

  EXPECT_FALSE(softmaxNumbers(0.1, 4e-6, -128, 8));         // too fine an output
  EXPECT_FALSE(softmaxNumbers(0.1, 1.0 / 256, 0, 1 << 14)); // sums leave int32
  EXPECT_FALSE(softmaxNumbers(-0.1, 1.0 / 256, 0, 8));
  EXPECT_FALSE(varianceNumbers(1e5, 0, meanNumbers(64, true, 0)));
  std::vector<double> factors(256, 1e-3);
  EXPECT_TRUE(normaliseNumbers(factors, 0, 64, meanNumbers(64, true, 0)));
  factors[7] = 1e4; // the small ones keep too few digits beside it
  EXPECT_FALSE(normaliseNumbers(factors, 0, 64, meanNumbers(64, true, 0)));
  factors[7] = -1;
  EXPECT_FALSE(normaliseNumbers(factors, 0, 64, meanNumbers(64, true, 0)));
}

TEST_P(SequencesTest, LayerNormIsWithinItsBound) {
  double worst = 0;
  for (uint32_t channels : kNormChannels)
    for (auto [mean, spread] : {std::pair{0.0, 25.0}, {-70.0, 0.5}, {100.0, 3.0}, {100.0, 0.1}}) {
      TokenShape shape{tokens(channels), channels};
      auto zero = int8_t(random());
      double eps = std::array{0.0, 0.01, 2.0}[random() % 3];
      std::vector<int8_t> x = tensor(shape, mean, spread);
      std::vector<int8_t> y = run(layerNormSequence(config, shape, place(shape), zero, eps), shape, place(shape), x);
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
