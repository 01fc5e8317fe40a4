// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/OnnxImport.h"

#include "OnnxBuilder.h"
#include "OnnxImporting.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

#include <gmock/gmock.h>
#include <onnx/defs/schema.h>

#include <random>

using namespace mlir;

namespace tw::ir::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Relu over a vector: the smallest right model.
OnnxBuilder smallModel(int64_t opset = 13) {
  OnnxBuilder b(opset);
  b.input("x", {"2"}).output("y", {"2"});
  b.node("Relu", {"x"}, "y");
  return b;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Bad input
//===--------------------------------------------------------------------------------------------------------------===//

TEST(OnnxImportTest, AnEmptyFileIsAnError) { EXPECT_EQ(Import("").text(), "m.onnx: file: is empty\n"); }

TEST(OnnxImportTest, AFileThatIsNotProtobufIsAnError) {
  EXPECT_THAT(Import("this is no model, it is text").text(), HasSubstr("m.onnx: file: "));
}

TEST(OnnxImportTest, EveryTruncationIsAnErrorOrAValidModelButNeverACrash) {
  std::string bytes = smallModel().bytes();
  for (size_t length = 1; length < bytes.size(); ++length) {
    Import import(bytes.substr(0, length));
    EXPECT_EQ(static_cast<bool>(import.module), import.problems.empty()) << length;
  }
}

TEST(OnnxImportTest, CorruptBytesNeverCrash) {
  std::string good = smallModel().bytes();
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    std::string bytes = good;
    for (int change = 0; change < 3; ++change)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    Import import(bytes);
    EXPECT_EQ(static_cast<bool>(import.module), import.problems.empty());
  }
}

TEST(OnnxImportTest, AModelWithoutAGraphIsAnError) {
  ::onnx::ModelProto model;
  model.set_ir_version(7);
  EXPECT_THAT(Import(model.SerializeAsString()).text(), HasSubstr("holds no graph"));
}

TEST(OnnxImportTest, AllUnsupportedOperatorsAreReportedAtOnce) {
  OnnxBuilder b;
  b.input("x", {"2"}).output("y", {"2"});
  b.node("SequenceLength", {"x"}, "a");
  b.node("Relu", {"a"}, "b");
  b.node("PackedAttention", {"b"}, "y").set_domain("com.microsoft");
  EXPECT_EQ(
      Import(b.bytes()).text(),
      "m.onnx: node 'n_a': operator SequenceLength is not supported: it works on sequences of tensors, and values "
      "here are tensors\n"
      "m.onnx: node 'n_y': operator com.microsoft::PackedAttention is not supported: it is a whole attention layer; "
      "optimise the model without transformer fusions\n");
}

TEST(OnnxImportTest, AnOpsetOutsideTheRangeIsRefusedByNumber) {
  EXPECT_THAT(Import(smallModel(26).bytes()).text(), HasSubstr("model: uses opset 26, opsets 1 to 25 are supported"));
  EXPECT_THAT(Import(smallModel(0).bytes()).text(), HasSubstr("model: uses opset 0"));
  OnnxBuilder none = smallModel();
  none.model.clear_opset_import();
  EXPECT_THAT(Import(none.bytes()).text(), HasSubstr("names no opset version"));
}

TEST(OnnxImportTest, EveryOpsetUpToTheNewestIsRead) {
  for (int64_t opset = kOldestOpset; opset <= kNewestOpset; ++opset)
    EXPECT_EQ(Import(smallModel(opset).bytes()).text(), "") << opset;
}

TEST(OnnxImportTest, AnIrVersionOutsideTheRangeIsRefusedByNumber) {
  auto text = [](int64_t version) {
    OnnxBuilder b = smallModel();
    b.model.set_ir_version(version);
    return Import(b.bytes()).text();
  };
  EXPECT_EQ(text(3), "");
  EXPECT_EQ(text(13), "");
  EXPECT_EQ(text(2), "m.onnx: model: has IR version 2, IR versions 3 to 13 are supported; save it again with one of "
                     "them\n");
  EXPECT_THAT(text(14), HasSubstr("has IR version 14"));
}

TEST(OnnxImportTest, ADomainHasOperatorsOfItsOwn) {
  OnnxBuilder b;
  b.input("x", {"2"}).output("y", {"2"});
  b.node("Relu", {"x"}, "y").set_domain("com.microsoft");
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("operator com.microsoft::Relu is not supported"));
  b.graph().mutable_node(0)->set_domain("ai.onnx");
  EXPECT_EQ(Import(b.bytes()).text(), "");
}

TEST(OnnxImportTest, MoreNodesThanMemoryHoldsAreRefused) {
  OnnxBuilder b;
  b.input("x", {"2"}).output("n200000", {"2"});
  std::string last = "x";
  for (int i = 0; i <= 200'000; ++i) {
    const std::string next = "n" + std::to_string(i);
    b.node("Relu", {last}, next);
    last = next;
  }
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("graph: has 200001 nodes, more than 200000"));
}

TEST(OnnxImportTest, AnOperatorThatTheOpsetDoesNotHaveIsRefused) {
  OnnxBuilder b(9);
  b.input("x", {"2"}).output("y", {"2"}, ::onnx::TensorProto_DataType_UINT8);
  b.floats("s", {}, {1});
  b.node("QuantizeLinear", {"x", "s"}, "y");
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("operator QuantizeLinear does not exist in opset 9"));
}

TEST(OnnxImportTest, AFreeDimensionIsAnErrorUntilItIsBound) {
  OnnxBuilder b;
  b.input("x", {"N", "2"}).output("y", {"N", "2"});
  b.node("Relu", {"x"}, "y");
  EXPECT_THAT(Import(b.bytes()).text(),
              HasSubstr("input 'x': dimension 0 ('N') is not bound; give it a value, for example --dim N=1"));
  Import bound(b.bytes(), {.dims = {{"N", 3}}});
  EXPECT_EQ(bound.run({floats({3, 2}, {-1, 1, -2, 2, -3, 3})})[0], floats({3, 2}, {0, 1, 0, 2, 0, 3}));
  EXPECT_EQ((*bound.module)->getAttrOfType<DictionaryAttr>("tw.dims").getAs<IntegerAttr>("N").getInt(), 3);
}

TEST(OnnxImportTest, AFreeDimensionWithoutANameGetsOne) {
  for (std::string name : {"", "?", "None", "-1"}) {
    OnnxBuilder b;
    b.input("x", {name, name}).output("y", {name, name});
    b.node("Relu", {"x"}, "y");
    EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("--dim x_dim0=1")) << name;
    EXPECT_TRUE(Import(b.bytes(), {.dims = {{"x_dim0", 1}, {"x_dim1", 2}}}).module) << name;
  }
}

TEST(OnnxImportTest, MinusOneIsAFreeDimension) {
  OnnxBuilder b;
  b.input("x", {"-1", "2"}).output("y", {"-1", "2"});
  b.node("Relu", {"x"}, "y");
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("dimension 0 ('x_dim0') is not bound"));
  EXPECT_TRUE(Import(b.bytes(), {.dims = {{"x_dim0", 3}}}).module);
}

TEST(OnnxImportTest, ABindingOfNoDimensionIsAnError) {
  EXPECT_THAT(Import(smallModel().bytes(), {.dims = {{"M", 3}}}).text(),
              HasSubstr("--dim M: names no dimension of the model"));
}

TEST(OnnxImportTest, DimensionsThatCannotBeAreErrors) {
  for (std::string dim : {"-3", "9223372036854775807"}) {
    OnnxBuilder b;
    b.input("x", {"4", dim}).output("y", {"4", dim});
    b.node("Relu", {"x"}, "y");
    EXPECT_THAT(Import(b.bytes()).text(),
                HasSubstr("input 'x': dimension 1 is " + dim + ", which is not a usable extent"));
  }
}

TEST(OnnxImportTest, AnInputOfUnknownRankOrTypeIsAnError) {
  OnnxBuilder b = smallModel();
  b.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("input 'x': is not a tensor of known rank"));
  b = smallModel();
  b.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(::onnx::TensorProto_DataType_STRING);
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("input 'x': is string, which is not supported"));
}

TEST(OnnxImportTest, ACycleIsAnError) {
  OnnxBuilder b;
  b.input("x", {"2"}).output("y", {"2"});
  b.node("Add", {"x", "b"}, "a");
  b.node("Relu", {"a"}, "b");
  b.node("Relu", {"b"}, "y");
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("node 'n_a': depends on its own result: the graph has a cycle"));
}

TEST(OnnxImportTest, ADanglingNameIsAnError) {
  OnnxBuilder b;
  b.input("x", {"2"}).output("y", {"2"});
  b.node("Add", {"x", "ghost"}, "y");
  EXPECT_THAT(Import(b.bytes()).text(),
              HasSubstr("node 'n_y': input 'ghost' is produced by no node, initializer or graph input"));
  b = smallModel();
  b.graph().mutable_output(0)->set_name("ghost");
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("output 'ghost': is produced by no node"));
}

TEST(OnnxImportTest, ANameProducedTwiceIsAnError) {
  OnnxBuilder b = smallModel();
  b.node("Sigmoid", {"x"}, "y");
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("output 'y' is produced twice"));
}

TEST(OnnxImportTest, NodesMayStandInAnyOrder) {
  OnnxBuilder b;
  b.input("x", {"2"}).output("y", {"2"});
  b.node("Relu", {"a"}, "y");
  b.node("Add", {"x", "x"}, "a");
  EXPECT_EQ(Import(b.bytes()).run({floats({2}, {-1, 2})})[0], floats({2}, {0, 4}));
}

TEST(OnnxImportTest, InitializersWithTheWrongAmountOfDataAreErrors) {
  auto with = [](auto change) {
    OnnxBuilder b;
    b.input("x", {"2"}).output("y", {"2"});
    change(b);
    b.node("Add", {"x", "w"}, "y");
    return Import(b.bytes()).text();
  };
  EXPECT_THAT(with([](OnnxBuilder &b) { b.floats("w", {2}, {1}); }), HasSubstr("has 1 values, the shape 2 needs 2"));
  EXPECT_THAT(with([](OnnxBuilder &b) { b.floats("w", {2}, {}).set_raw_data("12345"); }),
              HasSubstr("has 5 bytes of data, the shape 2 needs 8"));
  EXPECT_THAT(with([](OnnxBuilder &b) { b.floats("w", {-2}, {1}); }), HasSubstr("dimension -2 is negative"));
  EXPECT_THAT(with([](OnnxBuilder &b) { b.floats("w", {1 << 30, 1 << 30}, {1}); }), HasSubstr("has more than"));
  EXPECT_THAT(
      with([](OnnxBuilder &b) { b.floats("w", {2}, {1, 2}).set_data_type(::onnx::TensorProto_DataType_COMPLEX64); }),
      HasSubstr("initializer 'w': is complex64, which is not supported"));
  EXPECT_THAT(with([](OnnxBuilder &b) { b.floats("w", {3}, {1, 2, 3}); }),
              HasSubstr("node 'n_y' (Add): shapes 2 and 3 do not broadcast"));
}

TEST(OnnxImportTest, ADeclaredShapeOfAnOutputThatTheGraphDoesNotComputeIsNoted) {
  const auto noted = [](const std::vector<std::string> &declared) {
    OnnxBuilder b;
    b.input("x", {"2", "3"}).output("y", declared);
    b.node("Relu", {"x"}, "y");
    Import import(b.bytes());
    EXPECT_EQ(import.run({floats({2, 3}, {-1, 1, -2, 2, -3, 3})})[0], floats({2, 3}, {0, 1, 0, 2, 0, 3}));
    auto notes = (*import.module)->getAttrOfType<ArrayAttr>("tw.notes");
    return notes ? llvm::cast<StringAttr>(notes[0]).str() : "";
  };
  EXPECT_EQ(noted({"2", "4"}), "output 'y' is declared as 2x4, the graph computes 2x3, which it gets");
  EXPECT_EQ(noted({"1", "N"}), "output 'y' is declared as 1x?, the graph computes 2x3, which it gets");
  EXPECT_EQ(noted({"2", "N", "-1"}), "output 'y' is declared as 2x?x?, the graph computes 2x3, which it gets");
  EXPECT_EQ(noted({"M", "-1"}), "");
}

TEST(OnnxImportTest, ADeclaredTypeOfAnOutputMustBeWhatTheGraphComputes) {
  OnnxBuilder type;
  type.input("x", {"2"}).output("y", {"2"}, ::onnx::TensorProto_DataType_INT8);
  type.node("Relu", {"x"}, "y");
  EXPECT_THAT(Import(type.bytes()).text(), HasSubstr("output 'y': is declared as int8, the graph computes float32"));
}

TEST(OnnxImportTest, ShapeProblemsNameTheNodeAndBothValues) {
  OnnxBuilder b;
  b.input("x", {"1", "3", "8", "8"}).output("y", {"1", "4", "8", "8"});
  b.floats("w", {4, 2, 1, 1}, std::vector<float>(8));
  b.node("Conv", {"x", "w"}, "y");
  EXPECT_THAT(Import(b.bytes()).text(),
              AllOf(HasSubstr("node 'n_y' (Conv): input has 3 channels"), HasSubstr("needs 2")));
  OnnxBuilder reshape;
  reshape.input("x", {"2", "3"}).output("y", {"4"});
  reshape.integers("s", {1}, {4});
  reshape.node("Reshape", {"x", "s"}, "y");
  EXPECT_THAT(Import(reshape.bytes()).text(), HasSubstr("cannot reshape 2x3 (6 elements) to 4"));
}

TEST(OnnxImportTest, ExtentsWhoseProductOverflowsAreErrors) {
  auto reshaped = [](std::vector<int64_t> to) {
    OnnxBuilder b;
    b.input("x", {"4"}).output("y", {"4"});
    b.integers("s", {int64_t(to.size())}, to);
    b.node("Reshape", {"x", "s"}, "y");
    return Import(b.bytes()).text();
  };
  const int64_t big = int64_t(1) << 33;
  EXPECT_THAT(reshaped({big, big}), HasSubstr("cannot reshape 4 (4 elements) to 8589934592x8589934592"));
  EXPECT_THAT(reshaped({big, big / 4, -1}), HasSubstr("cannot reshape 4 (4 elements)"));
  EXPECT_THAT(reshaped({big, big, big, 8, -1}), HasSubstr("cannot reshape 4 (4 elements)"));
}

TEST(OnnxImportTest, NumbersThatNoWindowHasAreErrors) {
  const int64_t big = std::numeric_limits<int64_t>::max();
  for (std::string name : {"strides", "dilations", "kernel_shape"}) {
    OnnxBuilder b;
    b.input("x", {"1", "1", "4", "4"}).output("y", {"1", "1", "4", "4"});
    auto &pool = b.node("MaxPool", {"x"}, "y");
    if (name != "kernel_shape")
      OnnxBuilder::attribute(pool, "kernel_shape", std::vector<int64_t>{2, 2});
    OnnxBuilder::attribute(pool, name, std::vector<int64_t>{big, big});
    EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("must be from 1 to 2147483648")) << name;
  }
  OnnxBuilder pad;
  pad.input("x", {"2"}).output("y", {"2"});
  pad.integers("p", {2}, {big, 1});
  pad.node("Pad", {"x", "p"}, "y");
  EXPECT_THAT(Import(pad.bytes()).text(), HasSubstr("padding of 9223372036854775807 is more than 2147483648"));
}

TEST(OnnxImportTest, ScalesOfAResizeMustFitItsInput) {
  auto resized = [](std::vector<float> scales) {
    OnnxBuilder b(11);
    b.input("x", {"2", "2"}).output("y", {"2", "2"});
    b.floats("roi", {0}, {});
    b.floats("s", {int64_t(scales.size())}, scales);
    OnnxBuilder::attribute(b.node("Resize", {"x", "roi", "s"}, "y"), "unused", int64_t(0));
    return Import(b.bytes()).text();
  };
  EXPECT_THAT(resized({1, 1, 1}), HasSubstr("has 3 scales for an input of shape 2x2"));
  EXPECT_THAT(resized({1}), HasSubstr("has 1 scales for an input of shape 2x2"));
  EXPECT_THAT(resized({1, std::numeric_limits<float>::quiet_NaN()}),
              HasSubstr("cannot resize dimension 1 of 2x2 by the scale nan"));
  EXPECT_THAT(resized({1e30f, 1}), HasSubstr("cannot resize dimension 0 of 2x2"));
}

// A row of four doubled with half-pixel coordinates: weights are quarters.
std::string linearResize(int type) {
  OnnxBuilder b;
  b.input("x", {"4"}, type).output("y", {"8"}, type);
  b.floats("s", {1}, {2});
  auto &mode = *b.node("Resize", {"x", "", "s"}, "y").add_attribute();
  mode.set_name("mode");
  mode.set_type(::onnx::AttributeProto_AttributeType_STRING);
  mode.set_s("linear");
  return b.bytes();
}

TEST(OnnxImportTest, AResizeInterpolatesBytesAndDropsTheFraction) {
  // -112 * 3/4 + 42/4 = -73.5, -112/4 + 42 * 3/4 = 3.5, 42 * 3/4 + 61/4 = 46.75, 42/4 + 61 * 3/4 = 56.25, ...
  Import bytes(linearResize(::onnx::TensorProto_DataType_INT8));
  EXPECT_EQ(bytes.run({Tensor::of<int8_t>({4}, {-112, 42, 61, -37})}).front(),
            Tensor::of<int8_t>({8}, {-112, -73, 3, 46, 56, 36, -12, -37}));
  Import unsignedBytes(linearResize(::onnx::TensorProto_DataType_UINT8));
  const Tensor x = Tensor::of<uint8_t>({4}, {16, 170, 189, 91});
  const Tensor y = Tensor::of<uint8_t>({8}, {16, 54, 131, 174, 184, 164, 115, 91});
  EXPECT_EQ(unsignedBytes.run({x}).front(), y);
  ASSERT_TRUE(runGraphPipeline(*unsignedBytes.module));
  EXPECT_EQ(unsignedBytes.run({x}).front(), y) << "as int8 less 128";
}

TEST(OnnxImportTest, AResizeInterpolatesWiderIntegersToo) {
  EXPECT_EQ(Import(linearResize(::onnx::TensorProto_DataType_INT32))
                .run({Tensor::of<int32_t>({4}, {-112, 42, 61, -37})})
                .front(),
            Tensor::of<int32_t>({8}, {-112, -73, 3, 46, 56, 36, -12, -37}));
  // More than float32 holds.
  EXPECT_EQ(Import(linearResize(::onnx::TensorProto_DataType_INT64))
                .run({Tensor::of<int64_t>({4}, {400000004, 400000008, 0, 4})})
                .front(),
            Tensor::of<int64_t>({8}, {400000004, 400000005, 400000007, 300000006, 100000002, 1, 3, 4}));
}

// A scale that gives no whole length: the formulas divide by the length that it asks for.
TEST(OnnxImportTest, AResizeDividesByTheLengthThatItsScaleAsksFor) {
  auto resized = [](const char *coordinates, float scale, std::vector<float> roi, std::vector<float> x) {
    OnnxBuilder b(18);
    b.input("x", {std::to_string(x.size())}).output("y", {std::to_string(int(float(x.size()) * scale))});
    b.floats("roi", {2}, roi).set_name("roi");
    b.floats("s", {1}, {scale});
    auto &node = b.node("Resize", {"x", "roi", "s"}, "y");
    OnnxBuilder::text(node, "mode", "linear");
    OnnxBuilder::text(node, "coordinate_transformation_mode", coordinates);
    const Tensor y = Import(b.bytes()).run({floats({int64_t(x.size())}, x)})[0];
    return std::vector<float>(y.data<float>(), y.data<float>() + y.size());
  };
  using ::testing::FloatEq;
  EXPECT_THAT(resized("tf_crop_and_resize", 1.5f, {0, 1}, {0, 7, 14}),
              ::testing::ElementsAre(FloatEq(0), FloatEq(4), FloatEq(8), FloatEq(12)));
  EXPECT_THAT(resized("tf_crop_and_resize", 0.3f, {0.25f, 1}, {0, 1, 2, 3, 4}), ::testing::ElementsAre(FloatEq(1)));
  EXPECT_THAT(resized("tf_crop_and_resize", 0.2f, {0.25f, 1}, {0, 1, 2, 3, 4}), ::testing::ElementsAre(FloatEq(2.5f)));
  EXPECT_THAT(resized("pytorch_half_pixel", 0.3f, {0, 1}, {0, 6, 12, 18, 24}), ::testing::ElementsAre(FloatEq(7)));
  EXPECT_THAT(resized("pytorch_half_pixel", 0.2f, {0, 1}, {0, 6, 12, 18, 24}), ::testing::ElementsAre(FloatEq(0)));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Tensors without elements
//===--------------------------------------------------------------------------------------------------------------===//

// One node on x of these dimensions and w, a constant without elements of those; the result, or what is said.
struct Nothing {
  OnnxBuilder b{18};
  ::onnx::NodeProto &node;

  Nothing(const char *type, std::vector<std::string> input, std::vector<int64_t> constant)
      : node(b.input("x", input).output("y", {}).node(type, {"x", "w"}, "y")) {
    b.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
    b.floats("w", constant, {});
  }
  std::string text() const { return Import(b.bytes()).text(); }
  Tensor result(const Tensor &x) const { return Import(b.bytes()).run({x}).at(0); }
};

TEST(OnnxImportTest, WhatHasNoElementsIsKnownWhateverComputesIt) {
  EXPECT_EQ(Nothing("MatMul", {"2", "3"}, {3, 0}).result(floats({2, 3}, {1, 2, 3, 4, 5, 6})),
            Tensor(ElementType::F32, {2, 0}));
  EXPECT_EQ(Nothing("Gemm", {"2", "3"}, {3, 0}).result(floats({2, 3}, {1, 2, 3, 4, 5, 6})),
            Tensor(ElementType::F32, {2, 0}));
  EXPECT_EQ(Nothing("Add", {"1"}, {0}).result(floats({1}, {1})), Tensor(ElementType::F32, {0}));
  Nothing concat("Concat", {"2", "3"}, {2, 0});
  OnnxBuilder::attribute(concat.node, "axis", int64_t(1));
  EXPECT_EQ(concat.result(floats({2, 3}, {1, 2, 3, 4, 5, 6})), floats({2, 3}, {1, 2, 3, 4, 5, 6}));
  // No product of nothing with nothing.
  EXPECT_EQ(Nothing("MatMul", {"2", "0"}, {0, 3}).result(Tensor(ElementType::F32, {2, 0})),
            Tensor(ElementType::F32, {2, 3}));
  EXPECT_THAT(Nothing("Conv", {"1", "3", "4", "4"}, {0, 3, 1, 1}).text(),
              HasSubstr("node 'n_y' (Conv): a weight of 0x3x1x1 has no element to compute with"));
  EXPECT_THAT(Nothing("Add", {"2"}, {0}).text(), HasSubstr("shapes 2 and 0 do not broadcast"));
}

TEST(OnnxImportTest, AnInputWithoutElementsIsReadByNobody) {
  OnnxBuilder b(13);
  b.input("x", {"2", "3"}).input("axes", {"0"}, ::onnx::TensorProto_DataType_INT64).output("y", {"1", "1"});
  b.node("ReduceSum", {"x", "axes"}, "y");
  Import import(b.bytes());
  EXPECT_EQ(import.run({floats({2, 3}, {1, 2, 3, 4, 5, 6}), Tensor(ElementType::I64, {0})})[0], floats({1, 1}, {21}));
  EXPECT_TRUE(import.module->lookupSymbol<func::FuncOp>("main").getArgument(1).use_empty());
}

TEST(OnnxImportTest, AReductionOfNothingIsItsNeutralElement) {
  auto reduced = [](const char *type) {
    OnnxBuilder b(18);
    b.input("x", {"2", "0"}).output("y", {"2"});
    b.integers("axes", {1}, {1});
    OnnxBuilder::attribute(b.node(type, {"x", "axes"}, "y"), "keepdims", int64_t(0));
    return Import(b.bytes()).run({Tensor(ElementType::F32, {2, 0})})[0].data<float>()[1];
  };
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(reduced("ReduceSum"), 0);
  EXPECT_EQ(reduced("ReduceProd"), 1);
  EXPECT_EQ(reduced("ReduceMax"), -kInfinity);
  EXPECT_EQ(reduced("ReduceMin"), kInfinity);
  EXPECT_EQ(reduced("ReduceLogSum"), -kInfinity);
  EXPECT_TRUE(std::isnan(reduced("ReduceMean")));
}

// What iterations would collect, of the type that the body says: none.
TEST(OnnxImportTest, ALoopWithoutIterationsCollectsNothing) {
  OnnxBuilder body;
  body.input("trip", {}, ::onnx::TensorProto_DataType_INT64).input("on", {}, ::onnx::TensorProto_DataType_BOOL);
  body.input("s", {"2"})
      .output("on_out", {}, ::onnx::TensorProto_DataType_BOOL)
      .output("s_out", {"2"})
      .output("c", {"2", "1"});
  body.node("Identity", {"on"}, "on_out");
  body.node("Relu", {"s"}, "s_out");
  body.integers("shape", {2}, {2, 1});
  body.node("Reshape", {"s_out", "shape"}, "c");
  OnnxBuilder b(13);
  b.input("x", {"2"}).output("y", {"2"}).output("z", {"0", "2", "1"});
  b.integers("trips", {}, {0});
  auto &loop = b.node("Loop", {"trips", "", "x"}, "y");
  loop.add_output("z");
  OnnxBuilder::attribute(loop, "body", body.graph());
  auto results = Import(b.bytes()).run({floats({2}, {-1, 2})});
  EXPECT_EQ(results.at(0), floats({2}, {-1, 2}));
  EXPECT_EQ(results.at(1), Tensor(ElementType::F32, {0, 2, 1}));
}

// How many boxes are selected is known when it runs: that there are none is not taken from the model.
TEST(OnnxImportTest, AResultThatMayHaveElementsIsNotTakenForNone) {
  auto selected = [](const std::string &boxes) {
    OnnxBuilder b(11);
    b.input("b", {"1", boxes, "4"})
        .input("s", {"1", "1", boxes})
        .output("y", {"0", "3"}, ::onnx::TensorProto_DataType_INT64);
    b.node("NonMaxSuppression", {"b", "s"}, "y");
    return Import(b.bytes()).text();
  };
  EXPECT_THAT(selected("6"), HasSubstr("has a result of 0x3, and whether it has no elements is known when it runs"));
  EXPECT_EQ(selected("0"), "");
}

TEST(OnnxImportTest, AShapeThatAnInputDecidesIsRefusedAndTheInputNamed) {
  OnnxBuilder b;
  b.input("x", {"2"}).input("s", {"1"}, ::onnx::TensorProto_DataType_INT64).output("y", {"2"});
  b.node("Reshape", {"x", "s"}, "y");
  EXPECT_THAT(
      Import(b.bytes()).text(),
      HasSubstr("node 'n_y' (Reshape): shape (input 1) must be a constant, it is the graph input 's'; if its value "
                "is known, give it: --const s=VALUE"));
  b.node("Identity", {"s"}, "t");
  OnnxBuilder::attribute(b.node("Concat", {"t"}, "u"), "axis", int64_t(0));
  b.graph().mutable_node(0)->set_input(1, "u");
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("it is computed from the graph input 's'; if its value is known"));
}

TEST(OnnxImportTest, AProblemIsNotRepeatedByTheNodesBelow) {
  OnnxBuilder b;
  b.input("x", {"2"}).output("y", {"2"});
  b.floats("w", {3}, {1, 2, 3});
  b.node("Add", {"x", "w"}, "a");
  b.node("Relu", {"a"}, "y");
  EXPECT_EQ(Import(b.bytes()).problems.size(), 1u);
}

TEST(OnnxImportTest, AScaleThatIsNotPositiveIsAnError) {
  for (float scale : {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    OnnxBuilder b;
    b.input("x", {"2"}).output("y", {"2"}, ::onnx::TensorProto_DataType_UINT8);
    b.floats("s", {}, {scale});
    b.node("QuantizeLinear", {"x", "s"}, "y");
    const std::string text = Import(b.bytes()).text();
    EXPECT_THAT(text, HasSubstr("a scale must be positive and finite"));
    EXPECT_EQ(text.find("calibrated over infinities") != std::string::npos, std::isinf(scale)) << text;
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// Forms that mean the same
//===--------------------------------------------------------------------------------------------------------------===//

TEST(OnnxImportTest, NodeAndTensorNamesSurvive) {
  Import import(smallModel().bytes());
  ASSERT_TRUE(import.module) << import.text();
  import.module->walk([](ReluOp op) { EXPECT_THAT(nodeNames(op.getLoc()), ::testing::ElementsAre("n_y")); });
  auto main = import.module->lookupSymbol<func::FuncOp>("main");
  EXPECT_EQ(argumentName(main, 0), "x");
  EXPECT_EQ(resultName(main, 0), "y");
}

TEST(OnnxImportTest, AnInputWithAnInitializerIsAConstant) {
  OnnxBuilder b;
  b.input("x", {"2"}).input("w", {"2"}).output("y", {"2"});
  b.floats("w", {2}, {10, 20});
  b.node("Add", {"x", "w"}, "y");
  EXPECT_EQ(Import(b.bytes()).run({floats({2}, {1, 2})})[0], floats({2}, {11, 22}));
}

// What leads to no output is no part of the model, whatever it is.
TEST(OnnxImportTest, DeadNodesAndUnusedInitializersAreLeftOut) {
  OnnxBuilder b = smallModel();
  b.node("Einsum", {"x"}, "dead");
  b.node("Relu", {"dead"}, "deader");
  auto *half = b.graph().add_initializer();
  half->set_name("unused");
  half->set_data_type(::onnx::TensorProto_DataType_FLOAT16);
  half->add_dims(1);
  half->add_int32_data(0);
  Import import(b.bytes());
  ASSERT_TRUE(import.module) << import.text();
  EXPECT_EQ(import.count<ReluOp>(), 1);
  EXPECT_EQ(import.count<ConstantOp>(), 0);
  std::vector<Diag> problems;
  auto survey = surveyOnnx(b.bytes(), {}, problems);
  ASSERT_TRUE(survey);
  EXPECT_EQ(survey->nodes.size(), 1u);
  // An initializer that nobody reads is no argument either, though the graph lists it among its inputs.
  b.input("unused", {"1"});
  Import listed(b.bytes());
  ASSERT_TRUE(listed.module) << listed.text();
  EXPECT_EQ(listed.module->lookupSymbol<func::FuncOp>("main").getNumArguments(), 1u);
}

TEST(OnnxImportTest, AnEmptyConstantIsLegalWhereNobodyReadsIt) {
  OnnxBuilder b(11);
  b.input("x", {"1", "1", "1", "2"}).output("y", {"1", "1", "1", "4"});
  b.floats("roi", {0}, {});
  b.floats("s", {4}, {1, 1, 1, 2});
  auto &resize = b.node("Resize", {"x", "roi", "s"}, "y");
  auto &attribute = *resize.add_attribute();
  attribute.set_name("coordinate_transformation_mode");
  attribute.set_type(::onnx::AttributeProto_AttributeType_STRING);
  attribute.set_s("asymmetric");
  EXPECT_EQ(Import(b.bytes()).run({floats({1, 1, 1, 2}, {1, 2})})[0], floats({1, 1, 1, 4}, {1, 1, 2, 2}));
}

TEST(OnnxImportTest, WeightsMayHaveAnyName) {
  OnnxBuilder b;
  b.input("x", {"1", "32"}).output("y", {"1", "32"});
  b.floats("1/ \"", {32}, std::vector<float>(32, 3));
  b.node("Add", {"x", "1/ \""}, "y");
  Import import(b.bytes());
  ASSERT_TRUE(import.module) << import.text();
  std::string text;
  llvm::raw_string_ostream stream(text);
  import.module->print(stream);
  EXPECT_THAT(text, HasSubstr("dense_resource<t_1___>"));
}

TEST(OnnxImportTest, ClipBoundsComeFromAttributesOrInputs) {
  OnnxBuilder old(10);
  old.input("x", {"3"}).output("y", {"3"});
  auto &clip = old.node("Clip", {"x"}, "y");
  OnnxBuilder::attribute(clip, "min", -1.0f);
  OnnxBuilder::attribute(clip, "max", 2.0f);
  OnnxBuilder now(13);
  now.input("x", {"3"}).output("y", {"3"});
  now.floats("lo", {}, {-1});
  now.floats("hi", {}, {2});
  now.node("Clip", {"x", "lo", "hi"}, "y");
  OnnxBuilder upper(13);
  upper.input("x", {"3"}).output("y", {"3"});
  upper.floats("hi", {}, {2});
  upper.node("Clip", {"x", "", "hi"}, "y");
  EXPECT_EQ(Import(old.bytes()).run({floats({3}, {-5, 0, 5})})[0], floats({3}, {-1, 0, 2}));
  EXPECT_EQ(Import(now.bytes()).run({floats({3}, {-5, 0, 5})})[0], floats({3}, {-1, 0, 2}));
  EXPECT_EQ(Import(upper.bytes()).run({floats({3}, {-5, 0, 5})})[0], floats({3}, {-5, 0, 2}));
}

TEST(OnnxImportTest, ScalesOfShapeOneAreScalars) {
  for (std::vector<int64_t> shape : {std::vector<int64_t>{}, std::vector<int64_t>{1}}) {
    OnnxBuilder b;
    b.input("x", {"4"}).output("y", {"4"}, ::onnx::TensorProto_DataType_INT8);
    b.floats("s", shape, {0.5});
    b.integers("z", shape, {3}, ::onnx::TensorProto_DataType_INT8);
    b.node("QuantizeLinear", {"x", "s", "z"}, "y");
    // Ties go to even before the zero point is added.
    EXPECT_EQ(Import(b.bytes()).run({floats({4}, {0.25, 0.75, -0.25, 100})})[0],
              Tensor::of<int8_t>({4}, {3, 5, 3, 127}));
  }
}

TEST(OnnxImportTest, SqueezeTakesAxesFromAttributesOrInputs) {
  OnnxBuilder old(11), now(13);
  for (OnnxBuilder *b : {&old, &now})
    b->input("x", {"1", "2", "1"}).output("y", {"1", "2"});
  OnnxBuilder::attribute(old.node("Squeeze", {"x"}, "y"), "axes", std::vector<int64_t>{-1});
  now.integers("axes", {1}, {-1});
  now.node("Squeeze", {"x", "axes"}, "y");
  EXPECT_EQ(Import(old.bytes()).run({floats({1, 2, 1}, {4, 5})})[0], floats({1, 2}, {4, 5}));
  EXPECT_EQ(Import(now.bytes()).run({floats({1, 2, 1}, {4, 5})})[0], floats({1, 2}, {4, 5}));
}

TEST(OnnxImportTest, OldBroadcastingFollowsItsAxis) {
  OnnxBuilder b(6);
  b.input("x", {"1", "2", "2"}).output("y", {"1", "2", "2"});
  b.floats("w", {2}, {10, 20});
  auto &add = b.node("Add", {"x", "w"}, "y");
  OnnxBuilder::attribute(add, "broadcast", int64_t(1));
  OnnxBuilder::attribute(add, "axis", int64_t(1));
  EXPECT_EQ(Import(b.bytes()).run({floats({1, 2, 2}, {1, 2, 3, 4})})[0], floats({1, 2, 2}, {11, 12, 23, 24}));
}

TEST(OnnxImportTest, SoftmaxBefore13FlattensFromItsAxis) {
  OnnxBuilder old(11), now(13);
  for (OnnxBuilder *b : {&old, &now}) {
    b->input("x", {"1", "2", "2"}).output("y", {"1", "2", "2"});
    OnnxBuilder::attribute(b->node("Softmax", {"x"}, "y"), "axis", int64_t(1));
  }
  EXPECT_EQ(Import(old.bytes()).run({floats({1, 2, 2}, {1, 1, 1, 1})})[0], floats({1, 2, 2}, {.25, .25, .25, .25}));
  EXPECT_EQ(Import(now.bytes()).run({floats({1, 2, 2}, {1, 1, 1, 1})})[0], floats({1, 2, 2}, {.5, .5, .5, .5}));
}

TEST(OnnxImportTest, AutoPadIsResolved) {
  for (auto [mode, expected] :
       {std::pair("SAME_UPPER", std::vector<float>{3, 5, 3}), std::pair("SAME_LOWER", std::vector<float>{1, 3, 5})}) {
    OnnxBuilder b;
    b.input("x", {"1", "1", "1", "3"}).output("y", {"1", "1", "1", "3"});
    b.floats("w", {1, 1, 1, 2}, {1, 1});
    auto &attribute = *b.node("Conv", {"x", "w"}, "y").add_attribute();
    attribute.set_name("auto_pad");
    attribute.set_type(::onnx::AttributeProto_AttributeType_STRING);
    attribute.set_s(mode);
    EXPECT_EQ(Import(b.bytes()).run({floats({1, 1, 1, 3}, {1, 2, 3})})[0], floats({1, 1, 1, 3}, expected)) << mode;
  }
}

TEST(OnnxImportTest, CeilModeDropsAWindowThatWouldBeginBehindTheImage) {
  struct Case {
    int64_t extent, kernel, stride, pad, windows;
  };
  // 6 by 2 every 3: a third window would begin at 6; 5 by 3 every 3 with 1 in front: at 6 - 1 = 5.
  for (Case c : {Case{6, 2, 3, 0, 2}, Case{5, 3, 3, 1, 2}, Case{7, 2, 2, 0, 4}, Case{5, 2, 4, 0, 2}}) {
    OnnxBuilder model;
    model.input("x", {"1", "1", std::to_string(c.extent), std::to_string(c.extent)})
        .output("y", {"1", "1", std::to_string(c.windows), std::to_string(c.windows)});
    auto &node = model.node("MaxPool", {"x"}, "y");
    OnnxBuilder::attribute(node, "kernel_shape", std::vector<int64_t>{c.kernel, c.kernel});
    OnnxBuilder::attribute(node, "strides", std::vector<int64_t>{c.stride, c.stride});
    OnnxBuilder::attribute(node, "pads", std::vector<int64_t>(4, c.pad));
    OnnxBuilder::attribute(node, "ceil_mode", int64_t(1));
    EXPECT_EQ(Import(model.bytes()).text(), "") << c.extent << " by " << c.kernel << " every " << c.stride;
  }
}

TEST(OnnxImportTest, QLinearConvFusesToTheSameOperatorAsItsQdqForm) {
  constexpr int kInt8 = ::onnx::TensorProto_DataType_INT8;
  OnnxBuilder b(10);
  b.input("x", {"1", "1", "1", "2"}, kInt8).output("y", {"1", "1", "1", "2"}, kInt8);
  b.floats("xs", {}, {0.5});
  b.integers("xz", {}, {1}, kInt8);
  b.integers("w", {1, 1, 1, 1}, {3}, kInt8);
  b.floats("ws", {1}, {0.25});
  b.integers("wz", {1}, {0}, kInt8);
  b.floats("ys", {}, {0.125});
  b.integers("yz", {}, {-2}, kInt8);
  b.integers("bias", {1}, {4}, ::onnx::TensorProto_DataType_INT32);
  b.node("QLinearConv", {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "bias"}, "y");
  Import import(b.bytes());
  ASSERT_TRUE(import.module) << import.text();
  ASSERT_TRUE(runGraphPipeline(*import.module));
  EXPECT_EQ(import.count<QConvOp>(), 1);
  // (5 - 1) * 3 + 4 = 16 at scale 0.125, over 0.125: 16 - 2.
  EXPECT_EQ(import.run({Tensor::of<int8_t>({1, 1, 1, 2}, {5, 127})})[0], Tensor::of<int8_t>({1, 1, 1, 2}, {14, 127}));
}

TEST(OnnxImportTest, QLinearMatMulFusesToOneProduct) {
  constexpr int kUint8 = ::onnx::TensorProto_DataType_UINT8;
  OnnxBuilder b(10);
  b.input("a", {"1", "2"}, kUint8).output("y", {"1", "1"}, kUint8);
  b.floats("s", {}, {0.5});
  b.integers("z", {}, {128}, kUint8);
  b.integers("w", {2, 1}, {129, 130}, kUint8);
  b.node("QLinearMatMul", {"a", "s", "z", "w", "s", "z", "s", "z"}, "y");
  Import import(b.bytes());
  ASSERT_TRUE(import.module) << import.text();
  ASSERT_TRUE(runGraphPipeline(*import.module));
  EXPECT_EQ(import.count<QGemmOp>(), 1);
  // (10 * 1 + 20 * 2) * 0.25 / 0.5 = 25.
  EXPECT_EQ(import.run({Tensor::of<uint8_t>({1, 2}, {138, 148})})[0], Tensor::of<uint8_t>({1, 1}, {153}));
}

TEST(OnnxImportTest, ANormOfOnnxRuntimesOptimiserIsOlderThanOnnxs) {
  OnnxBuilder b(13);
  b.input("x", {"2", "3"}).output("y", {"2", "3"});
  b.floats("scale", {3}, {1, 1, 1});
  b.node("LayerNormalization", {"x", "scale"}, "y");
  EXPECT_EQ(Import(b.bytes()).text(), "");
}

TEST(OnnxImportTest, TheTableKnowsEveryVersionOfAnOperator) {
  // libonnx knows the versions up to some opset; those after it are written from ONNX's changelog.
  const int newest = ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map().at("").second;
  for (const OnnxOperator &row : supportedOnnxOperators()) {
    std::vector<int> known, all = row.versions;
    all.insert(all.end(), row.refused.begin(), row.refused.end());
    llvm::sort(all);
    EXPECT_FALSE(row.versions.empty()) << row.name;
    EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end()) << row.name;
    EXPECT_LE(all.back(), kNewestOpset) << row.name;
    if (!row.domain.empty() || row.name == "SimplifiedLayerNormalization") // ONNX Runtime's, in ONNX's own domain
      continue;
    if (row.name == "LayerNormalization") // ONNX Runtime's optimiser writes it into graphs of every opset
      known.push_back(1);
    for (int opset = 1; opset <= newest; ++opset)
      if (auto *schema = ::onnx::OpSchemaRegistry::Schema(std::string(row.name), opset, ""))
        if (known.empty() || schema->since_version() != known.back())
          known.push_back(schema->since_version());
    llvm::erase_if(all, [&](int version) { return version > newest; });
    EXPECT_EQ(all, known) << row.name;
  }
}

} // namespace
} // namespace tw::ir::test
