// SPDX-License-Identifier: Apache-2.0
// Functions and nested graphs: all that is left of them is the nodes in them.
#include "OnnxBuilder.h"
#include "OnnxImporting.h"

#include <gmock/gmock.h>

using namespace mlir;

namespace tw::ir::test {
namespace {

using ::onnx::TensorProto;
using ::testing::HasSubstr;

constexpr int kBool = TensorProto::BOOL, kInt64 = TensorProto::INT64;

void boolean(OnnxBuilder &b, const std::string &name, bool value) { b.integers(name, {}, {value}, kBool); }

// A graph of one node.
::onnx::GraphProto graphOf(const std::string &type, const std::vector<std::string> &inputs, const std::string &output) {
  OnnxBuilder inner;
  inner.node(type, inputs, output);
  inner.output(output, {"2"});
  return inner.graph();
}

//===--------------------------------------------------------------------------------------------------------------===//
// If
//===--------------------------------------------------------------------------------------------------------------===//

OnnxBuilder choice() {
  OnnxBuilder b(16);
  b.input("x", {"2"}).output("y", {"2"});
  auto &node = b.node("If", {"c"}, "y");
  OnnxBuilder::attribute(node, "then_branch", graphOf("Relu", {"x"}, "t"));
  OnnxBuilder::attribute(node, "else_branch", graphOf("Tanh", {"x"}, "e"));
  return b;
}

TEST(OnnxGraphsTest, AKnownConditionLeavesOneBranch) {
  for (bool value : {false, true}) {
    OnnxBuilder b = choice();
    boolean(b, "c", value);
    Import import(b.bytes());
    ASSERT_TRUE(import.module) << import.text();
    EXPECT_EQ(import.count<ReluOp>(), value);
    EXPECT_EQ(import.count<TanhOp>(), !value);
    EXPECT_EQ(import.count<WhereOp>(), 0);
    import.module->walk([](ReluOp op) { EXPECT_EQ(nodeNames(op.getLoc()).front(), "n_y/then/n_t"); });
  }
}

TEST(OnnxGraphsTest, AnUnknownConditionChoosesBetweenBoth) {
  OnnxBuilder b = choice();
  b.input("c", {"1"}, kBool);
  for (bool value : {false, true})
    EXPECT_EQ(Import(b.bytes()).run({floats({2}, {-1, 0}), Tensor::of<bool>({1}, {value})})[0],
              floats({2}, {value ? 0 : std::tanh(-1.0f), 0}))
        << value;
}

TEST(OnnxGraphsTest, WhatABranchThatIsNotTakenHoldsIsNoProblem) {
  OnnxBuilder b = choice();
  *b.graph().mutable_node(0)->mutable_attribute(0)->mutable_g() = graphOf("Unheard", {"x"}, "t");
  OnnxBuilder known = b;
  boolean(known, "c", false);
  EXPECT_EQ(Import(known.bytes()).text(), "");
  b.input("c", {}, kBool);
  EXPECT_EQ(Import(b.bytes()).text(), "m.onnx: node 'n_y/then/n_t': operator Unheard is not supported\n");
}

TEST(OnnxGraphsTest, BranchesOfDifferentTypesNeedAKnownCondition) {
  OnnxBuilder b = choice();
  *b.graph().mutable_node(0)->mutable_attribute(0)->mutable_g() = graphOf("Unsqueeze", {"x", "axes"}, "t");
  b.integers("axes", {1}, {0});
  b.input("c", {}, kBool);
  EXPECT_THAT(Import(b.bytes()).text(),
              HasSubstr("node 'n_y' (If): its condition is computed at run time, and result 0 is float32 1x2 in one "
                        "branch and float32 2 in the other"));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Loop and Scan
//===--------------------------------------------------------------------------------------------------------------===//

// sum += x; collects it.
OnnxBuilder loop(int64_t trips) {
  OnnxBuilder body;
  body.input("i", {}, kInt64).input("c", {}, kBool).input("sum", {"2"});
  body.node("Identity", {"c"}, "again");
  body.node("Add", {"sum", "x"}, "next");
  body.output("again", {}, kBool).output("next", {"2"}).output("next", {"2"});
  OnnxBuilder b(16);
  b.input("x", {"2"}).output("y", {"2"}).output("all", {std::to_string(trips), "2"});
  b.integers("trips", {}, {trips});
  boolean(b, "on", true);
  b.floats("zero", {2}, {0, 0});
  auto &node = b.node("Loop", {"trips", "on", "zero"}, "y");
  node.add_output("all");
  OnnxBuilder::attribute(node, "body", body.graph());
  return b;
}

TEST(OnnxGraphsTest, ALoopIsUnrolledAndStacksWhatItCollects) {
  Import import(loop(3).bytes());
  const auto results = import.run({floats({2}, {1, 2})});
  EXPECT_EQ(results[0], floats({2}, {3, 6}));
  EXPECT_EQ(results[1], floats({3, 2}, {1, 2, 2, 4, 3, 6}));
  EXPECT_EQ(import.count<AddOp>(), 3);
  std::vector<std::string> names;
  import.module->walk([&](AddOp op) { names.push_back(nodeNames(op.getLoc()).front().str()); });
  EXPECT_THAT(names, ::testing::ElementsAre("n_y/0/n_next", "n_y/1/n_next", "n_y/2/n_next"));
}

TEST(OnnxGraphsTest, ALoopEndsWhenItsConditionDoes) {
  OnnxBuilder b = loop(100);
  b.graph().mutable_output(1)->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_value(2);
  auto &body = *b.graph().mutable_node(0)->mutable_attribute(0)->mutable_g();
  // again = the bool whose place is the iteration: true, false.
  auto &flags = *body.add_initializer();
  flags.set_name("flags");
  flags.set_data_type(kBool);
  flags.add_dims(1);
  flags.add_int32_data(0);
  body.mutable_node(0)->set_op_type("Squeeze");
  body.mutable_node(0)->set_input(0, "flags");
  b.graph().mutable_output(1)->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_value(1);
  EXPECT_EQ(Import(b.bytes()).run({floats({2}, {1, 2})})[0], floats({2}, {1, 2}));
}

TEST(OnnxGraphsTest, ALoopWhoseLengthIsUnknownIsRefused) {
  OnnxBuilder b = loop(3);
  b.graph().mutable_node(0)->set_input(0, "n");
  b.input("n", {}, kInt64);
  EXPECT_THAT(Import(b.bytes()).text(),
              HasSubstr("node 'n_y' (Loop): the trip count (input 0) must be a constant, it is "
                        "the graph input 'n'; if its value is known, give it: --const n="));
  EXPECT_EQ(Import(b.bytes(), {.constants = {{"n", {"3", {}}}}}).text(), "");
  OnnxBuilder endless = loop(1);
  endless.graph().mutable_node(0)->set_input(0, "");
  EXPECT_THAT(Import(endless.bytes()).text(), HasSubstr("functions and nested graphs come to more than 200000 nodes"));
}

// x += step while it is below an end of the run's, at most `trips` times.
OnnxBuilder whileBelow(int64_t trips) {
  OnnxBuilder body;
  body.input("i", {}, kInt64).input("c", {}, kBool).input("sum", {"1"});
  body.node("Add", {"sum", "step"}, "next");
  body.node("Less", {"next", "end"}, "again");
  body.output("again", {}, kBool).output("next", {"1"}).output("sum", {"1"});
  OnnxBuilder b(16);
  b.input("x", {"1"}).input("step", {"1"}).input("end", {"1"}).input("on", {}, kBool).output("y", {"1"});
  b.integers("trips", {}, {trips});
  auto &node = b.node("Loop", {"trips", "on", "x"}, "y");
  node.add_output("all");
  OnnxBuilder::attribute(node, "body", body.graph());
  return b;
}

TEST(OnnxGraphsTest, TheRunDecidesWhenALoopEnds) {
  const std::string bytes = whileBelow(5).bytes();
  const auto run = [&](float x, float step, float end, bool isOn) {
    return Import(bytes).run(
        {floats({1}, {x}), floats({1}, {step}), floats({1}, {end}), Tensor::of<bool>({}, {isOn})})[0];
  };
  EXPECT_EQ(run(0, 1, 3, true), floats({1}, {3}));
  EXPECT_EQ(run(0, 1, 2.5, true), floats({1}, {3})) << "the body runs before it is asked";
  EXPECT_EQ(run(7, 1, 3, true), floats({1}, {8}));
  EXPECT_EQ(run(0, 1, 99, true), floats({1}, {5})) << "the trip count ends it";
  EXPECT_EQ(run(0, 1, 3, false), floats({1}, {0}));
  EXPECT_EQ(run(4, -1, 4, true), floats({1}, {-1}));
  // What comes behind the end is computed and counts not, even if the condition would hold there again.
  EXPECT_EQ(run(2, -1.5f, 0.25f, true), floats({1}, {0.5f}));
  EXPECT_EQ(run(0, INFINITY, 3, true), floats({1}, {INFINITY}));
}

TEST(OnnxGraphsTest, ALoopWhoseEndTheRunDecidesHasABoundAndTypesThatStay) {
  // Before the first iteration the graph's input says whether there is one, which the caller may know.
  const std::string known = "the condition (input 1) must be a constant, it is the graph input 'on'; if its value is "
                            "known, give it: --const on=VALUE";
  OnnxBuilder endless = whileBelow(5);
  endless.graph().mutable_node(0)->set_input(0, "");
  EXPECT_THAT(Import(endless.bytes()).text(), HasSubstr(known));
  OnnxBuilder list = whileBelow(5);
  list.output("all", {});
  EXPECT_THAT(Import(list.bytes()).text(), HasSubstr(known));
  for (OnnxBuilder *each : {&endless, &list}) {
    each->integers("yes", {}, {1}, ::onnx::TensorProto_DataType_BOOL);
    each->graph().mutable_node(0)->set_input(1, "yes");
  }
  EXPECT_THAT(Import(endless.bytes()).text(),
              HasSubstr("node 'n_y' (Loop): its condition is computed at run time, and no trip count ends it"));
  EXPECT_THAT(Import(list.bytes()).text(),
              HasSubstr("its condition is computed at run time, and output 1 has a slice for each iteration"));
  OnnxBuilder grows = whileBelow(5);
  auto &body = *grows.graph().mutable_node(0)->mutable_attribute(0)->mutable_g();
  body.mutable_node(0)->set_op_type("Concat");
  OnnxBuilder::attribute(*body.mutable_node(0), "axis", int64_t(0));
  EXPECT_THAT(Import(grows.bytes()).text(),
              HasSubstr("value 0 that it hands on is float32 1 before an iteration and float32 2 after it"));
}

TEST(OnnxGraphsTest, AProblemInALoopIsSaidOnce) {
  OnnxBuilder b = loop(3);
  b.graph().mutable_node(0)->mutable_attribute(0)->mutable_g()->mutable_node(1)->set_op_type("Unheard");
  EXPECT_EQ(Import(b.bytes()).text(), "m.onnx: node 'n_y/0/n_next': operator Unheard is not supported\n");
}

TEST(OnnxGraphsTest, NestedLoopsComeToAnEnd) {
  OnnxBuilder outer = loop(99'999);
  auto &body = *outer.graph().mutable_node(0)->mutable_attribute(0)->mutable_g();
  OnnxBuilder inner = loop(99'999);
  ::onnx::NodeProto node = inner.graph().node(0);
  node.clear_output();
  node.add_output("next");
  *body.mutable_node(1) = node;
  for (const auto &initializer : inner.graph().initializer())
    *body.add_initializer() = initializer;
  EXPECT_THAT(Import(outer.bytes()).text(), HasSubstr("functions and nested graphs come to more than 200000 nodes"));
}

TEST(OnnxGraphsTest, AScanGoesAlongItsInputsInTheirDirections) {
  OnnxBuilder body;
  body.input("state", {"1"}).input("slice", {"1"});
  body.node("Add", {"state", "slice"}, "next");
  body.output("next", {"1"}).output("next", {"1"});
  for (bool isReverse : {false, true}) {
    OnnxBuilder b(16);
    b.input("x", {"1", "3"}).output("last", {"1"}).output("all", {"1", "3"});
    b.floats("zero", {1}, {0});
    auto &node = b.node("Scan", {"zero", "x"}, "last");
    node.add_output("all");
    OnnxBuilder::attribute(node, "body", body.graph());
    OnnxBuilder::attribute(node, "num_scan_inputs", int64_t(1));
    OnnxBuilder::attribute(node, "scan_input_axes", std::vector<int64_t>{1});
    OnnxBuilder::attribute(node, "scan_output_axes", std::vector<int64_t>{-1});
    OnnxBuilder::attribute(node, "scan_input_directions", std::vector<int64_t>{isReverse});
    const auto results = Import(b.bytes()).run({floats({1, 3}, {1, 2, 4})});
    EXPECT_EQ(results[0], floats({1}, {7}));
    EXPECT_EQ(results[1], isReverse ? floats({1, 3}, {4, 6, 7}) : floats({1, 3}, {1, 3, 7}));
  }
}

TEST(OnnxGraphsTest, AnOldScanGoesThroughEachEntryOfItsBatch) {
  OnnxBuilder body;
  body.input("state", {"1"}).input("slice", {"1"});
  body.node("Add", {"state", "slice"}, "next");
  body.output("next", {"1"}).output("next", {"1"});
  OnnxBuilder b(8);
  b.input("x", {"2", "3", "1"}).output("last", {"2", "1"}).output("all", {"2", "3", "1"});
  b.floats("zero", {2, 1}, {0, 10});
  auto &node = b.node("Scan", {"", "zero", "x"}, "last");
  node.add_output("all");
  OnnxBuilder::attribute(node, "body", body.graph());
  OnnxBuilder::attribute(node, "num_scan_inputs", int64_t(1));
  const auto results = Import(b.bytes()).run({floats({2, 3, 1}, {1, 2, 4, 1, 1, 1})});
  EXPECT_EQ(results[0], floats({2, 1}, {7, 13}));
  EXPECT_EQ(results[1], floats({2, 3, 1}, {1, 3, 7, 11, 12, 13}));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Functions
//===--------------------------------------------------------------------------------------------------------------===//

// f(a, b?) = LeakyRelu(a) with the alpha of its caller, plus b when it is given.
::onnx::FunctionProto &addFunction(OnnxBuilder &b, const std::string &name = "F") {
  auto &function = *b.model.add_functions();
  function.set_domain("mine");
  function.set_name(name);
  function.add_input("a");
  function.add_output("r");
  function.add_attribute("slope");
  auto &import = *function.add_opset_import();
  import.set_version(16);
  OnnxBuilder inner;
  auto &node = inner.node("LeakyRelu", {"a"}, "r");
  auto &alpha = *node.add_attribute();
  alpha.set_name("alpha");
  alpha.set_type(::onnx::AttributeProto_AttributeType_FLOAT);
  alpha.set_ref_attr_name("slope");
  *function.add_node() = node;
  return function;
}

OnnxBuilder caller() {
  OnnxBuilder b(13);
  b.input("x", {"2"}).output("y", {"2"});
  b.node("F", {"x"}, "y").set_domain("mine");
  return b;
}

TEST(OnnxGraphsTest, AFunctionIsInlinedWithTheAttributesOfItsCall) {
  OnnxBuilder b = caller();
  addFunction(b);
  EXPECT_EQ(Import(b.bytes()).run({floats({2}, {-1, 1})})[0], floats({2}, {-0.01f, 1})) << "the operator's own alpha";
  OnnxBuilder::attribute(*b.graph().mutable_node(0), "slope", 0.5f);
  Import import(b.bytes());
  EXPECT_EQ(import.run({floats({2}, {-1, 1})})[0], floats({2}, {-0.5f, 1}));
  import.module->walk([](LeakyReluOp op) { EXPECT_EQ(nodeNames(op.getLoc()).front(), "n_y/n_r"); });
}

TEST(OnnxGraphsTest, AFunctionsDefaultsAreReadThoughTheLibraryIsOlder) {
  OnnxBuilder b = caller();
  auto &function = addFunction(b);
  ::onnx::AttributeProto slope;
  slope.set_name("slope");
  slope.set_type(::onnx::AttributeProto_AttributeType_FLOAT);
  slope.set_f(0.25f);
  constexpr int kAttributeProto = 11;
  function.GetReflection()->MutableUnknownFields(&function)->AddLengthDelimited(kAttributeProto,
                                                                                slope.SerializeAsString());
  EXPECT_EQ(Import(b.bytes()).run({floats({2}, {-1, 1})})[0], floats({2}, {-0.25f, 1}));
}

TEST(OnnxGraphsTest, AFunctionThatCannotBeBuiltIsAProblemOfTheNodeInIt) {
  OnnxBuilder b = caller();
  auto &function = addFunction(b);
  function.mutable_node(0)->set_op_type("Unheard");
  EXPECT_EQ(Import(b.bytes()).text(), "m.onnx: node 'n_y/n_r': operator Unheard is not supported\n");
  std::vector<Diag> problems;
  auto survey = surveyOnnx(b.bytes(), {}, problems);
  ASSERT_TRUE(survey);
  ASSERT_EQ(survey->nodes.size(), 2u);
  EXPECT_EQ(survey->nodes[1].problem, "operator Unheard is not supported");
  function.mutable_node(0)->set_op_type("F");
  function.mutable_node(0)->set_domain("mine");
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("node 'n_y/n_r': function mine::F calls itself"));
  function.mutable_opset_import(0)->set_version(99);
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("function mine::F uses opset 99, opsets 1 to 25 are supported"));
}

TEST(OnnxGraphsTest, AFunctionSeesNothingAroundItsCall) {
  OnnxBuilder b = caller();
  addFunction(b).mutable_node(0)->set_input(0, "x");
  EXPECT_THAT(Import(b.bytes()).text(), HasSubstr("input 'x' is produced by no node"));
}

} // namespace
} // namespace tw::ir::test
