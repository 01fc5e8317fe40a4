// SPDX-License-Identifier: Apache-2.0
#include "Blocks.h"

#include "tw/ir/GraphDialect.h"
#include "tw/ir/Passes.h"
#include "tw/ir/Register.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gmock/gmock.h>

using namespace tw;
using namespace tw::codegen;
using namespace mlir;
using testing::ElementsAre;

namespace {

struct BlocksTest : testing::Test {
  BlocksTest() {
    DialectRegistry registry;
    ir::registerGraphDialects(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
  }
  void outline(const std::string &text) {
    module = parseSourceString<ModuleOp>(text, context.get());
    ASSERT_TRUE(module);
    PassManager manager(context.get());
    manager.addPass(ir::createOutlineBlocks());
    ASSERT_TRUE(succeeded(manager.run(*module)));
  }
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
};

// `count` operators in a row, each of which the next one could join.
std::string chainOf(int count) {
  std::string text = "func.func @main(%v0: tensor<4x8xf32>) -> tensor<4x8xf32> {\n";
  for (int i = 0; i != count; ++i)
    text += "  %v" + std::to_string(i + 1) + " = tw.relu %v" + std::to_string(i) +
            " : (tensor<4x8xf32>) -> tensor<4x8xf32> loc(\"n" + std::to_string(i) + "\")\n";
  return text + "  return %v" + std::to_string(count) + " : tensor<4x8xf32>\n}";
}

} // namespace

// The work on a block grows faster than its length, so its length is bounded: 5,000 operators are 79 blocks of two
// functions, not one.
TEST_F(BlocksTest, ALongChainIsCutIntoBlocksOfBoundedLength) {
  outline(chainOf(5000));
  const Blocks blocks(*module);
  ASSERT_EQ(blocks.calls().size(), 79u);
  for (const BlockCall &call : blocks.calls())
    EXPECT_LE(call.facts.nodes.size(), 64u);
  EXPECT_EQ(blocks.calls()[0].function, blocks.calls()[77].function);
  EXPECT_EQ(blocks.calls()[1].facts.node, "n64");
}

TEST_F(BlocksTest, ACallKeepsItsOperatorsAndGetsItsLoops) {
  outline(R"(
func.func @main(%x: tensor<2x3xf32>, %y: tensor<3x4xf32>) -> tensor<2x4xf32> {
  %a = tw.matmul %x, %y : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("product")
  %b = tw.relu %a : (tensor<2x4xf32>) -> tensor<2x4xf32> loc("bound")
  return %b : tensor<2x4xf32>
})");
  const Blocks blocks(*module);
  ASSERT_EQ(blocks.calls().size(), 1u);
  const BlockCall &call = blocks.calls()[0];
  EXPECT_THAT(call.facts.nodes, ElementsAre("product", "bound"));
  EXPECT_EQ(call.facts.kind, "matmul");
  EXPECT_EQ(call.facts.macs, 24);
  EXPECT_EQ(call.facts.macsInt8, 0);
  func::FuncOp function = call.function;
  for (Operation &op : function.front())
    EXPECT_FALSE(mlir::isa<ir::GraphDialect>(op.getDialect())) << op.getName().getStringRef().str();
}

TEST_F(BlocksTest, ProductsOfBytesAreCountedApart) {
  outline(R"(
func.func @main(%x: tensor<2x3xi8>, %w: tensor<3x4xi8>) -> tensor<2x4xi8> {
  %s = tw.constant dense<0.5> : tensor<f32>
  %z = tw.constant dense<3> : tensor<i8>
  %y = tw.qmatmul %x(%s, %z), %w(%s, %z) out(%s, %z) : (tensor<2x3xi8>, tensor<f32>, tensor<i8>, tensor<3x4xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<2x4xi8>
  return %y : tensor<2x4xi8>
})");
  const Blocks blocks(*module);
  ASSERT_EQ(blocks.calls().size(), 1u);
  EXPECT_EQ(blocks.calls()[0].facts.macs, 24);
  EXPECT_EQ(blocks.calls()[0].facts.macsInt8, 24);
}
