// SPDX-License-Identifier: Apache-2.0
// Every operator of the graph as GPU code, executed without a GPU, byte for byte the reference's result; and whole
// models.
#include "GpuCase.h"

#include "tw/ir/OnnxImport.h"
#include "tw/support/OperatorCases.h"
#include "tw/support/Paths.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"

#include <gmock/gmock.h>

#include <random>

using namespace tw;
using namespace tw::test;

namespace {

// What no inline assembly and no approximation can be in: PTX that the emulator has not executed.
void expectExactPtx(const std::string &ptx) {
  for (const char *word : {".approx", ".ftz", "// begin inline asm", ".extern", "call.uni _", "fma.rz"})
    EXPECT_EQ(ptx.find(word), std::string::npos) << word << " in\n" << ptx;
}

} // namespace

TEST(GpuOperatorsTest, EveryOperatorWithGpuCodeGivesTheBytesOfTheReference) {
  std::set<std::string> run;
  for (const std::string &text : operatorCases())
    for (bool isConstant : {false, true}) {
      SCOPED_TRACE(text + (isConstant ? "with constants" : ""));
      auto context = makeContext();
      auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
      ASSERT_TRUE(module);
      auto outcome = runOnEmulatedGpu(*module, isConstant);
      ASSERT_TRUE(outcome);
      expectExactPtx(outcome->ptx);
      if (outcome->refusals.empty())
        run.insert(outcome->operators.begin(), outcome->operators.end());
      for (const std::string &why : outcome->refusals)
        EXPECT_THAT(why, testing::StartsWith("GPU code: library function '"));
    }
  // Constants are no code; the scalar operators stand inside loops alone. Some are what fusion leaves nothing of.
  run.insert({"constant", "requantize", "rescale", "lut"});
  auto context = makeContext();
  std::set<std::string> without;
  for (mlir::RegisteredOperationName name : context->getRegisteredOperations())
    if (name.getDialectNamespace() == "tw" && !run.count(name.stripDialect().str()))
      without.insert(name.stripDialect().str());
  // A list that does not grow.
  EXPECT_THAT(without, testing::ElementsAre("library"));
}

namespace {

std::optional<GpuOutcome> runText(const std::string &text, bool isConstant = false) {
  auto context = makeContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
  if (!module) {
    ADD_FAILURE() << "not parsed: " << text;
    return std::nullopt;
  }
  auto outcome = runOnEmulatedGpu(*module, isConstant);
  if (outcome)
    EXPECT_THAT(outcome->refusals, testing::IsEmpty());
  return outcome;
}

std::string tensor(std::initializer_list<int64_t> shape, const std::string &element) {
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + element + ">";
}

std::string floatProduct(int64_t batch, int64_t m, int64_t n, int64_t k) {
  const std::string x = tensor({batch, m, k}, "f32"), w = tensor({k, n}, "f32"), y = tensor({batch, m, n}, "f32");
  return "func.func @main(%x: " + x + ", %w: " + w + ") -> " + y + " {\n  %y = tw.matmul %x, %w : (" + x + ", " + w +
         ") -> " + y + "\n  return %y : " + y + "\n}\n";
}

std::string byteProduct(int64_t batch, int64_t m, int64_t n, int64_t k) {
  const std::string x = tensor({batch, m, k}, "i8"), w = tensor({batch, k, n}, "i8"), y = tensor({batch, m, n}, "i8"),
                    scale = "tensor<f32>, tensor<i8>";
  return quantisedFunction("%x: " + x + ", %w: " + w, y,
                           "  %y = tw.qmatmul %x(%t, %a), %w(%t, %b) out(%u, %c) : (" + x + ", " + scale + ", " + w +
                               ", " + scale + ", " + scale + ") -> " + y);
}

std::string convolution(int64_t height, int64_t width, int64_t from, int64_t to, int64_t group, int64_t kernel,
                        int64_t stride, bool isNhwc) {
  const int64_t pad = kernel / 2, high = (height + 2 * pad - kernel) / stride + 1,
                wide = (width + 2 * pad - kernel) / stride + 1;
  const std::string x = isNhwc ? tensor({2, height, width, from}, "f32") : tensor({2, from, height, width}, "f32"),
                    w = isNhwc ? tensor({to, kernel, kernel, from / group}, "f32")
                               : tensor({to, from / group, kernel, kernel}, "f32"),
                    b = tensor({to}, "f32"),
                    y = isNhwc ? tensor({2, high, wide, to}, "f32") : tensor({2, to, high, wide}, "f32");
  const std::string p = std::to_string(pad), s = std::to_string(stride);
  return "func.func @main(%x: " + x + ", %w: " + w + ", %b: " + b + ") -> " + y +
         " {\n  %y = tw.conv %x, %w, %b {strides = array<i64: " + s + ", " + s + ">, pads = array<i64: " + p + ", " +
         p + ", " + p + ", " + p + ">, dilations = array<i64: 1, 1>, group = " + std::to_string(group) +
         " : i64, layout = #tw.layout<" + (isNhwc ? "nhwc" : "nchw") + ">} : (" + x + ", " + w + ", " + b + ") -> " +
         y + "\n  return %y : " + y + "\n}\n";
}

} // namespace

// One off a tile, a slice and a warp, and what is left of the last ones.
TEST(GpuOperatorsTest, ProductsOfAnyShapeGiveTheBytesOfTheReference) {
  std::mt19937 random(11);
  auto near = [&](std::initializer_list<int64_t> extents) {
    return std::max<int64_t>(extents.begin()[random() % extents.size()] + int64_t(random() % 3) - 1, 1);
  };
  for (int i = 0; i != 24; ++i) {
    const int64_t batch = 1 + random() % 3, m = near({1, 4, 16, 32, 64, 128}), n = near({1, 4, 16, 32, 64, 128}),
                  k = near({1, 8, 16, 32, 48});
    SCOPED_TRACE(testing::Message() << batch << " x " << m << " x " << n << " x " << k);
    ASSERT_TRUE(runText(i % 2 ? byteProduct(batch, m, n, k) : floatProduct(batch, m, n, k)));
  }
}

TEST(GpuOperatorsTest, ConvolutionsOfAnyShapeGiveTheBytesOfTheReference) {
  std::mt19937 random(12);
  for (int i = 0; i != 16; ++i) {
    const int64_t group = random() % 3 == 0 ? 1 + random() % 4 : 1, from = group * (1 + random() % 9),
                  to = group * (1 + random() % 20), kernel = 1 + 2 * (random() % 2), stride = 1 + random() % 2,
                  height = 5 + random() % 8, width = 5 + random() % 8;
    const bool isNhwc = random() % 2, isConstant = random() % 2;
    const std::string text = convolution(height, width, from, to, group, kernel, stride, isNhwc);
    SCOPED_TRACE(text);
    ASSERT_TRUE(runText(text, isConstant));
  }
}

// A tile for each multiprocessor, and some of them reach beyond the last results on each side.
TEST(GpuOperatorsTest, ALargeProductGoesThroughSharedMemoryInLargeTiles) {
  auto outcome = runText(floatProduct(1, 1500, 1150, 20));
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->mappings, testing::ElementsAre("tiles of 128 x 128, 8 x 8 each thread, slices of 8: 108 blocks "
                                                      "of 256 threads"));
  for (const char *word : {".target sm_80", "bar.sync", "ld.shared.f32", "st.shared.f32", "fma.rn.f32",
                           "ld.global.nc.f32", ".shared .align"})
    EXPECT_NE(outcome->ptx.find(word), std::string::npos) << word << " is not in\n" << outcome->ptx;
}

// Sums in lanes of a warp, exchanged by shuffles.
TEST(GpuOperatorsTest, SoftmaxHasItsSumsInWarps) {
  for (const char *width : {"5", "32", "33", "100"}) {
    const std::string x = std::string("tensor<37x") + width + "xf32>";
    auto outcome = runText("func.func @main(%x: " + x + ") -> " + x + " {\n  %y = tw.softmax %x {axis = 1 : i64} : (" +
                           x + ") -> " + x + "\n  return %y : " + x + "\n}\n");
    ASSERT_TRUE(outcome);
    EXPECT_THAT(outcome->mappings, testing::Contains(testing::StartsWith("lanes")));
    EXPECT_NE(outcome->ptx.find("shfl.sync.idx.b32"), std::string::npos);
  }
}

namespace {

std::optional<GpuOutcome> runModel(const std::string &path) {
  auto bytes = llvm::MemoryBuffer::getFile(path);
  if (!bytes) {
    ADD_FAILURE() << path << ": " << bytes.getError().message();
    return std::nullopt;
  }
  auto context = makeContext();
  std::vector<Diag> problems;
  auto module = ir::importOnnx(*context, (*bytes)->getBuffer(), path, {}, problems);
  if (!module) {
    ADD_FAILURE() << ir::problemText(path, problems);
    return std::nullopt;
  }
  return runOnEmulatedGpu(*module, false);
}

} // namespace

TEST(GpuModelsTest, DigitsRunsAsFloatAndAsBytes) {
  for (const char *name : {"digits_float.onnx", "digits_int8.onnx"}) {
    SCOPED_TRACE(name);
    auto outcome = runModel((sourceDir() / "tools/sample" / name).string());
    ASSERT_TRUE(outcome);
    EXPECT_THAT(outcome->refusals, testing::IsEmpty());
    EXPECT_THAT(outcome->mappings, testing::Contains(testing::StartsWith("tiles")));
  }
}

TEST(GpuModelsTest, ResNet8RunsWhole) {
  const std::string name = "models/mlperf_tiny_ic_resnet8/pretrainedResnet_quant.onnx";
  auto path = material(name);
  if (!path)
    GTEST_SKIP() << materialHint(name);
  auto outcome = runModel(path->string());
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->refusals,
              testing::ElementsAre("GPU code: library function 'softmax_i8' has none; the host runs it"));
}
