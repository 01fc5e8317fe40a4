// SPDX-License-Identifier: Apache-2.0
// Blocks as nests: every element of what is made is written once, what nobody reads twice is joined, and what has no
// such form is refused by its name.
#include "host/Nest.h"

#include "tw/ir/Register.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <random>

using namespace tw;
using namespace tw::codegen;
using namespace mlir;

namespace {

struct NestsTest : testing::Test {
  NestsTest() {
    DialectRegistry registry;
    ir::registerGraphDialects(registry);
    registry.insert<arith::ArithDialect, func::FuncDialect, linalg::LinalgDialect, tensor::TensorDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  llvm::Expected<HostFunction> nests(const std::string &text) {
    module = parseSourceString<ModuleOp>(kMaps + text, &context);
    EXPECT_TRUE(module) << text;
    auto block = *module->getOps<func::FuncOp>().begin();
    const SmallVector<bool> isConstant(block.getNumArguments(), false);
    return nestsOf(block, isConstant, Dot::None);
  }
  HostFunction made(const std::string &text) {
    auto function = nests(text);
    EXPECT_TRUE(bool(function)) << llvm::toString(function.takeError());
    return function ? std::move(*function) : HostFunction();
  }
  std::string whyNot(const std::string &text) {
    auto function = nests(text);
    return function ? "it has nests" : llvm::toString(function.takeError());
  }

  // How often each element of an array is written.
  static std::vector<int> writesOf(const HostFunction &function, unsigned array) {
    std::vector<int> writes(size_t(function.arrays[array].count), 0);
    for (const HostNest &nest : function.nests) {
      if (nest.output.array != array)
        continue;
      auto walk = [&](auto &self, unsigned loop, int64_t at) -> void {
        if (loop == nest.loops()) {
          if (at < 0 || at >= int64_t(writes.size()))
            ADD_FAILURE() << "element " << at << " of " << writes.size();
          else
            ++writes[size_t(at)];
          return;
        }
        for (int64_t i = 0; i != (nest.isReduction[loop] ? 1 : nest.extents[loop]); ++i)
          self(self, loop + 1, at + i * nest.output.steps[loop]);
      };
      walk(walk, 0, nest.output.offset);
    }
    return writes;
  }
  static void expectEachResultOnce(const HostFunction &function, const std::string &text) {
    for (unsigned a = 0; a != function.arrays.size(); ++a)
      if (function.arrays[a].kind == HostArray::Result)
        EXPECT_EQ(writesOf(function, a), std::vector<int>(size_t(function.arrays[a].count), 1)) << text;
  }
  static int64_t scratchArrays(const HostFunction &function) {
    return std::ranges::count(function.arrays, HostArray::Scratch, &HostArray::kind);
  }

  static constexpr const char *kMaps = "#a = affine_map<(d0) -> (d0)>\n";
  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
};

// y = x + x of `n` floats.
std::string doubled(const std::string &y, const std::string &x, const std::string &n) {
  const std::string type = "tensor<" + n + "xf32>";
  return "  %e" + y + " = tensor.empty() : " + type + "\n  %" + y +
         " = linalg.generic {indexing_maps = [#a, #a], iterator_types = [\"parallel\"]} ins(%" + x + " : " + type +
         ") outs(%e" + y + " : " + type +
         ") {\n    ^bb0(%a: f32, %o: f32):\n      %c = arith.addf %a, %a : f32\n      linalg.yield %c : f32 } -> " +
         type + "\n";
}

} // namespace

TEST_F(NestsTest, APaddedTensorIsWrittenOnceEverywhere) {
  std::mt19937 random(4);
  for (int trial = 0; trial != 60; ++trial) {
    std::vector<int64_t> inner, low, high;
    std::string from, to, lows, highs;
    for (int d = 0; d != 3; ++d) {
      inner.push_back(int64_t(1 + random() % 4));
      low.push_back(int64_t(random() % 3));
      high.push_back(int64_t(random() % 3));
      from += std::to_string(inner.back()) + "x";
      to += std::to_string(low.back() + inner.back() + high.back()) + "x";
      lows += (d ? ", " : "") + std::to_string(low.back());
      highs += (d ? ", " : "") + std::to_string(high.back());
    }
    const std::string text =
        "func.func @f(%x: tensor<" + from + "f32>) -> tensor<" + to +
        "f32> {\n  %z = arith.constant 2.5 : f32\n  %y = tensor.pad %x low[" + lows + "] high[" + highs +
        "] {\n    ^bb0(%i: index, %j: index, %k: index):\n      tensor.yield %z : f32\n  } : tensor<" + from +
        "f32> to tensor<" + to + "f32>\n  return %y : tensor<" + to + "f32>\n}";
    expectEachResultOnce(made(text), text);
  }
}

TEST_F(NestsTest, PartsOfOneTensorAreWrittenBesideEachOther) {
  const std::string text =
      "func.func @f(%x: tensor<4x3xf32>, %y: tensor<4x5xf32>, %z: tensor<4x1xf32>) -> tensor<36xf32> {\n"
      "  %e = tensor.empty() : tensor<4x9xf32>\n"
      "  %a = tensor.insert_slice %x into %e[0, 0] [4, 3] [1, 1] : tensor<4x3xf32> into tensor<4x9xf32>\n"
      "  %b = tensor.insert_slice %y into %a[0, 3] [4, 5] [1, 1] : tensor<4x5xf32> into tensor<4x9xf32>\n"
      "  %c = tensor.insert_slice %z into %b[0, 8] [4, 1] [1, 1] : tensor<4x1xf32> into tensor<4x9xf32>\n"
      "  %d = tensor.collapse_shape %c [[0, 1]] : tensor<4x9xf32> into tensor<36xf32>\n"
      "  return %d : tensor<36xf32>\n}";
  const HostFunction function = made(text);
  expectEachResultOnce(function, text);
  EXPECT_EQ(scratchArrays(function), 0) << "they go to the result at once";
}

TEST_F(NestsTest, AChainOfOperationsIsOneNestAndWhatIsReadTwiceIsMadeOnce) {
  const HostFunction chain = made("func.func @f(%x: tensor<9xf32>) -> tensor<9xf32> {\n" + doubled("p", "x", "9") +
                                  doubled("q", "p", "9") + doubled("r", "q", "9") + "  return %r : tensor<9xf32>\n}");
  ASSERT_EQ(chain.nests.size(), 1u);
  EXPECT_EQ(chain.nests[0].stages.size(), 3u);
  EXPECT_EQ(scratchArrays(chain), 0);
  const std::string text = "func.func @f(%x: tensor<9xf32>) -> (tensor<9xf32>, tensor<9xf32>) {\n" +
                           doubled("p", "x", "9") + doubled("q", "p", "9") + doubled("r", "p", "9") +
                           "  return %q, %r : tensor<9xf32>, tensor<9xf32>\n}";
  const HostFunction twice = made(text);
  EXPECT_EQ(twice.nests.size(), 3u);
  EXPECT_EQ(scratchArrays(twice), 1);
  expectEachResultOnce(twice, text);
}

TEST_F(NestsTest, AResultThatIsReadOnIsNoScratchMemory) {
  const std::string text = "func.func @f(%x: tensor<9xf32>) -> (tensor<9xf32>, tensor<9xf32>, tensor<9xf32>) {\n" +
                           doubled("p", "x", "9") + doubled("q", "p", "9") +
                           "  return %p, %q, %x : tensor<9xf32>, tensor<9xf32>, tensor<9xf32>\n}";
  const HostFunction function = made(text);
  expectEachResultOnce(function, text);
  EXPECT_EQ(scratchArrays(function), 0);
}

TEST_F(NestsTest, NothingIsDoneForAResultWithoutElementsAndSomethingForASumOfNone) {
  EXPECT_TRUE(made("func.func @f(%x: tensor<0xf32>) -> tensor<0xf32> {\n" + doubled("p", "x", "0") +
                   "  return %p : tensor<0xf32>\n}")
                  .nests.empty());
  const HostFunction sum = made(R"mlir(
#row = affine_map<(d0, d1) -> (d0, d1)>
#sum = affine_map<(d0, d1) -> (d0)>
func.func @f(%x: tensor<3x0xf32>) -> tensor<3xf32> {
  %z = arith.constant 1.5 : f32
  %e = tensor.empty() : tensor<3xf32>
  %i = linalg.fill ins(%z : f32) outs(%e : tensor<3xf32>) -> tensor<3xf32>
  %y = linalg.generic {indexing_maps = [#row, #sum], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<3x0xf32>) outs(%i : tensor<3xf32>) {
    ^bb0(%a: f32, %o: f32):
      %c = arith.addf %a, %o : f32
      linalg.yield %c : f32 } -> tensor<3xf32>
  return %y : tensor<3xf32>
})mlir");
  ASSERT_EQ(sum.nests.size(), 1u);
  EXPECT_EQ(cast<FloatAttr>(std::get<TypedAttr>(sum.nests[0].initial)).getValueAsDouble(), 1.5);
}

// A view is no copy: every second element, from the second on.
TEST_F(NestsTest, APartOfATensorIsReadWhereItLies) {
  const HostFunction function = made("func.func @f(%x: tensor<20xf32>) -> tensor<9xf32> {\n"
                                     "  %s = tensor.extract_slice %x[1] [9] [2] : tensor<20xf32> to tensor<9xf32>\n" +
                                     doubled("y", "s", "9") + "  return %y : tensor<9xf32>\n}");
  ASSERT_EQ(function.nests.size(), 1u);
  const HostAccess &read = std::get<HostAccess>(function.nests[0].stages[0].inputs[0]);
  EXPECT_EQ(function.arrays[read.array].kind, HostArray::Argument);
  EXPECT_EQ(read.offset, 1);
  EXPECT_EQ(read.steps, (SmallVector<int64_t, 8>{2}));
}

// Rows from the fourth on, under another shape, lie as densely as a tensor of their own, but not at its beginning.
TEST_F(NestsTest, WhatLiesDenselyBehindOthersIsReadFromItsPlace) {
  const std::string slice = "func.func @f(%x: tensor<20xf32>) -> tensor<9xf32> {\n"
                            "  %s = tensor.extract_slice %x[3] [9] [1] : tensor<20xf32> to tensor<9xf32>\n"
                            "  %t = tensor.expand_shape %s [[0, 1]] output_shape [3, 3] : tensor<9xf32> into "
                            "tensor<3x3xf32>\n"
                            "  %u = tensor.collapse_shape %t [[0, 1]] : tensor<3x3xf32> into tensor<9xf32>\n";
  const HostFunction read = made(slice + doubled("y", "u", "9") + "  return %y : tensor<9xf32>\n}");
  ASSERT_EQ(read.nests.size(), 1u);
  EXPECT_EQ(std::get<HostAccess>(read.nests[0].stages[0].inputs[0]).offset, 3);
  // A library function takes arrays from their beginning: a copy.
  const HostFunction called = made(slice + "  %y = tw.library \"cumulate\"(%u) {params = array<i64: 0, 0, 0>} : "
                                           "(tensor<9xf32>) -> tensor<9xf32>\n  return %y : tensor<9xf32>\n}");
  ASSERT_EQ(called.nests.size(), 2u);
  ASSERT_TRUE(called.nests[1].call);
  EXPECT_EQ(called.nests[1].call->operands[0].array, called.nests[0].output.array);
}

// The first stage of a nest is its sum: what is summed is made before.
TEST_F(NestsTest, WhatASumReadsIsANestOfItsOwn) {
  const HostFunction function = made(
      "#none = affine_map<(d0) -> ()>\nfunc.func @f(%x: tensor<9xf32>) -> tensor<f32> {\n" + doubled("p", "x", "9") +
      "  %z = arith.constant 0.0 : f32\n  %e = tensor.empty() : tensor<f32>\n"
      "  %i = linalg.fill ins(%z : f32) outs(%e : tensor<f32>) -> tensor<f32>\n"
      "  %y = linalg.generic {indexing_maps = [#a, #none], iterator_types = [\"reduction\"]}\n"
      "      ins(%p : tensor<9xf32>) outs(%i : tensor<f32>) {\n    ^bb0(%a: f32, %o: f32):\n"
      "      %c = arith.addf %a, %o : f32\n      linalg.yield %c : f32 } -> tensor<f32>\n"
      "  return %y : tensor<f32>\n}");
  ASSERT_EQ(function.nests.size(), 2u);
  EXPECT_TRUE(function.nests[1].isReduced);
  EXPECT_EQ(function.nests[1].stages.size(), 1u);
  EXPECT_EQ(scratchArrays(function), 1);
}

TEST_F(NestsTest, WhatHasNoSuchFormIsRefusedByItsName) {
  EXPECT_EQ(whyNot("func.func @f(%x: tensor<2xf32>) -> tensor<4xf32> {\n"
                   "  %y = tensor.concat dim(0) %x, %x : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>\n"
                   "  return %y : tensor<4xf32>\n}"),
            "host code: 'tensor.concat' has no loops");
  const std::string insert = "  %y = tensor.insert_slice %p into %x[0] [2] [1] : tensor<2xf32> into tensor<4xf32>\n"
                             "  return %y : tensor<4xf32>\n}";
  EXPECT_EQ(whyNot("func.func @f(%p: tensor<2xf32>, %x: tensor<4xf32>) -> tensor<4xf32> {\n" + insert),
            "host code: 'tensor.insert_slice' into an argument");
  EXPECT_EQ(whyNot("func.func @f(%p: tensor<2xf32>, %w: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {\n" +
                   doubled("x", "w", "4") +
                   "  %y = tensor.insert_slice %p into %x[0] [2] [1] : tensor<2xf32> into tensor<4xf32>\n"
                   "  return %y, %x : tensor<4xf32>, tensor<4xf32>\n}"),
            "host code: 'tensor.insert_slice' into a tensor that is read elsewhere, too");
  EXPECT_EQ(whyNot("func.func @f(%p: tensor<2xf32>) -> tensor<4xf32> {\n  %x = tensor.empty() : tensor<4xf32>\n"
                   "  %y = tensor.insert_slice %p into %x[0] [2] [2] : tensor<2xf32> into tensor<4xf32>\n"
                   "  return %y : tensor<4xf32>\n}"),
            "host code: 'tensor.insert_slice' with steps or offsets that are no constants");
  EXPECT_EQ(whyNot(R"mlir(
#half = affine_map<(d0) -> (d0 floordiv 2)>
func.func @f(%x: tensor<4xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<8xf32>
  %y = linalg.generic {indexing_maps = [#half, #a], iterator_types = ["parallel"]}
      ins(%x : tensor<4xf32>) outs(%e : tensor<8xf32>) {
    ^bb0(%a: f32, %o: f32):
      linalg.yield %a : f32 } -> tensor<8xf32>
  return %y : tensor<8xf32>
})mlir"),
            "host code: 'linalg.generic' has an access that is no linear function of its loops");
  EXPECT_EQ(whyNot(R"mlir(
func.func @f(%x: tensor<4xf32>, %e: tensor<4xf32>) -> tensor<4xf32> {
  %y = linalg.generic {indexing_maps = [#a, #a], iterator_types = ["parallel"]}
      ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%a: f32, %o: f32):
      %c = arith.addf %a, %o : f32
      linalg.yield %c : f32 } -> tensor<4xf32>
  return %y : tensor<4xf32>
})mlir"),
            "host code: 'linalg.generic' is elementwise and reads what it overwrites");
  EXPECT_EQ(whyNot(R"mlir(
func.func @f(%x: tensor<20xf32>) -> tensor<9xf32> {
  %s = tensor.extract_slice %x[1] [9] [2] : tensor<20xf32> to tensor<9xf32>
  %e = tensor.empty() : tensor<9xf32>
  %y = linalg.generic {indexing_maps = [#a], iterator_types = ["parallel"]} outs(%e : tensor<9xf32>) {
    ^bb0(%o: f32):
      %i = linalg.index 0 : index
      %v = tensor.extract %s[%i] : tensor<9xf32>
      linalg.yield %v : f32 } -> tensor<9xf32>
  return %y : tensor<9xf32>
})mlir"),
            "host code: 'linalg.generic' reads a part of a tensor by index");
}
