// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Interpreter.h"

#include "Material.h"

#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>

using namespace mlir;

namespace tw::ir::test {
namespace {

using ::testing::HasSubstr;

constexpr const char *kTwoLayers = R"mlir(
func.func @main(%x: tensor<2xf32> {tw.name = "x"}) -> (tensor<2xf32> {tw.name = "y"}) {
  %a = tw.relu %x : (tensor<2xf32>) -> tensor<2xf32> loc("first")
  %b = tw.relu %a : (tensor<2xf32>) -> tensor<2xf32> loc(fused["second", "third"])
  return %b : tensor<2xf32>
}
)mlir";

struct Parsed {
  std::unique_ptr<MLIRContext> context = makeContext();
  OwningOpRef<ModuleOp> module;
  explicit Parsed(const char *text) : module(parseSourceString<ModuleOp>(text, context.get())) { EXPECT_TRUE(module); }
};

std::string failure(llvm::Expected<std::vector<NamedTensor>> result) {
  return result ? "no error" : llvm::toString(result.takeError());
}

TEST(InterpreterTest, InputsAreTakenByNameAndChecked) {
  Parsed parsed(kTwoLayers);
  Interpreter interpreter(*parsed.module);
  auto result = interpreter.runMain({{"x", Tensor::of<float>({2}, {-1, 3})}});
  ASSERT_TRUE(static_cast<bool>(result)) << llvm::toString(result.takeError());
  EXPECT_EQ(result->front().name, "y");
  EXPECT_EQ(result->front().tensor, Tensor::of<float>({2}, {0, 3}));
  EXPECT_EQ(failure(interpreter.runMain({{"z", Tensor::of<float>({2}, {0, 0})}})), "input 'x' is not given");
  EXPECT_EQ(failure(interpreter.runMain({{"x", Tensor::of<float>({1}, {0})}})),
            "input 'x' is float32 1, the model takes float32 2");
  EXPECT_EQ(failure(interpreter.runMain({{"x", Tensor::of<int8_t>({2}, {0, 0})}})),
            "input 'x' is int8 2, the model takes float32 2");
}

TEST(InterpreterTest, LayersHaveTheNamesOfTheirLastNodesBeforeAndAfterOutlining) {
  for (bool outlined : {false, true}) {
    Parsed parsed(kTwoLayers);
    if (outlined)
      ASSERT_TRUE(runGraphPipeline(*parsed.module, {.fuseResidual = false}));
    Interpreter interpreter(*parsed.module);
    std::vector<NamedTensor> layers;
    auto result = interpreter.runMain({{"x", Tensor::of<float>({2}, {-1, 3})}}, recordLayers(layers));
    ASSERT_TRUE(static_cast<bool>(result)) << llvm::toString(result.takeError());
    ASSERT_EQ(layers.size(), 2u);
    EXPECT_EQ(layers[0].name, "first");
    EXPECT_EQ(layers[1].name, "third");
    EXPECT_EQ(layers[1].tensor, result->front().tensor);
  }
}

TEST(InterpreterTest, AnObserverMayReplaceWhatTheNextLayerReads) {
  Parsed parsed(kTwoLayers);
  Interpreter interpreter(*parsed.module);
  auto result = interpreter.runMain({{"x", Tensor::of<float>({2}, {-1, 3})}}, [](Operation *op, Tensor &tensor) {
    if (nodeNames(op->getLoc()).front() == "first")
      tensor = Tensor::of<float>({2}, {7, -7});
  });
  ASSERT_TRUE(static_cast<bool>(result)) << llvm::toString(result.takeError());
  EXPECT_EQ(result->front().tensor, Tensor::of<float>({2}, {7, 0}));
}

TEST(InterpreterTest, AnOperationWithoutAnEvaluationIsNamed) {
  Parsed parsed(R"mlir(
    func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
      %a = math.sqrt %x : tensor<2xf32>
      return %a : tensor<2xf32>
    })mlir");
  Interpreter interpreter(*parsed.module);
  EXPECT_THAT(failure(interpreter.runMain({{"arg0", Tensor::of<float>({2}, {1, 1})}})),
              HasSubstr("the interpreter has no evaluation of 'math.sqrt'"));
}

} // namespace
} // namespace tw::ir::test
