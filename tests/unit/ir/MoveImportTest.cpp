// SPDX-License-Identifier: Apache-2.0
// What importing operators that choose, move and reduce elements refuses, and why; what the ONNX backend suite has no
// case for.
#include "tw/ir/OnnxImport.h"

#include "Material.h"
#include "OnnxBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <gmock/gmock.h>

#include <limits>

using namespace mlir;

namespace tw::ir::test {
namespace {

using ::testing::HasSubstr;
using Integers = std::vector<int64_t>;

constexpr int kInt64 = ::onnx::TensorProto_DataType_INT64, kFloat = ::onnx::TensorProto_DataType_FLOAT;

std::string problemOf(const OnnxBuilder &builder) {
  auto context = makeContext();
  std::vector<Diag> problems;
  auto module = importOnnx(*context, builder.bytes(), "m.onnx", {}, problems);
  EXPECT_EQ(static_cast<bool>(module), problems.empty());
  return problemText("m.onnx", problems);
}

std::vector<Tensor> run(const OnnxBuilder &builder, std::vector<Tensor> inputs) {
  auto context = makeContext();
  std::vector<Diag> problems;
  auto module = importOnnx(*context, builder.bytes(), "m.onnx", {}, problems);
  EXPECT_TRUE(module) << problemText("m.onnx", problems);
  if (!module)
    return {};
  auto results = Interpreter(*module).run(module->lookupSymbol<func::FuncOp>("main"), inputs);
  if (results)
    return *std::move(results);
  ADD_FAILURE() << llvm::toString(results.takeError());
  return {};
}

// One node on x [2, 3] float32 with these integers behind it.
struct One {
  OnnxBuilder b;
  ::onnx::NodeProto &node;

  One(const std::string &type, const std::vector<Integers> &integers, int64_t opset = 18,
      const std::vector<std::string> &shape = {"2", "3"})
      : b(opset), node(b.input("x", shape).output("y", {}).node(type, {"x"}, "y")) {
    b.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
    b.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->set_elem_type(0);
    for (size_t i = 0; i < integers.size(); ++i) {
      const std::string name = "i" + std::to_string(i);
      b.integers(name, {static_cast<int64_t>(integers[i].size())}, integers[i]);
      node.add_input(name);
    }
  }
  template <typename Value> One &with(const std::string &name, const Value &value) {
    OnnxBuilder::attribute(node, name, value);
    return *this;
  }
  One &withText(const std::string &name, const std::string &value) {
    auto &attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(::onnx::AttributeProto_AttributeType_STRING);
    attribute.set_s(value);
    return *this;
  }
  std::string problem() const { return problemOf(b); }
};

TEST(MoveImportTest, SlicesSayWhatDoesNotFit) {
  EXPECT_THAT(One("Slice", {{0}, {1, 2}}).problem(), HasSubstr("has 1 starts, 2 ends, 1 axes and 1 steps"));
  EXPECT_THAT(One("Slice", {{0}, {1}, {2}}).problem(), HasSubstr("axis 2 is outside rank 2"));
  EXPECT_THAT(One("Slice", {{0}, {1}, {0}, {0}}).problem(), HasSubstr("a step is 0"));
  EXPECT_THAT(One("Slice", {}, 1).problem(), HasSubstr("starts or ends are missing"));
}

// ONNX's text clamps a start in front of all to element 0; numpy would give nothing.
TEST(MoveImportTest, SlicesGoBackwardsFromElementZeroAtLeast) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  const Tensor x = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  for (int64_t start : {kLeast + 1, int64_t(-100), int64_t(-4), int64_t(-3), int64_t(0)})
    for (int64_t end : {kLeast, int64_t(-100), int64_t(-4)})
      EXPECT_EQ(run(One("Slice", {{start}, {end}, {1}, {-1}}).b, {x}).at(0), Tensor::of<float>({2, 1}, {1, 4}));
  EXPECT_EQ(run(One("Slice", {{100}, {-100}, {1}, {-2}}).b, {x}).at(0), Tensor::of<float>({2, 2}, {3, 1, 6, 4}));
  EXPECT_EQ(run(One("Slice", {{-100}, {0}, {1}, {-1}}).b, {x}).at(0), Tensor(ElementType::F32, {2, 0}));
}

TEST(MoveImportTest, PartsOfASplitAreTheWhole) {
  EXPECT_THAT(One("Split", {{1, 1}}).problem(), HasSubstr("cannot split an extent of 2 into 1 parts of 1x1"));
  EXPECT_THAT(One("Split", {}).with("num_outputs", int64_t(3)).problem(),
              HasSubstr("num_outputs is 3, the node has 1 outputs"));
  One three("Split", {}, 13);
  three.node.add_output("z");
  three.node.add_output("w");
  EXPECT_THAT(three.problem(), HasSubstr("cannot split an extent of 2 into 3 equal parts"));
}

TEST(MoveImportTest, IndicesAreOfTheRightTypeAndShape) {
  auto gather = [](const std::string &type, const std::vector<std::string> &shape, int element) {
    OnnxBuilder b(13);
    b.input("x", {"2", "3"}).input("i", shape, element).output("y", {"1"});
    b.node(type, {"x", "i"}, "y");
    return problemOf(b);
  };
  EXPECT_THAT(gather("Gather", {"1"}, kFloat), HasSubstr("indices (input 1) are float32, they must be int32 or int64"));
  EXPECT_THAT(gather("GatherElements", {"1"}, kInt64), HasSubstr("indices are 1, the input is 2x3"));
  EXPECT_THAT(gather("GatherElements", {"1", "4"}, kInt64), HasSubstr("indices are 1x4, the input is 2x3"));
  EXPECT_THAT(gather("GatherND", {"2", "3"}, kInt64),
              HasSubstr("indices are 2x3 with 0 batch dimensions, the input is 2x3"));
}

TEST(MoveImportTest, PadsFitTheInput) {
  EXPECT_THAT(One("Pad", {{1, 1}}).problem(), HasSubstr("pads need 4 entries for 2 dimensions, there are 2"));
  EXPECT_THAT(One("Pad", {{0, 0, 0, 0}}).withText("mode", "mirror").problem(),
              HasSubstr("mode 'mirror' is not constant, reflect, edge or wrap"));
}

// The value around may be computed, and any number of the type: it need not be a float32.
TEST(MoveImportTest, PaddingWithAValueThatTheGraphComputes) {
  OnnxBuilder b(18);
  b.input("x", {"2", "2"}, kInt64).input("v", {}, kInt64).output("y", {"3", "2"}, kInt64);
  b.integers("p", {4}, {1, -1, 0, 1});
  b.node("Pad", {"x", "p", "v"}, "y");
  const int64_t large = (int64_t(1) << 53) + 1;
  auto results = run(b, {Tensor::of<int64_t>({2, 2}, {1, 2, 3, 4}), Tensor::of<int64_t>({}, {large})});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0], Tensor::of<int64_t>({3, 2}, {large, large, 2, large, 4, large}));
}

TEST(MoveImportTest, RearrangementsNeedWholeBlocks) {
  EXPECT_THAT(One("DepthToSpace", {}, 13, {"1", "6", "2", "2"}).with("blocksize", int64_t(2)).problem(),
              HasSubstr("cannot make blocks of 2x2 of 6 channels"));
  EXPECT_THAT(One("SpaceToDepth", {}, 13, {"1", "1", "3", "2"}).with("blocksize", int64_t(2)).problem(),
              HasSubstr("cannot cut 1x1x3x2 into blocks of 2x2"));
  EXPECT_THAT(One("SpaceToDepth", {}, 13).with("blocksize", int64_t(2)).problem(),
              HasSubstr("only images of rank 4 are supported, the input is 2x3"));
  EXPECT_THAT(One("Tile", {{2}}).problem(), HasSubstr("has 1 repeats for rank 2"));
  EXPECT_THAT(One("Tile", {{2, 0}}).problem(), HasSubstr("repeats are 2x0, each must be at least 1"));
  EXPECT_THAT(One("Expand", {{5}}).problem(), HasSubstr("shapes 2x3 and 5 do not broadcast"));
}

TEST(MoveImportTest, ReductionsNameTheirAxesOnce) {
  EXPECT_THAT(One("ReduceSum", {{0, -2}}).problem(), HasSubstr("axis 0 is named twice"));
  EXPECT_THAT(One("ReduceMax", {{2}}).problem(), HasSubstr("axis 2 is outside rank 2"));
}

// Without axes a function of each element remains.
TEST(MoveImportTest, AReductionOfNothingStillComputesItsFunction) {
  One sum("ReduceSumSquare", {{}});
  sum.with("noop_with_empty_axes", int64_t(1));
  auto results = run(sum.b, {Tensor::of<float>({2, 3}, {1, -2, 3, -4, 5, -6})});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0], Tensor::of<float>({2, 3}, {1, 4, 9, 16, 25, 36}));
}

TEST(MoveImportTest, EquationsOfEinsumFitTheirOperands) {
  auto einsum = [](const std::string &equation) { return One("Einsum", {}).withText("equation", equation).problem(); };
  EXPECT_THAT(einsum("ij,jk"), HasSubstr("has 2 operands, the node has 1"));
  EXPECT_THAT(einsum("ijk->i"), HasSubstr("equation has 3 labels for an input of rank 2"));
  EXPECT_THAT(einsum("i1->i"), HasSubstr("equation has 'i1', which is no list of letters"));
  EXPECT_THAT(einsum("ii->i"), HasSubstr("equation 'ii->i' gives one label the extents 2 and 3"));
  EXPECT_THAT(einsum("ij->ik"), HasSubstr("has an output label that no input has, or one twice"));
}

TEST(MoveImportTest, EinsumJoinsThreeOperandsWithDiagonalsAndEllipses) {
  OnnxBuilder b(13);
  b.input("x", {"2", "2", "3"}).input("z", {"3", "2"}).input("w", {"2"}).output("y", {"2", "2"});
  auto &node = b.node("Einsum", {"x", "z", "w"}, "y");
  auto &attribute = *node.add_attribute();
  attribute.set_name("equation");
  attribute.set_type(::onnx::AttributeProto_AttributeType_STRING);
  attribute.set_s("iij, j..., i -> ...i");
  auto results = run(b, {Tensor::of<float>({2, 2, 3}, {1, 2, 3, 0, 0, 0, 0, 0, 0, 4, 5, 6}),
                         Tensor::of<float>({3, 2}, {1, 0, 0, 1, 1, 1}), Tensor::of<float>({2}, {10, 100})});
  ASSERT_EQ(results.size(), 1u);
  // x[i, i, :] times columns of z: (4, 5) and (10, 11), times w.
  EXPECT_EQ(results[0], Tensor::of<float>({2, 2}, {40, 1000, 50, 1100}));
}

} // namespace
} // namespace tw::ir::test
