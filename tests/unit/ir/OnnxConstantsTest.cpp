// SPDX-License-Identifier: Apache-2.0
// What is known when a model is compiled: computed from constants, or given by --const.
#include "OnnxBuilder.h"
#include "OnnxImporting.h"

#include "tw/ir/Constants.h"

#include "mlir/IR/DialectResourceBlobManager.h"

#include <gmock/gmock.h>

using namespace mlir;

namespace tw::ir::test {
namespace {

using ::testing::HasSubstr;

constexpr int kInt64 = ::onnx::TensorProto_DataType_INT64, kInt8 = ::onnx::TensorProto_DataType_INT8;

// Reshapes x [2, 3] to what the nodes before it compute as "shape".
OnnxBuilder reshape(std::vector<std::string> result) {
  OnnxBuilder b(25);
  b.input("x", {"2", "3"}).output("y", result);
  b.node("Reshape", {"x", "shape"}, "y");
  return b;
}

TEST(OnnxConstantsTest, ShapeArithmeticIsFoldedAway) {
  OnnxBuilder b = reshape({"3", "2"});
  b.integers("three", {1}, {3});
  b.integers("two", {}, {2});
  b.integers("axis", {1}, {0});
  b.node("Unsqueeze", {"two", "axis"}, "twos");
  b.node("Concat", {"three", "twos"}, "pair");
  OnnxBuilder::attribute(*b.graph().mutable_node(2), "axis", int64_t(0));
  b.node("Identity", {"pair"}, "shape");
  Import import(b.bytes());
  EXPECT_EQ(import.run({floats({2, 3}, {1, 2, 3, 4, 5, 6})})[0], floats({3, 2}, {1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(import.count<ConstantOp>() + import.count<ConcatOp>(), 0);
}

TEST(OnnxConstantsTest, AFoldedWeightKeepsItsNameAndADequantisedOneItsIntegers) {
  OnnxBuilder b;
  b.input("x", {"2"}).output("y", {"2"}).output("z", {"2", "1"});
  b.floats("w", {2, 1}, {1, 2});
  b.node("Flatten", {"w"}, "flat");
  OnnxBuilder::attribute(*b.graph().mutable_node(0), "axis", int64_t(0));
  b.node("Squeeze", {"flat"}, "v");
  b.node("Add", {"x", "v"}, "y");
  b.integers("q", {2, 1}, {3, 4}, kInt8);
  b.floats("s", {}, {0.5});
  b.node("DequantizeLinear", {"q", "s"}, "z");
  Import import(b.bytes());
  ASSERT_TRUE(import.module) << import.text();
  EXPECT_EQ(import.count<ReshapeOp>(), 0);
  EXPECT_EQ(import.count<DequantizeOp>(), 1);
  import.module->walk([](AddOp op) { EXPECT_EQ(nodeNames(op.getRhs().getLoc()).front(), "w"); });
}

TEST(OnnxConstantsTest, ConstantsOfOneNameAreNumbered) {
  auto context = makeContext();
  OpBuilder builder(context.get());
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
  builder.setInsertionPointToEnd(module->getBody());
  const Tensor tensor(ElementType::F32, {20});
  const int count = 1000;
  std::string last;
  for (int i = 0; i < count; ++i)
    last = cast<DenseResourceElementsAttr>(makeConstant(builder, builder.getUnknownLoc(), "w", tensor).getValue())
               .getRawHandle()
               .getKey()
               .str();
  EXPECT_EQ(last, "w_" + std::to_string(count - 1));
}

TEST(OnnxConstantsTest, AGivenInputIsNoArgument) {
  OnnxBuilder b = reshape({"3", "2"});
  b.input("shape", {"2"}, kInt64);
  for (std::string text : {"3,2", "[3, 2]", " 3 , -1"}) {
    Import import(b.bytes(), {.constants = {{"shape", {text, {}}}}});
    EXPECT_EQ(import.run({floats({2, 3}, {1, 2, 3, 4, 5, 6})})[0], floats({3, 2}, {1, 2, 3, 4, 5, 6})) << text;
    EXPECT_EQ(import.module->lookupSymbol<func::FuncOp>("main").getNumArguments(), 1u);
  }
  Import tensor(b.bytes(), {.constants = {{"shape", {"", Tensor::of<int64_t>({2}, {3, 2})}}}});
  ASSERT_TRUE(tensor.module) << tensor.text();
  EXPECT_EQ((*tensor.module)->getAttrOfType<DictionaryAttr>("tw.constants").getAs<StringAttr>("shape").str(),
            "int64 2: 3, 2");
}

TEST(OnnxConstantsTest, AGivenInputMustFit) {
  OnnxBuilder b = reshape({"3", "2"});
  b.input("shape", {"2"}, kInt64);
  auto text = [&](const OnnxConstant &given, const char *name = "shape") {
    return Import(b.bytes(), {.constants = {{name, given}}}).text();
  };
  EXPECT_THAT(text({"3", {}}), HasSubstr("--const shape: has 1 values, the input 2 needs 2"));
  EXPECT_THAT(text({"3,x", {}}), HasSubstr("--const shape: 'x' is no int64"));
  EXPECT_THAT(text({"3,2.5", {}}), HasSubstr("--const shape: '2.5' is no int64"));
  EXPECT_THAT(text({"", floats({2}, {3, 2})}), HasSubstr("--const shape: is float32, the input is int64"));
  EXPECT_THAT(text({"", Tensor::of<int64_t>({1}, {3})}), HasSubstr("--const shape: is 1, the input is 2"));
  EXPECT_THAT(text({"3,2", {}}, "shapes"), HasSubstr("--const shapes: names no input of the model"));
  OnnxBuilder narrow;
  narrow.input("x", {"1"}).input("n", {}, kInt8).output("y", {"1"});
  narrow.node("Relu", {"x"}, "y");
  EXPECT_THAT(Import(narrow.bytes(), {.constants = {{"n", {"200", {}}}}}).text(), HasSubstr("'200' is no int8"));
}

TEST(OnnxConstantsTest, AGivenInputBindsTheFreeDimensionsThatItHas) {
  OnnxBuilder b;
  b.input("x", {"N"}).input("w", {"N"}).output("y", {"N"});
  b.node("Add", {"x", "w"}, "y");
  Import import(b.bytes(), {.constants = {{"w", {"1, 2, 3", {}}}}});
  EXPECT_EQ(import.run({floats({3}, {1, 1, 1})})[0], floats({3}, {2, 3, 4}));
  EXPECT_THAT(Import(b.bytes(), {.dims = {{"N", 2}}, .constants = {{"w", {"", floats({3}, {1, 2, 3})}}}}).text(),
              HasSubstr("--const w: is 3, the input is 2"));
}

} // namespace
} // namespace tw::ir::test
