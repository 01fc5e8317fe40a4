// SPDX-License-Identifier: Apache-2.0
// Operators over windows are composed of others when a model is imported. Here each is computed as ONNX's text says it,
// one window after the other, for random geometries of one, two and three dimensions.
#include "Material.h"
#include "OnnxBuilder.h"

#include "tw/ir/Constants.h"

#include <cmath>
#include <random>

using namespace mlir;

namespace tw::ir::test {
namespace {

using Random = std::mt19937;
using Numbers = std::vector<int64_t>;

int64_t draw(Random &random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
}
Numbers draws(Random &random, size_t count, int64_t low, int64_t high) {
  Numbers numbers(count);
  for (int64_t &number : numbers)
    number = draw(random, low, high);
  return numbers;
}

Tensor randomFloats(Dims shape, Random &random) {
  Tensor tensor(ElementType::F32, shape);
  for (int64_t i = 0; i < tensor.size(); ++i)
    tensor.data<float>()[i] = static_cast<float>(draw(random, -64, 64)) / 16;
  return tensor;
}

struct Geometry {
  Numbers image, kernel, strides, dilations, front, back;
  size_t rank() const { return image.size(); }
  Numbers pads() const {
    Numbers all = front;
    all.insert(all.end(), back.begin(), back.end());
    return all;
  }
  int64_t span(size_t d) const { return (kernel[d] - 1) * dilations[d] + 1; }
};

Geometry drawGeometry(Random &random) {
  const size_t rank = static_cast<size_t>(draw(random, 1, 3));
  Geometry g{draws(random, rank, 1, rank == 3 ? 5 : 9),
             draws(random, rank, 1, 4),
             draws(random, rank, 1, 4),
             draws(random, rank, 1, 3),
             {},
             {}};
  for (size_t d = 0; d < rank; ++d) {
    g.front.push_back(draw(random, 0, g.span(d) - 1));
    g.back.push_back(draw(random, 0, g.span(d) - 1));
  }
  return g;
}

std::string describe(const Geometry &g) {
  auto list = [](const Numbers &numbers) { return shapeText(numbers) + " "; };
  return "image " + list(g.image) + "kernel " + list(g.kernel) + "strides " + list(g.strides) + "dilations " +
         list(g.dilations) + "pads " + list(g.pads());
}

void setGeometry(::onnx::NodeProto &node, const Geometry &g, bool hasDilations = true) {
  OnnxBuilder::attribute(node, "kernel_shape", g.kernel);
  OnnxBuilder::attribute(node, "strides", g.strides);
  OnnxBuilder::attribute(node, "pads", g.pads());
  if (hasDilations)
    OnnxBuilder::attribute(node, "dilations", g.dilations);
}

// Calls visit(index vector, linear index) for each element.
template <typename Visit> void forEach(Dims shape, const Visit &visit) {
  Numbers index(shape.size(), 0);
  for (int64_t linear = 0, count = elementCount(shape); linear < count; ++linear) {
    visit(index, linear);
    for (size_t d = shape.size(); d-- > 0 && ++index[d] == shape[d];)
      index[d] = 0;
  }
}

int64_t linear(Dims index, Dims shape) {
  int64_t result = 0;
  for (size_t d = 0; d < shape.size(); ++d)
    result = result * shape[d] + index[d];
  return result;
}

Shape joined(std::initializer_list<int64_t> first, const Numbers &rest) {
  Shape shape(first);
  shape.append(rest.begin(), rest.end());
  return shape;
}

void declare(OnnxBuilder &builder, bool isInput, const std::string &name, Dims shape,
             int type = ::onnx::TensorProto_DataType_FLOAT) {
  std::vector<std::string> dims;
  for (int64_t d : shape)
    dims.push_back(std::to_string(d));
  isInput ? builder.input(name, dims, type) : builder.output(name, dims, type);
}

// The model's result, as imported and after the graph passes; a test failure when it is not the expected one.
void expectResult(const OnnxBuilder &builder, const std::vector<Tensor> &inputs, Dims shape,
                  const std::vector<double> &expected) {
  auto context = makeContext();
  std::vector<Diag> problems;
  auto module = importOnnx(*context, builder.bytes(), "model.onnx", {}, problems);
  ASSERT_TRUE(module) << problemText("model.onnx", problems);
  for (bool isFused : {false, true}) {
    if (isFused)
      ASSERT_TRUE(runGraphPipeline(*module));
    Interpreter interpreter(*module);
    Tensor actual = runSingle(interpreter, *module, inputs);
    ASSERT_EQ(Dims(actual.shape), shape);
    for (int64_t i = 0; i < actual.size(); ++i)
      ASSERT_NEAR(actual.numberAt(i), expected[i], 1e-4 * (1 + std::abs(expected[i])))
          << "element " << i << (isFused ? " after the passes" : "");
  }
}

// Of a convolution: y[position] += x[place] * w[tap]; of a transposed one: y[place] += x[position] * w[tap]. Calls
// visit(position, tap, place) with indices over the dimensions of the image; the place may lie outside.
template <typename Visit> void forEachTap(const Geometry &g, Dims positions, const Visit &visit) {
  forEach(positions, [&](const Numbers &position, int64_t) {
    forEach(g.kernel, [&](const Numbers &tap, int64_t) {
      Numbers place(g.rank());
      for (size_t d = 0; d < g.rank(); ++d)
        place[d] = position[d] * g.strides[d] + tap[d] * g.dilations[d] - g.front[d];
      visit(position, tap, place);
    });
  });
}

bool isInside(const Numbers &place, Dims image) {
  for (size_t d = 0; d < place.size(); ++d)
    if (place[d] < 0 || place[d] >= image[d])
      return false;
  return true;
}

Numbers joinedIndex(int64_t a, int64_t b, const Numbers &rest) {
  Numbers index{a, b};
  index.insert(index.end(), rest.begin(), rest.end());
  return index;
}

// Positions of the window; none when it does not fit.
Numbers positionsOf(const Geometry &g) {
  Numbers positions;
  for (size_t d = 0; d < g.rank(); ++d) {
    const int64_t room = g.image[d] + g.front[d] + g.back[d] - g.span(d);
    if (room < 0)
      return {};
    positions.push_back(room / g.strides[d] + 1);
  }
  return positions;
}

TEST(WindowsTest, AConvolutionOfAnyRankIsTheSumOverItsTaps) {
  Random random(1);
  for (int round = 0; round < 40; ++round) {
    const Geometry g = drawGeometry(random);
    const Numbers positions = positionsOf(g);
    if (positions.empty())
      continue;
    SCOPED_TRACE(describe(g));
    const int64_t group = draw(random, 1, 2), in = group * draw(random, 1, 2), out = group * draw(random, 1, 3);
    const Tensor x = randomFloats(joined({2, in}, g.image), random),
                 w = randomFloats(joined({out, in / group}, g.kernel), random), b = randomFloats({out}, random);
    const Shape shape = joined({2, out}, positions);
    std::vector<double> expected(elementCount(shape));
    forEach(Dims{2, out}, [&](const Numbers &image, int64_t) {
      const int64_t o = image[1];
      forEach(positions, [&](const Numbers &position, int64_t) {
        expected[linear(joinedIndex(image[0], o, position), shape)] = b.numberAt(o);
      });
      forEachTap(g, positions, [&](const Numbers &position, const Numbers &tap, const Numbers &place) {
        for (int64_t c = 0; isInside(place, g.image) && c < in / group; ++c)
          expected[linear(joinedIndex(image[0], o, position), shape)] +=
              x.numberAt(linear(joinedIndex(image[0], o / (out / group) * (in / group) + c, place), x.shape)) *
              w.numberAt(linear(joinedIndex(o, c, tap), w.shape));
      });
    });
    OnnxBuilder builder;
    declare(builder, true, "x", x.shape);
    declare(builder, true, "b", b.shape);
    builder.floats("w", Numbers(w.shape.begin(), w.shape.end()), w.values<float>().vec());
    auto &node = builder.node("Conv", {"x", "w", "b"}, "y");
    setGeometry(node, g);
    OnnxBuilder::attribute(node, "group", group);
    declare(builder, false, "y", shape);
    expectResult(builder, {x, b}, shape, expected);
  }
}

TEST(WindowsTest, ATransposedConvolutionScattersItsTaps) {
  Random random(2);
  for (int round = 0; round < 80; ++round) {
    Geometry g = drawGeometry(random);
    const Numbers extra = draws(random, g.rank(), 0, 2);
    Numbers result;
    for (size_t d = 0; d < g.rank(); ++d)
      result.push_back((g.image[d] - 1) * g.strides[d] + extra[d] + g.span(d) - g.front[d] - g.back[d]);
    if (llvm::any_of(result, [](int64_t n) { return n < 1; }))
      continue;
    SCOPED_TRACE(describe(g) + "output_padding " + shapeText(extra));
    const int64_t group = draw(random, 1, 2), in = group * draw(random, 1, 2), perGroup = draw(random, 1, 3),
                  out = group * perGroup;
    const bool isConstant = draw(random, 0, 1);
    const Tensor x = randomFloats(joined({1, in}, g.image), random),
                 w = randomFloats(joined({in, perGroup}, g.kernel), random), b = randomFloats({out}, random);
    const Shape shape = joined({1, out}, result);
    std::vector<double> expected(elementCount(shape));
    for (int64_t i = 0, inner = elementCount(result); i < elementCount(shape); ++i)
      expected[i] = b.numberAt(i / inner);
    forEachTap(g, g.image, [&](const Numbers &position, const Numbers &tap, const Numbers &place) {
      for (int64_t c = 0; isInside(place, result) && c < in; ++c)
        for (int64_t o = 0; o < perGroup; ++o)
          expected[linear(joinedIndex(0, c / (in / group) * perGroup + o, place), shape)] +=
              x.numberAt(linear(joinedIndex(0, c, position), x.shape)) *
              w.numberAt(linear(joinedIndex(c, o, tap), w.shape));
    });
    OnnxBuilder builder;
    declare(builder, true, "x", x.shape);
    declare(builder, true, "b", b.shape);
    if (isConstant)
      builder.floats("w", Numbers(w.shape.begin(), w.shape.end()), w.values<float>().vec());
    else
      declare(builder, true, "w", w.shape);
    auto &node = builder.node("ConvTranspose", {"x", "w", "b"}, "y");
    setGeometry(node, g);
    OnnxBuilder::attribute(node, "group", group);
    OnnxBuilder::attribute(node, "output_padding", extra);
    declare(builder, false, "y", shape);
    expectResult(builder, isConstant ? std::vector<Tensor>{x, b} : std::vector<Tensor>{x, b, w}, shape, expected);
  }
}

// Windows of the padded image; with ceil_mode one more where it begins inside the image or its padding in front.
TEST(WindowsTest, PoolsOfAnyRankAreTheirWindows) {
  Random random(3);
  for (int round = 0; round < 120; ++round) {
    Geometry g = drawGeometry(random);
    const int kind = static_cast<int>(draw(random, 0, 2)); // maximum, mean, 2-norm
    const int64_t ceilMode = draw(random, 0, 1), includePad = draw(random, 0, 1), isOfBytes = draw(random, 0, 1);
    Numbers positions;
    bool hasAll = true;
    for (size_t d = 0; d < g.rank(); ++d) {
      const double room = static_cast<double>(g.image[d] + g.front[d] + g.back[d] - g.span(d)),
                   steps = room / static_cast<double>(g.strides[d]);
      positions.push_back(static_cast<int64_t>(ceilMode ? std::ceil(steps) : std::floor(steps)) + 1);
      if (ceilMode && (positions[d] - 1) * g.strides[d] >= g.image[d] + g.front[d])
        --positions[d];
      hasAll = hasAll && positions[d] > 0;
    }
    // Nobody says what a window of only padding is.
    bool isDefined = hasAll;
    const Shape shape = joined({2, 3}, positions);
    const Tensor x = randomFloats(joined({2, 3}, g.image), random);
    std::vector<double> expected(isDefined ? elementCount(shape) : 0);
    for (int64_t image = 0; isDefined && image < 6; ++image)
      forEach(positions, [&](const Numbers &position, int64_t p) {
        double sum = 0, top = -INFINITY;
        int64_t inside = 0, padded = 0;
        forEach(g.kernel, [&](const Numbers &tap, int64_t) {
          Numbers place(g.rank());
          bool isPadded = true;
          for (size_t d = 0; d < g.rank(); ++d) {
            place[d] = position[d] * g.strides[d] + tap[d] * g.dilations[d] - g.front[d];
            isPadded = isPadded && place[d] < g.image[d] + g.back[d];
          }
          padded += isPadded;
          if (!isInside(place, g.image))
            return;
          ++inside;
          const double value = x.numberAt(image * elementCount(g.image) + linear(place, g.image));
          top = std::max(top, value);
          sum += kind == 2 ? value * value : value;
        });
        isDefined = isDefined && inside > 0;
        expected[image * elementCount(positions) + p] = kind == 0 ? top
                                                        : kind == 1
                                                            ? sum / static_cast<double>(includePad ? padded : inside)
                                                            : std::sqrt(sum);
      });
    if (!isDefined)
      continue;
    SCOPED_TRACE(describe(g) + "kind " + std::to_string(kind) + " ceil_mode " + std::to_string(ceilMode) +
                 " count_include_pad " + std::to_string(includePad) + " of bytes " + std::to_string(isOfBytes));
    OnnxBuilder builder(22);
    builder.model.set_ir_version(10);
    Tensor given = x;
    if (isOfBytes) {
      given = Tensor(ElementType::I8, x.shape);
      for (int64_t i = 0; i < x.size(); ++i)
        given.setInteger(i, std::lround(x.numberAt(i) * 16) + 3);
      builder.floats("s", {}, {1.0f / 16});
      builder.integers("z", {}, {3}, ::onnx::TensorProto_DataType_INT8);
      builder.node("DequantizeLinear", {"given", "s", "z"}, "x");
    }
    declare(builder, true, isOfBytes ? "given" : "x", x.shape,
            isOfBytes ? ::onnx::TensorProto_DataType_INT8 : ::onnx::TensorProto_DataType_FLOAT);
    auto &node = builder.node(kind == 0 ? "MaxPool" : kind == 1 ? "AveragePool" : "LpPool", {"x"}, "y");
    setGeometry(node, g);
    OnnxBuilder::attribute(node, "ceil_mode", ceilMode);
    if (kind == 1)
      OnnxBuilder::attribute(node, "count_include_pad", includePad);
    declare(builder, false, "y", shape);
    expectResult(builder, {given}, shape, expected);
  }
}

// One model of QuantizeLinear's int8 around an operator, with a scale for each slice of dimension `axis` of the
// weights.
std::string quantisedModel(const char *type, Dims x, Dims w, int64_t axis, Dims y, const Geometry &g, Random &random) {
  OnnxBuilder builder(22);
  builder.model.set_ir_version(10);
  auto declared = [&](bool isInput, const std::string &name, Dims shape) {
    std::vector<std::string> dims;
    for (int64_t d : shape)
      dims.push_back(std::to_string(d));
    isInput ? builder.input(name, dims, ::onnx::TensorProto_DataType_INT8)
            : builder.output(name, dims, ::onnx::TensorProto_DataType_INT8);
  };
  declared(true, "x", x);
  declared(false, "y", y);
  builder.floats("xs", {}, {0.03f});
  builder.integers("xz", {}, {3}, ::onnx::TensorProto_DataType_INT8);
  builder.integers("w", Numbers(w.begin(), w.end()), draws(random, elementCount(w), -127, 127),
                   ::onnx::TensorProto_DataType_INT8);
  std::vector<float> scales;
  for (int64_t i = 0; i < w[axis]; ++i)
    scales.push_back(0.004f + 0.001f * static_cast<float>(i));
  builder.floats("ws", {w[axis]}, scales);
  builder.integers("wz", {w[axis]}, Numbers(w[axis], 0), ::onnx::TensorProto_DataType_INT8);
  builder.floats("ys", {}, {0.2f});
  builder.integers("yz", {}, {-5}, ::onnx::TensorProto_DataType_INT8);
  builder.node("DequantizeLinear", {"x", "xs", "xz"}, "xd");
  OnnxBuilder::attribute(builder.node("DequantizeLinear", {"w", "ws", "wz"}, "wd"), "axis", axis);
  const bool isPool = llvm::StringRef(type) == "AveragePool";
  auto &node = isPool ? builder.node(type, {"xd"}, "yd") : builder.node(type, {"xd", "wd"}, "yd");
  setGeometry(node, g);
  if (isPool)
    OnnxBuilder::attribute(node, "count_include_pad", int64_t(1));
  builder.node("QuantizeLinear", {"yd", "ys", "yz"}, "y");
  return builder.bytes();
}

TEST(WindowsTest, QuantisedOnesAreIntegerProductsAndMoves) {
  Random random(4);
  struct {
    const char *type;
    Shape x, w;
    int64_t axis;
    Shape y;
    Geometry g;
  } cases[] = {
      {"Conv", {1, 4, 9}, {6, 4, 3}, 0, {1, 6, 5}, {{9}, {3}, {2}, {1}, {1}, {1}}},
      {"Conv",
       {1, 4, 3, 4, 4},
       {6, 4, 3, 3, 3},
       0,
       {1, 6, 3, 4, 4},
       {{3, 4, 4}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}}},
      {"AveragePool",
       {1, 4, 3, 4, 4},
       {4},
       0,
       {1, 4, 2, 4, 4},
       {{3, 4, 4}, {2, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}}},
      {"AveragePool", {1, 4, 6, 6}, {4}, 0, {1, 4, 4, 4}, {{6, 6}, {2, 2}, {1, 1}, {2, 2}, {0, 0}, {0, 0}}},
      {"ConvTranspose", {1, 4, 5}, {4, 6, 4}, 1, {1, 6, 10}, {{5}, {4}, {2}, {1}, {1}, {1}}},
      {"ConvTranspose", {1, 4, 3, 3}, {4, 6, 3, 3}, 1, {1, 6, 5, 5}, {{3, 3}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}}},
  };
  for (const auto &c : cases) {
    SCOPED_TRACE(std::string(c.type) + " " + describe(c.g));
    auto context = makeContext();
    std::vector<Diag> problems;
    auto module = importOnnx(*context, quantisedModel(c.type, c.x, c.w, c.axis, c.y, c.g, random), "m", {}, problems);
    ASSERT_TRUE(module) << problemText("m", problems);
    Tensor x(ElementType::I8, c.x);
    for (char &byte : x.bytes)
      byte = static_cast<char>(random());
    Interpreter imported(*module);
    const Tensor expected = runSingle(imported, *module, {x});
    ASSERT_TRUE(runGraphPipeline(*module, {.outline = false}));
    int64_t products = 0;
    for (Operation &op : module->lookupSymbol<func::FuncOp>("main").front()) {
      products += isa<QConvOp>(op);
      for (Value result : op.getResults())
        EXPECT_TRUE(isa<ConstantOp>(op) || elementTypeOf(result.getType()) == ElementType::I8)
            << op.getName().getStringRef().str();
    }
    EXPECT_GT(products, 0);
    Interpreter fused(*module);
    Differences differences;
    differences.add(runSingle(fused, *module, {x}), expected);
    EXPECT_LE(differences.largest, 1);
  }
}

} // namespace
} // namespace tw::ir::test
