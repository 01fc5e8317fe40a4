// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/ReadLinalg.h"

#include "Blocks.h"
#include "tw/ir/Register.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

namespace {

struct ReadLinalgTest : testing::Test {
  ReadLinalgTest() {
    mlir::DialectRegistry registry;
    ir::registerGraphDialects(registry);
    registry.insert<mlir::arith::ArithDialect, mlir::linalg::LinalgDialect, mlir::tensor::TensorDialect>();
    context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
  }

  // The block @blk as the one call of it uses it; tensors of the caller are numbered by their places.
  std::variant<Block, Renaming, Rejection> read(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(kMaps + text, context.get());
    EXPECT_TRUE(module);
    mlir::func::CallOp call;
    module->walk([&](mlir::func::CallOp found) { call = found; });
    return readBlock(module->lookupSymbol<mlir::func::FuncOp>("blk"), call, [&](mlir::Value value) {
      for (auto [i, operand] : llvm::enumerate(call.getOperands()))
        if (operand == value)
          return int(i);
      return 100;
    });
  }
  std::string blockOf(const std::string &text) {
    auto made = read(text);
    auto *rejection = std::get_if<Rejection>(&made);
    return rejection ? rejection->diag().str() : str(std::get<Block>(made));
  }

  static constexpr const char *kMaps = R"(
#d = affine_map<(i) -> (i)>
#ij = affine_map<(i, j) -> (i, j)>
#ji = affine_map<(i, j) -> (j, i)>
#i = affine_map<(i, j) -> (i)>
#window = affine_map<(i, k) -> (i * 2 + k)>
#none = affine_map<(i) -> ()>
)";
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

// The larger of an element and 5, in a form that this file's tests use again.
std::string bounded(const std::string &result, const std::string &of, const std::string &type, const std::string &maps,
                    const std::string &loops, const std::string &from = "") {
  return "  " + result + "e = tensor.empty() : " + type + "\n  " + result + " = linalg.generic {indexing_maps = [" +
         maps + "], iterator_types = [" + loops + "]} ins(" + of + " : " + (from.empty() ? type : from) + ") outs(" +
         result + "e : " + type +
         ") {\n  ^bb0(%a: i8, %o: i8):\n    %c = arith.constant 5 : i8\n"
         "    %m = arith.maxsi %a, %c : i8\n    linalg.yield %m : i8\n  } -> " +
         type + "\n";
}

} // namespace

TEST_F(ReadLinalgTest, AnElementIsReadWhereTheMapSays) {
  EXPECT_EQ(blockOf("func.func private @blk(%x: tensor<3x4xi8> {tw.role = \"image\"}) -> tensor<4x3xi8> {\n" +
                    bounded("%y", "%x", "tensor<4x3xi8>", "#ji, #ij", "\"parallel\", \"parallel\"", "tensor<3x4xi8>") +
                    "  return %y : tensor<4x3xi8>\n}\n"
                    "func.func @main(%x: tensor<3x4xi8>) -> tensor<4x3xi8> {\n"
                    "  %y = call @blk(%x) : (tensor<3x4xi8>) -> tensor<4x3xi8>\n  return %y : tensor<4x3xi8>\n}"),
            "for d0=4 d1=3\n"
            "  image: i8[3x4] at (d1, d0)\n"
            "  result: i8[4x3] at (d0, d1), written\n"
            "  each: %0 = clamp_i8(image, 5, 127)\n");
}

TEST_F(ReadLinalgTest, AProducerIsPartOfItsReader) {
  EXPECT_EQ(blockOf("func.func private @blk(%x: tensor<3x4xi8>) -> tensor<4x3xi8> {\n" +
                    bounded("%y", "%x", "tensor<3x4xi8>", "#ij, #ij", "\"parallel\", \"parallel\"") +
                    bounded("%z", "%y", "tensor<4x3xi8>", "#ji, #ij", "\"parallel\", \"parallel\"", "tensor<3x4xi8>") +
                    "  return %z : tensor<4x3xi8>\n}\n"
                    "func.func @main(%x: tensor<3x4xi8>) -> tensor<4x3xi8> {\n"
                    "  %y = call @blk(%x) : (tensor<3x4xi8>) -> tensor<4x3xi8>\n  return %y : tensor<4x3xi8>\n}"),
            "for d0=4 d1=3\n"
            "  arg0: i8[3x4] at (d1, d0)\n"
            "  result: i8[4x3] at (d0, d1), written\n"
            "  each: %0 = clamp_i8(arg0, 5, 127)\n"
            "  each: %1 = clamp_i8(%0, 5, 127)\n");
}

// y[i] = the largest of x[2*i + k - 1], of which x[-1] is padding.
TEST_F(ReadLinalgTest, PaddingIsAnAccessOutside) {
  EXPECT_EQ(blockOf(R"(
func.func private @blk(%x: tensor<4xi8>) -> tensor<2xi8> {
  %least = arith.constant -128 : i8
  %p = tensor.pad %x low[1] high[0] {
  ^bb0(%at: index):
    tensor.yield %least : i8
  } : tensor<4xi8> to tensor<5xi8>
  %k = tensor.empty() : tensor<3xi8>
  %e = tensor.empty() : tensor<2xi8>
  %f = linalg.fill ins(%least : i8) outs(%e : tensor<2xi8>) -> tensor<2xi8>
  %y = linalg.generic {indexing_maps = [#window, affine_map<(i, k) -> (k)>, #i], iterator_types = ["parallel", "reduction"]} ins(%p, %k : tensor<5xi8>, tensor<3xi8>) outs(%f : tensor<2xi8>) attrs = {tw.loops = ["row", "tap"]} {
  ^bb0(%a: i8, %unused: i8, %o: i8):
    %m = arith.maxsi %a, %o : i8
    linalg.yield %m : i8
  } -> tensor<2xi8>
  return %y : tensor<2xi8>
}
func.func @main(%x: tensor<4xi8>) -> tensor<2xi8> {
  %y = call @blk(%x) : (tensor<4xi8>) -> tensor<2xi8>
  return %y : tensor<2xi8>
})"),
            "for row=2, over tap=3\n"
            "  arg0: i8[4] at (2*row + tap - 1), outside skipped\n"
            "  result: i8[2] at (row), written\n"
            "  each: %0 = max_i8(arg0, running)\n");
}

TEST_F(ReadLinalgTest, AReshapeIsPartOfTheAccess) {
  const std::string main = "func.func @main(%x: tensor<12xi8>) -> tensor<3x4xi8> {\n"
                           "  %y = call @blk(%x) : (tensor<12xi8>) -> tensor<3x4xi8>\n  return %y : tensor<3x4xi8>\n}";
  EXPECT_EQ(blockOf("func.func private @blk(%x: tensor<12xi8>) -> tensor<3x4xi8> {\n"
                    "  %r = tensor.expand_shape %x [[0, 1]] output_shape [3, 4] : tensor<12xi8> into tensor<3x4xi8>\n" +
                    bounded("%y", "%r", "tensor<3x4xi8>", "#ij, #ij", "\"parallel\", \"parallel\"") +
                    "  return %y : tensor<3x4xi8>\n}\n" + main),
            "for d0=3 d1=4\n"
            "  arg0: i8[12] at (4*d0 + d1)\n"
            "  result: i8[3x4] at (d0, d1), written\n"
            "  each: %0 = clamp_i8(arg0, 5, 127)\n");
}

TEST_F(ReadLinalgTest, AReshapeThatWouldDivideALoopIsRefused) {
  EXPECT_EQ(blockOf("func.func private @blk(%x: tensor<3x4xi8>) -> tensor<12xi8> {\n"
                    "  %r = tensor.collapse_shape %x [[0, 1]] : tensor<3x4xi8> into tensor<12xi8>\n" +
                    bounded("%y", "%r", "tensor<12xi8>", "#d, #d", "\"parallel\"") +
                    "  return %y : tensor<12xi8>\n}\n"
                    "func.func @main(%x: tensor<3x4xi8>) -> tensor<12xi8> {\n"
                    "  %y = call @blk(%x) : (tensor<3x4xi8>) -> tensor<12xi8>\n  return %y : tensor<12xi8>\n}"),
            "layout: it reads a tensor under a shape that no access can follow");
}

TEST_F(ReadLinalgTest, AnotherShapeOfAnArgumentIsARenaming) {
  auto made = read(R"(
func.func private @blk(%y: tensor<1xi8>, %x: tensor<3x4xi8>) -> tensor<12xi8> {
  %r = tensor.collapse_shape %x [[0, 1]] : tensor<3x4xi8> into tensor<12xi8>
  return %r : tensor<12xi8>
}
func.func @main(%y: tensor<1xi8>, %x: tensor<3x4xi8>) -> tensor<12xi8> {
  %z = call @blk(%y, %x) : (tensor<1xi8>, tensor<3x4xi8>) -> tensor<12xi8>
  return %z : tensor<12xi8>
})");
  ASSERT_TRUE(std::holds_alternative<Renaming>(made));
  EXPECT_EQ(std::get<Renaming>(made).argument, 1u);
}

TEST_F(ReadLinalgTest, OperandsHaveTheCallersNumbersAndItsConstantsTheirBytes) {
  auto made = read(R"(
func.func private @blk(%x: tensor<2xi8>, %w: tensor<2x2xi8>, %one: tensor<i8>) -> tensor<2x2xi32> {
  %e = tensor.empty() : tensor<2x2xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j)>, #ij, affine_map<(i, j) -> ()>, #ij], iterator_types = ["parallel", "parallel"]} ins(%x, %w, %one : tensor<2xi8>, tensor<2x2xi8>, tensor<i8>) outs(%e : tensor<2x2xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i8, %o: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %c32 = arith.extsi %c : i8 to i32
    %s = arith.subi %a32, %c32 : i32
    %m = arith.muli %s, %b32 : i32
    linalg.yield %m : i32
  } -> tensor<2x2xi32>
  return %y : tensor<2x2xi32>
}
func.func @main(%x: tensor<2xi8>) -> tensor<2x2xi32> {
  %w = tw.constant dense<[[1, 2], [3, -4]]> : tensor<2x2xi8>
  %one = tw.constant dense<7> : tensor<i8>
  %y = call @blk(%x, %w, %one) : (tensor<2xi8>, tensor<2x2xi8>, tensor<i8>) -> tensor<2x2xi32>
  return %y : tensor<2x2xi32>
})");
  ASSERT_TRUE(std::holds_alternative<Block>(made)) << std::get<Rejection>(made).str();
  const Block &block = std::get<Block>(made);
  ASSERT_EQ(block.operands.size(), 3u);
  EXPECT_EQ(block.operands[0].tensor, 0);
  EXPECT_EQ(block.operands[0].zero, 7) << "what lanes beside it should hold";
  EXPECT_EQ(block.operands[1].tensor, 1); // a constant may be walked like a tensor
  EXPECT_EQ(*block.operands[1].constant, (std::vector<uint8_t>{1, 2, 3, 0xFC}));
  EXPECT_EQ(block.operands[2].tensor, 100);
  EXPECT_EQ(block.operands[2].elem, isa::Elem::I32);
  ASSERT_EQ(block.body.size(), 1u);
  EXPECT_EQ(block.body[0].primitive, "mul_zp");
  EXPECT_EQ(block.body[0].args[1].value, 7); // an integer of one element is a number
}

TEST_F(ReadLinalgTest, ASumBehindASumIsRefused) {
  EXPECT_EQ(blockOf(R"(
func.func private @blk(%x: tensor<3x4xi8>) -> tensor<i32> {
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<3xi32>
  %f = linalg.fill ins(%zero : i32) outs(%e : tensor<3xi32>) -> tensor<3xi32>
  %y = linalg.generic {indexing_maps = [#ij, #i], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<3x4xi8>) outs(%f : tensor<3xi32>) {
  ^bb0(%a: i8, %o: i32):
    %w = arith.extsi %a : i8 to i32
    %s = arith.addi %o, %w : i32
    linalg.yield %s : i32
  } -> tensor<3xi32>
  %e1 = tensor.empty() : tensor<i32>
  %f1 = linalg.fill ins(%zero : i32) outs(%e1 : tensor<i32>) -> tensor<i32>
  %z = linalg.generic {indexing_maps = [#d, #none], iterator_types = ["reduction"]} ins(%y : tensor<3xi32>) outs(%f1 : tensor<i32>) {
  ^bb0(%a: i32, %o: i32):
    %s = arith.addi %o, %a : i32
    linalg.yield %s : i32
  } -> tensor<i32>
  return %z : tensor<i32>
}
func.func @main(%x: tensor<3x4xi8>) -> tensor<i32> {
  %y = call @blk(%x) : (tensor<3x4xi8>) -> tensor<i32>
  return %y : tensor<i32>
})"),
            "signature: its loops are two reductions, one behind the other, and a chain of instructions has one");
}

TEST_F(ReadLinalgTest, FloatsAreRefused) {
  EXPECT_EQ(blockOf(R"(
func.func private @blk(%x: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.generic {indexing_maps = [#d, #d], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %a, %a : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = call @blk(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
})"),
            "dtype: it computes in float32");
}
