// SPDX-License-Identifier: Apache-2.0
// Operators on quantised tensors: those that are a float operator between dequantise and quantise are compared with the
// model that says so, products of integers and blocks with their formulas. Each as a graph, as blocks and as loops.
#include "Material.h"
#include "OnnxBuilder.h"

#include "tw/ir/ToLinalg.h"

#include <cmath>
#include <random>

using namespace mlir;

namespace tw::ir::test {
namespace {

constexpr int kU8 = ::onnx::TensorProto_DataType_UINT8, kI8 = ::onnx::TensorProto_DataType_INT8,
              kI32 = ::onnx::TensorProto_DataType_INT32, kI16 = ::onnx::TensorProto_DataType_INT16,
              kU16 = ::onnx::TensorProto_DataType_UINT16;

// The results of a model in all the forms that it takes on its way, which must be the same.
std::vector<Tensor> run(const OnnxBuilder &model, const std::vector<Tensor> &inputs) {
  auto context = makeContext();
  std::vector<Tensor> first;
  for (int stage = 0; stage < 3; ++stage) {
    std::vector<Diag> problems;
    auto module = importOnnx(*context, model.bytes(), "m.onnx", {}, problems);
    EXPECT_TRUE(module) << problemText("m.onnx", problems);
    if (!module || (stage > 0 && !runGraphPipeline(*module)))
      return {};
    if (stage == 2)
      EXPECT_TRUE(succeeded(lowerBlocksToLinalg(*module)));
    auto results = Interpreter(*module).run(module->lookupSymbol<func::FuncOp>("main"), inputs);
    if (!results) {
      ADD_FAILURE() << llvm::toString(results.takeError());
      return {};
    }
    if (stage == 0)
      first = *results;
    EXPECT_EQ(*results, first) << (stage == 1 ? "as blocks" : "as loops");
  }
  return first;
}

Tensor randomBytes(ElementType type, Dims shape, unsigned seed) {
  std::mt19937 random(seed);
  Tensor tensor(type, shape);
  for (char &byte : tensor.bytes)
    byte = static_cast<char>(random());
  return tensor;
}

// Scales and zero points that both forms of a model share.
void addParameters(OnnxBuilder &b) {
  b.floats("sa", {}, {0.5f});
  b.integers("za", {}, {120}, kU8);
  b.floats("sb", {}, {0.25f});
  b.integers("zb", {}, {7}, kU8);
  b.floats("sy", {}, {1.0f});
  b.integers("zy", {}, {100}, kU8);
}

struct Form {
  const char *quantised, *plain;
  std::vector<std::string> inputs;  // of the quantised operator
  std::vector<std::string> tensors; // of the plain one
  std::function<void(::onnx::NodeProto &)> attributes = [](::onnx::NodeProto &) {};
  std::vector<int64_t> shape = {2, 3, 4, 4}, result = {2, 3, 4, 4};
};

std::vector<std::string> text(const std::vector<int64_t> &dims) {
  std::vector<std::string> names;
  for (int64_t dim : dims)
    names.push_back(std::to_string(dim));
  return names;
}

void expectSameAsPlain(const Form &form) {
  SCOPED_TRACE(form.quantised);
  OnnxBuilder quantised(13), plain(13);
  auto &domain = *quantised.model.add_opset_import();
  domain.set_domain("com.microsoft");
  domain.set_version(1);
  std::vector<Tensor> inputs;
  for (OnnxBuilder *b : {&quantised, &plain}) {
    addParameters(*b);
    b->input("a", text(form.shape), kU8).output("y", text(form.result), kU8);
    if (form.tensors.size() > 1)
      b->input("b", text(form.shape), kU8);
  }
  for (size_t i = 0; i < form.tensors.size(); ++i)
    inputs.push_back(randomBytes(ElementType::U8, form.shape, static_cast<unsigned>(i + 1)));
  auto &node = quantised.node(form.quantised, form.inputs, "y");
  node.set_domain("com.microsoft");
  form.attributes(node);
  for (const std::string &name : form.tensors)
    plain.node("DequantizeLinear", {name, "s" + name, "z" + name}, "r" + name);
  std::vector<std::string> real;
  for (const std::string &name : form.tensors)
    real.push_back("r" + name);
  form.attributes(plain.node(form.plain, real, "t"));
  plain.node("QuantizeLinear", {"t", "sy", "zy"}, "y");
  EXPECT_EQ(run(quantised, inputs), run(plain, inputs));
}

TEST(QuantisedTest, AQLinearOperatorIsTheFloatOneBetweenDequantiseAndQuantise) {
  const std::vector<std::string> one = {"a", "sa", "za", "sy", "zy"},
                                 two = {"a", "sa", "za", "b", "sb", "zb", "sy", "zy"};
  auto with = [](const char *name, auto value) {
    return [=](::onnx::NodeProto &node) { OnnxBuilder::attribute(node, name, value); };
  };
  const std::vector<Form> forms = {
      {"QLinearAdd", "Add", two, {"a", "b"}},
      {"QLinearMul", "Mul", two, {"a", "b"}},
      {"QLinearSigmoid", "Sigmoid", one, {"a"}},
      {"QLinearLeakyRelu", "LeakyRelu", one, {"a"}, with("alpha", 0.25f)},
      {"QLinearSoftmax", "Softmax", one, {"a"}, with("axis", int64_t(1))},
      {"QLinearReduceMean",
       "ReduceMean",
       one,
       {"a"},
       with("axes", std::vector<int64_t>{2, 3}),
       {2, 3, 4, 4},
       {2, 3, 1, 1}},
      {"QLinearGlobalAveragePool",
       "GlobalAveragePool",
       one,
       {"a"},
       [](::onnx::NodeProto &) {},
       {2, 3, 4, 4},
       {2, 3, 1, 1}},
      {"QLinearAveragePool",
       "AveragePool",
       one,
       {"a"},
       with("kernel_shape", std::vector<int64_t>{2, 2}),
       {2, 3, 4, 4},
       {2, 3, 3, 3}},
      {"QLinearConcat",
       "Concat",
       {"sy", "zy", "a", "sa", "za", "b", "sb", "zb"},
       {"a", "b"},
       with("axis", int64_t(1)),
       {2, 3, 4, 4},
       {2, 6, 4, 4}},
  };
  for (const Form &form : forms)
    expectSameAsPlain(form);
}

TEST(QuantisedTest, APoolWithItsChannelsLastIsTheOneWithThemFirst) {
  OnnxBuilder last(13), first(13);
  last.model.add_opset_import()->set_domain("com.microsoft");
  last.model.mutable_opset_import(1)->set_version(1);
  for (OnnxBuilder *b : {&last, &first}) {
    addParameters(*b);
    b->input("a", {"1", "4", "4", "3"}, kU8).output("y", {"1", "1", "1", "3"}, kU8);
  }
  auto &node = last.node("QLinearGlobalAveragePool", {"a", "sa", "za", "sy", "zy"}, "y");
  node.set_domain("com.microsoft");
  OnnxBuilder::attribute(node, "channels_last", int64_t(1));
  first.node("DequantizeLinear", {"a", "sa", "za"}, "r");
  OnnxBuilder::attribute(first.node("ReduceMean", {"r"}, "m"), "axes", std::vector<int64_t>{1, 2});
  first.node("QuantizeLinear", {"m", "sy", "zy"}, "y");
  const std::vector<Tensor> inputs = {randomBytes(ElementType::U8, {1, 4, 4, 3}, 1)};
  EXPECT_EQ(run(last, inputs), run(first, inputs));
}

TEST(QuantisedTest, QGemmAddsItsBiasAndIsRealWithoutAScaleOfTheResult) {
  OnnxBuilder b(13);
  b.model.add_opset_import()->set_domain("com.microsoft");
  b.model.mutable_opset_import(1)->set_version(1);
  addParameters(b);
  b.input("a", {"2", "3"}, kU8).output("y", {"2", "2"});
  b.integers("w", {2, 3}, {1, 2, 3, 200, 100, 50}, kU8);
  b.integers("c", {2}, {8, -16}, kI32);
  auto &node = b.node("QGemm", {"a", "sa", "za", "w", "sb", "zb", "c"}, "y");
  node.set_domain("com.microsoft");
  OnnxBuilder::attribute(node, "transB", int64_t(1));
  const Tensor a = Tensor::of<uint8_t>({2, 3}, {120, 121, 122, 0, 255, 130});
  const auto results = run(b, {a});
  ASSERT_EQ(results.size(), 1u);
  const int w[2][3] = {{1, 2, 3}, {200, 100, 50}}, c[2] = {8, -16};
  for (int r = 0; r < 2; ++r)
    for (int n = 0; n < 2; ++n) {
      int sum = c[n];
      for (int k = 0; k < 3; ++k)
        sum += (a.data<uint8_t>()[r * 3 + k] - 120) * (w[n][k] - 7);
      EXPECT_EQ(results[0].data<float>()[r * 2 + n], 0.125f * static_cast<float>(sum));
    }
}

TEST(QuantisedTest, AProductOfIntegersIsExactWhateverIsConstant) {
  const Tensor a = randomBytes(ElementType::U8, {2, 3, 5}, 1), w = randomBytes(ElementType::I8, {5, 4}, 2);
  for (bool isConstant : {true, false}) {
    OnnxBuilder b(13);
    b.input("a", {"2", "3", "5"}, kU8).input("za", {}, kU8).output("y", {"2", "3", "4"}, kI32);
    b.integers("zw", {4}, {1, -2, 0, 5}, kI8);
    if (isConstant)
      b.integers("w", {5, 4}, std::vector<int64_t>(w.data<int8_t>(), w.data<int8_t>() + w.size()), kI8);
    else
      b.input("w", {"5", "4"}, kI8);
    b.node("MatMulInteger", {"a", "w", "za", "zw"}, "y");
    std::vector<Tensor> inputs = {a, Tensor::of<uint8_t>({}, {77})};
    if (!isConstant)
      inputs.push_back(w);
    const auto results = run(b, inputs);
    ASSERT_EQ(results.size(), 1u);
    const int zeros[] = {1, -2, 0, 5};
    for (int row = 0; row < 6; ++row)
      for (int n = 0; n < 4; ++n) {
        int sum = 0;
        for (int k = 0; k < 5; ++k)
          sum += (a.data<uint8_t>()[row * 5 + k] - 77) * (w.data<int8_t>()[k * 4 + n] - zeros[n]);
        EXPECT_EQ(results[0].data<int32_t>()[row * 4 + n], sum) << isConstant;
      }
  }
}

// The machine has an operator for it.
TEST(QuantisedTest, AProductByConstantWeightsIsOneOfRawIntegers) {
  OnnxBuilder b(13);
  b.input("a", {"3", "5"}, kU8).input("za", {}, kU8).output("y", {"3", "2"}, kI32);
  b.integers("w", {5, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, kU8);
  b.node("MatMulInteger", {"a", "w", "za"}, "y");
  std::vector<Diag> problems;
  auto context = makeContext();
  auto module = importOnnx(*context, b.bytes(), "m.onnx", {}, problems);
  ASSERT_TRUE(module) << problemText("m.onnx", problems);
  int products = 0;
  module->walk([&](QGemmSumsOp) { ++products; });
  EXPECT_EQ(products, 1);
}

// Outside the image is the zero point, whatever it is when the model runs.
TEST(QuantisedTest, AConvolutionOfIntegersIsExactAtTheEdges) {
  const Tensor x = randomBytes(ElementType::U8, {2, 2, 4, 3}, 1), w = randomBytes(ElementType::U8, {3, 2, 3, 2}, 2);
  OnnxBuilder b(13);
  b.input("x", {"2", "2", "4", "3"}, kU8).input("zx", {}, kU8).output("y", {"2", "3", "4", "2"}, kI32);
  b.integers("w", {3, 2, 3, 2}, std::vector<int64_t>(w.data<uint8_t>(), w.data<uint8_t>() + w.size()), kU8);
  b.integers("zw", {}, {100}, kU8);
  OnnxBuilder::attribute(b.node("ConvInteger", {"x", "w", "zx", "zw"}, "y"), "pads", std::vector<int64_t>{1, 0, 1, 0});
  const int zero = 200;
  const auto results = run(b, {x, Tensor::of<uint8_t>({}, {zero})});
  ASSERT_EQ(results.size(), 1u);
  int64_t at = 0;
  for (int n = 0; n < 2; ++n)
    for (int o = 0; o < 3; ++o)
      for (int row = 0; row < 4; ++row)
        for (int column = 0; column < 2; ++column) {
          int sum = 0;
          for (int c = 0; c < 2; ++c)
            for (int kh = 0; kh < 3; ++kh)
              for (int kw = 0; kw < 2; ++kw)
                if (const int h = row + kh - 1; h >= 0 && h < 4)
                  sum += (x.data<uint8_t>()[((n * 2 + c) * 4 + h) * 3 + column + kw] - zero) *
                         (w.data<uint8_t>()[((o * 2 + c) * 3 + kh) * 2 + kw] - 100);
          EXPECT_EQ(results[0].data<int32_t>()[at++], sum);
        }
}

// ONNX's own example: the range takes 0 in.
TEST(QuantisedTest, ADynamicQuantiserFindsTheScaleOfItsValues) {
  OnnxBuilder b(13);
  b.input("x", {"6"}).output("y", {"6"}, kU8).output("s", {}).output("z", {}, kU8);
  auto &node = b.node("DynamicQuantizeLinear", {"x"}, "y");
  node.add_output("s");
  node.add_output("z");
  const auto results = run(b, {Tensor::of<float>({6}, {0, 2, -3, -2.5f, 1.34f, 0.5f})});
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0], Tensor::of<uint8_t>({6}, {153, 255, 0, 26, 221, 179}));
  EXPECT_FLOAT_EQ(results[1].data<float>()[0], 5.0f / 255);
  EXPECT_EQ(results[2].data<uint8_t>()[0], 153);
  const auto zeros = run(b, {Tensor(ElementType::F32, {6})});
  ASSERT_EQ(zeros.size(), 3u);
  EXPECT_EQ(zeros[0], Tensor(ElementType::U8, {6})) << "of zeros alone no scale may be 0";
}

// Two elements share a scale and a zero point; the last block of an axis of five is short.
TEST(QuantisedTest, BlocksHaveParametersOfTheirOwn) {
  OnnxBuilder b(21);
  b.model.set_ir_version(10);
  b.input("x", {"2", "5"}).output("q", {"2", "5"}, kI8).output("y", {"2", "5"});
  b.floats("s", {2, 3}, {0.5f, 1, 2, 4, 0.25f, 1});
  b.integers("z", {2, 3}, {0, 1, 2, -1, 0, 3}, kI8);
  auto &quantise = b.node("QuantizeLinear", {"x", "s", "z"}, "q");
  auto &dequantise = b.node("DequantizeLinear", {"q", "s", "z"}, "y");
  for (auto *node : {&quantise, &dequantise}) {
    OnnxBuilder::attribute(*node, "axis", int64_t(1));
    OnnxBuilder::attribute(*node, "block_size", int64_t(2));
  }
  const Tensor x = Tensor::of<float>({2, 5}, {1, -2, 3.5f, 400, -7, 8, 10, 0.3f, -0.4f, 100});
  const float scales[2][3] = {{0.5f, 1, 2}, {4, 0.25f, 1}};
  const int zeros[2][3] = {{0, 1, 2}, {-1, 0, 3}};
  const auto results = run(b, {x});
  ASSERT_EQ(results.size(), 2u);
  for (int r = 0; r < 2; ++r)
    for (int c = 0; c < 5; ++c) {
      const float scale = scales[r][c / 2];
      const int zero = zeros[r][c / 2];
      const int q = std::clamp(static_cast<int>(std::nearbyint(x.data<float>()[r * 5 + c] / scale)) + zero, -128, 127);
      EXPECT_EQ(results[0].integerAt(r * 5 + c), q);
      EXPECT_EQ(results[1].data<float>()[r * 5 + c], scale * static_cast<float>(q - zero));
    }
}

TEST(QuantisedTest, BlocksThatDoNotFitAreRefused) {
  OnnxBuilder b(21);
  b.model.set_ir_version(10);
  b.input("x", {"2", "5"}, kI8).output("y", {"2", "5"});
  b.floats("s", {2, 2}, {0.5f, 1, 2, 4});
  auto &node = b.node("DequantizeLinear", {"x", "s"}, "y");
  OnnxBuilder::attribute(node, "block_size", int64_t(2));
  std::vector<Diag> problems;
  auto context = makeContext();
  EXPECT_FALSE(importOnnx(*context, b.bytes(), "m.onnx", {}, problems));
  EXPECT_EQ(problemText("m.onnx", problems),
            "m.onnx: node 'n_y' (DequantizeLinear): scale is 2x2, blocks of 2 along axis 1 of 2x5 need 2x3\n");
}

TEST(QuantisedTest, SixteenBitsSaturateAtTheirOwnEnds) {
  for (const auto &[type, element, zero, wanted] :
       {std::tuple(kI16, ElementType::I16, 5, std::array<int64_t, 5>{-32768, 3, 5, 7, 32767}),
        std::tuple(kU16, ElementType::U16, 40000, std::array<int64_t, 5>{0, 39998, 40000, 40002, 65535})}) {
    OnnxBuilder b(21);
    b.model.set_ir_version(10);
    b.input("x", {"5"}).output("q", {"5"}, type).output("y", {"5"});
    b.floats("s", {}, {0.5f});
    b.integers("z", {}, {zero}, type);
    b.node("QuantizeLinear", {"x", "s", "z"}, "q");
    b.node("DequantizeLinear", {"q", "s", "z"}, "y");
    const auto results = run(b, {Tensor::of<float>({5}, {-1e6f, -1, 0.25f, 1, 1e6f})});
    ASSERT_EQ(results.size(), 2u);
    ASSERT_EQ(results[0].type, element);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(results[0].integerAt(i), wanted[i]);
      EXPECT_EQ(results[1].data<float>()[i], 0.5f * static_cast<float>(wanted[i] - zero));
    }
  }
}

// Numbers of four bits lie in bytes here and saturate where the model says.
TEST(QuantisedTest, FourBitsSaturateAtTheirOwnEnds) {
  for (const auto &[type, wanted] : {std::tuple(22, std::array<int64_t, 4>{-8, -1, 2, 7}), {21, {0, 0, 3, 15}}}) {
    OnnxBuilder b(21);
    b.model.set_ir_version(10);
    b.input("x", {"4"}).output("y", {"4"});
    b.floats("s", {}, {0.5f});
    auto &zero = *b.graph().add_initializer();
    zero.set_name("z");
    zero.set_data_type(type);
    zero.set_raw_data(std::string(1, type == 22 ? '\x01' : '\x02'));
    b.node("QuantizeLinear", {"x", "s", "z"}, "q");
    b.node("DequantizeLinear", {"q", "s", "z"}, "y");
    const auto results = run(b, {Tensor::of<float>({4}, {-1e6f, -1, 0.5f, 1e6f})});
    ASSERT_EQ(results.size(), 1u);
    for (int i = 0; i < 4; ++i)
      EXPECT_EQ(results[0].data<float>()[i], 0.5f * static_cast<float>(wanted[i] - (type == 22 ? 1 : 2))) << type;
  }
}

// Products of numbers that are no float32, with what Gemm does around them.
TEST(QuantisedTest, ProductsOfOtherTypesAreComputedInTheirType) {
  OnnxBuilder b(13);
  b.input("a", {"2", "3"}, kI32).input("b", {"2", "3"}, kI32).input("c", {"2"}, kI32).output("y", {"2", "2"}, kI32);
  auto &gemm = b.node("Gemm", {"a", "b", "c"}, "y");
  OnnxBuilder::attribute(gemm, "transB", int64_t(1));
  OnnxBuilder::attribute(gemm, "alpha", 2.0f);
  const auto results =
      run(b, {Tensor::of<int32_t>({2, 3}, {1, 2, 3, 4, 5, 6}), Tensor::of<int32_t>({2, 3}, {1, 0, 1, 0, 1 << 30, 0}),
              Tensor::of<int32_t>({2}, {7, -1})});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0], Tensor::of<int32_t>({2, 2}, {15, -1, 27, int32_t(uint32_t(10) << 30) - 1}));
}

} // namespace
} // namespace tw::ir::test
