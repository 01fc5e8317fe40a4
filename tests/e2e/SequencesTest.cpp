// SPDX-License-Identifier: Apache-2.0
// Softmax and the parts of a layer norm, quantised, from the graph down: each result beside the real value in double
// precision, and the host's code beside the vector unit's sequence, byte for byte.
#include "Session.h"

#include "tw/codegen/Compile.h"
#include "tw/ir/Constants.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace tw;
using namespace tw::tools;
using codegen::ExecutorId;
using ir::ElementType;
using ir::Tensor;

namespace {

// One step from the nearest result, and nothing else: more than that is never fused.
constexpr double kMostSteps = 1;

// 2 to 1024 channels: ends of rows of 8, 16 and 32 lanes, attention over 64 to 384 tokens, hidden sizes.
constexpr int64_t kChannels[] = {2,  3,   7,   8,   9,   15,  16,  17,  31,  32,  33,   63,  64,
                                 65, 127, 128, 129, 197, 255, 256, 384, 513, 768, 1000, 1024};

struct Program {
  std::unique_ptr<codegen::Compiled> made; // the session refers to its package
  std::unique_ptr<Session> session;
};

class SequencesTest : public testing::Test {
protected:
  double between(double low, double high) { return low + (high - low) * double(random() % 100000) / 100000; }
  float decade(double low, double high) { return float(std::pow(10, between(low, high))); }

  // Rows of every kind: normal, all equal, at the ends of the range, one that stands out.
  Tensor rowsOf(int64_t rows, int64_t channels) {
    Tensor x(ElementType::I8, {rows, channels});
    for (int64_t row = 0; row != rows; ++row) {
      std::normal_distribution<double> normal(between(-100, 100), std::exp2(between(-3, 7)));
      const uint64_t kind = random() % 8;
      const auto same = int8_t(random());
      for (int64_t c = 0; c != channels; ++c)
        x.data<int8_t>()[row * channels + c] = kind == 0   ? same
                                               : kind == 1 ? int8_t(random() % 2 == 0 ? -128 : 127)
                                               : kind == 2
                                                   ? int8_t(c == row % channels ? 127 : same / 2)
                                                   : int8_t(std::clamp(std::nearbyint(normal(random)), -128.0, 127.0));
    }
    return x;
  }

  static Program compiled(const std::string &text, const std::string &machine, bool onHost) {
    Model model = emptyModel();
    model.module = mlir::parseSourceString<mlir::ModuleOp>(text, model.context.get());
    codegen::CompileOptions options;
    options.config = llvm::cantFail(loadMachine(machine));
    options.hostCpu = "x86-64-v3";
    if (onHost)
      options.executors = {ExecutorId::Host};
    auto made = std::make_unique<codegen::Compiled>(llvm::cantFail(codegen::compile(*model.module, options)));
    auto session = llvm::cantFail(Session::open(llvm::cantFail(packageBytes(made->package)), made->package, {}));
    return {std::move(made), std::move(session)};
  }

  // The same bytes from both; the tensors of the outputs.
  static std::vector<Tensor> runBoth(Program &npu, Program &host, const Tensors &inputs) {
    auto ours = npu.session->run(inputs), theirs = host.session->run(inputs);
    EXPECT_TRUE(bool(ours) && bool(theirs));
    std::vector<Tensor> outputs;
    for (size_t i = 0; i != ours->outputs.size(); ++i) {
      outputs.push_back(ours->outputs[i].tensor);
      EXPECT_EQ(outputs.back().bytes, theirs->outputs[i].tensor.bytes);
    }
    return outputs;
  }

  static void expectNear(double real, int8_t got, double zero, const std::string &what) {
    const double nearest = std::clamp((std::isnan(real) ? 0 : std::nearbyint(real)) + zero, -128.0, 127.0);
    ASSERT_LE(std::abs(got - nearest), kMostSteps) << what << ": " << int(got) << ", the real value is " << real + zero;
  }

  // A table reads the result, so that it is used on the device, too.
  static constexpr const char *kReader =
      "%yf = tw.dequantize %y, %t, %w : (tensor<{0}i8>, tensor<f32>, tensor<i8>) -> tensor<{0}f32>\n"
      "%yn = tw.unary <neg> %yf : tensor<{0}f32>\n"
      "%u = tw.quantize %yn, %t, %w : (tensor<{0}f32>, tensor<f32>, tensor<i8>) -> tensor<{0}i8>\n";

  struct Softmax {
    int64_t rows, channels;
    float scale, outScale;
    int zero;
    bool isMasked; // causal: of as many rows as there are channels

    ir::Shape shape() const {
      return isMasked ? ir::Shape{rows / channels, channels, channels} : ir::Shape{1, rows, channels};
    }

    std::string text() const {
      const std::string t = llvm::formatv("{0}x{1}x{2}x", shape()[0], shape()[1], channels),
                        m = llvm::formatv("{0}x{0}x", channels);
      std::string condition;
      for (int64_t r = 0; r != channels; ++r) {
        condition += r == 0 ? "[" : "], [";
        for (int64_t c = 0; c != channels; ++c)
          condition += (c == 0 ? "" : ", ") + std::string(c <= r ? "true" : "false");
      }
      const std::string form =
          "func.func @main(%x: tensor<{0}i8>) -> (tensor<{0}i8>, tensor<{0}i8>) {{\n"
          "%s = tw.constant dense<{1:E9}> : tensor<f32>\n%z = tw.constant dense<3> : tensor<i8>\n"
          "%t = tw.constant dense<{2:E9}> : tensor<f32>\n%w = tw.constant dense<{3}> : tensor<i8>\n"
          "%a = tw.dequantize %x, %s, %z : (tensor<{0}i8>, tensor<f32>, tensor<i8>) -> tensor<{0}f32>\n"
          "{4}%c = tw.softmax %b {{axis = 2 : i64} : (tensor<{0}f32>) -> tensor<{0}f32>\n"
          "%y = tw.quantize %c, %t, %w : (tensor<{0}f32>, tensor<f32>, tensor<i8>) -> tensor<{0}i8>\n" +
          std::string(kReader) + "return %y, %u : tensor<{0}i8>, tensor<{0}i8>\n}\n";
      return llvm::formatv(form.c_str(), t, double(scale), double(outScale), zero,
                           isMasked ? llvm::formatv("%m = tw.constant dense<[{2}]]> : tensor<{1}i1>\n"
                                                    "%o = tw.constant dense<-1.0e+04> : tensor<f32>\n"
                                                    "%b = tw.where %m, %a, %o : (tensor<{1}i1>, tensor<{0}f32>, "
                                                    "tensor<f32>) -> tensor<{0}f32>\n",
                                                    t, m, condition)
                                          .str()
                                    : llvm::formatv("%k = tw.constant dense<1.0> : tensor<f32>\n"
                                                    "%b = tw.mul %a, %k : (tensor<{0}f32>, tensor<f32>) -> "
                                                    "tensor<{0}f32>\n",
                                                    t)
                                          .str());
    }

    void judge(const Tensor &x, const Tensor &y) const {
      std::vector<double> power(static_cast<size_t>(channels));
      for (int64_t row = 0; row != rows; ++row) {
        const int8_t *in = x.data<int8_t>() + row * channels, *out = y.data<int8_t>() + row * channels;
        const int64_t taken = isMasked ? row % channels + 1 : channels;
        const int top = *std::max_element(in, in + taken);
        double sum = 0;
        for (int64_t c = 0; c != taken; ++c)
          sum += power[size_t(c)] = std::exp(double(scale) * (in[c] - top));
        for (int64_t c = 0; c != channels; ++c)
          expectNear(c < taken ? power[size_t(c)] / sum / double(outScale) : 0, out[c], zero,
                     llvm::formatv("channel {0} of {1}, scales {2} and {3}", c, channels, scale, outScale));
      }
    }
  };

  // Square root of a quantised variance, and what is divided by it.
  struct Norm {
    int64_t rows, channels;
    float scale, varianceScale, eps, outScale;
    int zero;
    bool isCentred;

    ir::Shape shape() const { return {rows, channels}; }
    std::string text() const {
      const std::string centre =
          isCentred
              ? "%mean = tw.reduce_mean %a {{axes = array<i64: 1>, keepDims = true} : (tensor<{0}f32>) -> "
                "tensor<{5}x1xf32>\n%d = tw.sub %a, %mean : (tensor<{0}f32>, tensor<{5}x1xf32>) -> tensor<{0}f32>\n"
              : "";
      const std::string d = isCentred ? "%d" : "%a";
      const std::string form =
          "func.func @main(%x: tensor<{0}i8>) -> (tensor<{5}x1xi8>, tensor<{0}i8>, tensor<{0}i8>) {{\n"
          "%s = tw.constant dense<{1:E9}> : tensor<f32>\n%z = tw.constant dense<3> : tensor<i8>\n"
          "%vs = tw.constant dense<{2:E9}> : tensor<f32>\n%vz = tw.constant dense<-128> : tensor<i8>\n"
          "%e = tw.constant dense<{6:E9}> : tensor<f32>\n"
          "%t = tw.constant dense<{3:E9}> : tensor<f32>\n%w = tw.constant dense<{4}> : tensor<i8>\n"
          "%a = tw.dequantize %x, %s, %z : (tensor<{0}i8>, tensor<f32>, tensor<i8>) -> tensor<{0}f32>\n" +
          centre + "%q = tw.mul " + d + ", " + d +
          " : (tensor<{0}f32>, tensor<{0}f32>) -> tensor<{0}f32>\n"
          "%v = tw.reduce_mean %q {{axes = array<i64: 1>, keepDims = true} : (tensor<{0}f32>) -> tensor<{5}x1xf32>\n"
          "%vq = tw.quantize %v, %vs, %vz : (tensor<{5}x1xf32>, tensor<f32>, tensor<i8>) -> tensor<{5}x1xi8>\n"
          "%vf = tw.dequantize %vq, %vs, %vz : (tensor<{5}x1xi8>, tensor<f32>, tensor<i8>) -> tensor<{5}x1xf32>\n"
          "%ve = tw.add %vf, %e : (tensor<{5}x1xf32>, tensor<f32>) -> tensor<{5}x1xf32>\n"
          "%r = tw.unary <sqrt> %ve : tensor<{5}x1xf32>\n"
          "%n = tw.div " +
          d +
          ", %r : (tensor<{0}f32>, tensor<{5}x1xf32>) -> tensor<{0}f32>\n"
          "%y = tw.quantize %n, %t, %w : (tensor<{0}f32>, tensor<f32>, tensor<i8>) -> tensor<{0}i8>\n" +
          std::string(kReader) + "return %vq, %y, %u : tensor<{5}x1xi8>, tensor<{0}i8>, tensor<{0}i8>\n}\n";
      return llvm::formatv(form.c_str(), llvm::formatv("{0}x{1}x", rows, channels).str(), double(scale),
                           double(varianceScale), double(outScale), zero, rows, double(eps));
    }

    void judge(const Tensor &x, const Tensor &v, const Tensor &y) const {
      for (int64_t row = 0; row != rows; ++row) {
        const int8_t *in = x.data<int8_t>() + row * channels, *out = y.data<int8_t>() + row * channels;
        int64_t sum = 0;
        for (int64_t c = 0; c != channels; ++c)
          sum += in[c];
        auto deviation = [&](int64_t c) { // an integer through the channels
          return double(scale) * double(in[c] * channels - (isCentred ? sum : 3 * channels)) / double(channels);
        };
        double squares = 0;
        for (int64_t c = 0; c != channels; ++c)
          squares += deviation(c) * deviation(c);
        const std::string what =
            llvm::formatv("{0} channels, scales {1}, {2}, {3}, eps {4}", channels, scale, varianceScale, outScale, eps);
        const int8_t variance = v.data<int8_t>()[row];
        expectNear(squares / double(channels) / double(varianceScale), variance, -128, "variance of " + what);
        const double root = std::sqrt((variance + 128) * double(varianceScale) + double(eps));
        for (int64_t c = 0; c != channels; ++c)
          expectNear(deviation(c) / root / double(outScale), out[c], zero, what);
      }
    }
  };

  // One float operator between two quantisers, with numbers for each channel.
  struct WholeNorm {
    int64_t rows, channels;
    float scale, eps, outScale;
    int zero;
    bool isCentred, hasOffset;
    std::vector<float> gain, offset;

    ir::Shape shape() const { return {rows, channels}; }
    std::string text() const {
      auto list = [](const std::vector<float> &values) {
        std::string result;
        for (float value : values)
          result += (result.empty() ? "" : ", ") + llvm::formatv("{0:E9}", double(value)).str();
        return result;
      };
      const std::string d = isCentred ? "%d" : "%a", n = hasOffset ? "%p" : "%g";
      const std::string form =
          "func.func @main(%x: tensor<{0}i8>) -> (tensor<{0}i8>, tensor<{0}i8>) {{\n"
          "%s = tw.constant dense<{1:E9}> : tensor<f32>\n%z = tw.constant dense<3> : tensor<i8>\n"
          "%e = tw.constant dense<{2:E9}> : tensor<f32>\n%one = tw.constant dense<1.0> : tensor<f32>\n"
          "%t = tw.constant dense<{3:E9}> : tensor<f32>\n%w = tw.constant dense<{4}> : tensor<i8>\n"
          "%k = tw.constant dense<[{7}]> : tensor<{6}xf32>\n%o = tw.constant dense<[{8}]> : tensor<{6}xf32>\n"
          "%a = tw.dequantize %x, %s, %z : (tensor<{0}i8>, tensor<f32>, tensor<i8>) -> tensor<{0}f32>\n" +
          std::string(isCentred
                          ? "%mean = tw.reduce_mean %a {{axes = array<i64: 1>, keepDims = true} : (tensor<{0}f32>) -> "
                            "tensor<{5}x1xf32>\n"
                            "%d = tw.sub %a, %mean : (tensor<{0}f32>, tensor<{5}x1xf32>) -> tensor<{0}f32>\n"
                          : "") +
          "%q = tw.mul " + d + ", " + d +
          " : (tensor<{0}f32>, tensor<{0}f32>) -> tensor<{0}f32>\n"
          "%v = tw.reduce_mean %q {{axes = array<i64: 1>, keepDims = true} : (tensor<{0}f32>) -> tensor<{5}x1xf32>\n"
          "%ve = tw.add %v, %e : (tensor<{5}x1xf32>, tensor<f32>) -> tensor<{5}x1xf32>\n"
          "%r = tw.unary <sqrt> %ve : tensor<{5}x1xf32>\n"
          "%i = tw.div %one, %r : (tensor<f32>, tensor<{5}x1xf32>) -> tensor<{5}x1xf32>\n"
          "%n = tw.mul " +
          d +
          ", %i : (tensor<{0}f32>, tensor<{5}x1xf32>) -> tensor<{0}f32>\n"
          "%g = tw.mul %n, %k : (tensor<{0}f32>, tensor<{6}xf32>) -> tensor<{0}f32>\n" +
          std::string(hasOffset ? "%p = tw.add %g, %o : (tensor<{0}f32>, tensor<{6}xf32>) -> tensor<{0}f32>\n" : "") +
          "%y = tw.quantize " + n + ", %t, %w : (tensor<{0}f32>, tensor<f32>, tensor<i8>) -> tensor<{0}i8>\n" +
          std::string(kReader) + "return %y, %u : tensor<{0}i8>, tensor<{0}i8>\n}\n";
      return llvm::formatv(form.c_str(), llvm::formatv("{0}x{1}x", rows, channels).str(), double(scale), double(eps),
                           double(outScale), zero, rows, channels, list(gain), list(offset));
    }

    void judge(const Tensor &x, const Tensor &y) const {
      for (int64_t row = 0; row != rows; ++row) {
        const int8_t *in = x.data<int8_t>() + row * channels, *out = y.data<int8_t>() + row * channels;
        int64_t sum = 0;
        for (int64_t c = 0; c != channels; ++c)
          sum += in[c];
        auto deviation = [&](int64_t c) {
          return double(scale) * double(in[c] * channels - (isCentred ? sum : 3 * channels)) / double(channels);
        };
        double squares = 0;
        for (int64_t c = 0; c != channels; ++c)
          squares += deviation(c) * deviation(c);
        const double root = std::sqrt(squares / double(channels) + double(eps));
        for (int64_t c = 0; c != channels; ++c) {
          const double moved = hasOffset ? double(offset[size_t(c)]) : 0;
          expectNear((deviation(c) / root * double(gain[size_t(c)]) + moved) / double(outScale), out[c], zero,
                     llvm::formatv("channel {0} of {1}, scales {2} and {3}, eps {4}, gain {5}", c, channels, scale,
                                   outScale, eps, gain[size_t(c)]));
        }
      }
    }
  };

  // Outputs that the largest gain fills with two to eight deviations; negative gains, small ones, and none at all.
  WholeNorm drawWholeNorm(int64_t rows, int64_t channels) {
    WholeNorm norm{
        rows, channels, decade(-3, 0), decade(-7, -2), 0, int(random() % 40) - 20, random() % 4 != 0, random() % 3 != 0,
        {},   {}};
    float most = 0;
    for (int64_t c = 0; c != channels; ++c) {
      const float gain = random() % 9 == 0 ? 0 : decade(-2, 0) * (random() % 4 == 0 ? -1.0f : 1.0f);
      norm.gain.push_back(c == 0 ? 1 : gain);
      norm.offset.push_back(float(between(-2, 2)));
      most = std::max(most, std::abs(norm.gain.back()));
    }
    norm.outScale = most * float(between(2, 8)) / 127;
    return norm;
  }
  Softmax drawSoftmax(int64_t rows, int64_t channels, bool isMasked) {
    const bool isFine = random() % 2 == 0;
    if (isMasked)
      rows = (rows + channels - 1) / channels * channels;
    return {rows,
            channels,
            decade(-3, 0.3),
            isFine ? decade(-4.9, -2.5) : 1.0f / 256,
            isFine ? -128 + int(random() % 30) : -128,
            isMasked};
  }
  Norm drawNorm(int64_t rows, int64_t channels) {
    const float scale = decade(-3, 0), eps = random() % 2 == 0 ? decade(-12, 0) : 0;
    // A variance that fits its quantiser for rows of this spread.
    const float spread = float(scale * std::exp2(between(0, 6)));
    return {
        rows, channels, scale, spread * spread / 64, eps, decade(-2, -1), int(random() % 40) - 20, random() % 4 != 0};
  }

  template <typename Case> void check(const Case &its, const std::string &machine, int64_t runs, size_t functions) {
    SCOPED_TRACE(machine);
    Program npu = compiled(its.text(), machine, false), host = compiled(its.text(), machine, true);
    size_t sequences = 0;
    for (const codegen::PlacementRow &row : npu.made->report.rows)
      sequences += row.how == "sequence";
    // What may be more than a step off stays as it is: that it is right is what other tests say.
    fused += sequences == functions;
    drawn += 1;
    for (int64_t run = 0; run != runs && sequences == functions; ++run) {
      Tensor x = rowsOf(its.rows, its.channels);
      x.shape = its.shape();
      const std::vector<Tensor> outputs = runBoth(npu, host, {{"arg0", x}});
      if constexpr (std::is_same_v<Case, Norm>)
        its.judge(x, outputs[0], outputs[1]);
      else
        its.judge(x, outputs[0]);
      if (HasFatalFailure())
        return;
    }
  }

  std::mt19937_64 random{11};
  int64_t fused = 0, drawn = 0;
};

} // namespace

TEST_F(SequencesTest, SoftmaxOfEveryWidthIsWithinAStep) {
  for (int64_t channels : kChannels)
    check(drawSoftmax(1 + int64_t(random() % 40), channels, channels <= 65 && random() % 2 == 0),
          std::array{"tw8", "tw16", "tw32"}[random() % 3], 1, 1);
  EXPECT_EQ(fused, drawn);
}

TEST_F(SequencesTest, PartsOfALayerNormOfEveryWidthAreWithinAStep) {
  for (int64_t channels : kChannels)
    check(drawNorm(1 + int64_t(random() % 40), channels), std::array{"tw8", "tw16", "tw32"}[random() % 3], 1, 2);
  EXPECT_GE(fused * 10, drawn * 9);
}

TEST_F(SequencesTest, WholeNormsOfEveryWidthAreWithinAStep) {
  for (int64_t channels : kChannels)
    check(drawWholeNorm(1 + int64_t(random() % 40), channels), std::array{"tw8", "tw16", "tw32"}[random() % 3], 1, 1);
  EXPECT_GE(fused * 10, drawn * 9);
}

// Some minutes: scripts/sequences.sh runs them.
TEST_F(SequencesTest, DISABLED_AMillionRowsOfSoftmaxAreWithinAStep) {
  while (fused * 8 * 1024 < 1000000)
    check(drawSoftmax(1024, 2 + int64_t(random() % 127), random() % 2 == 0), "tw16", 8, 1);
  EXPECT_EQ(fused, drawn);
}

TEST_F(SequencesTest, DISABLED_AMillionRowsOfLayerNormsAreWithinAStep) {
  while (fused * 8 * 1024 < 1000000)
    check(drawNorm(1024, 2 + int64_t(random() % 128)), "tw16", 8, 2);
}

TEST_F(SequencesTest, DISABLED_AMillionRowsOfWholeNormsAreWithinAStep) {
  while (fused * 8 * 1024 < 1000000)
    check(drawWholeNorm(1024, 2 + int64_t(random() % 128)), "tw16", 8, 1);
}
