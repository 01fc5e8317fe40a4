// SPDX-License-Identifier: Apache-2.0
// Activations. Of float32 those with an operator of their own use it (quantised fusion knows them); everything else is
// composed.
#include "Compose.h"

#include <limits>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// f(x) of a real input.
LogicalResult buildReal(Node &node, llvm::function_ref<Value(Compose &, Value)> function) {
  auto input = realInput(node, 0);
  if (failed(input))
    return failure();
  Compose c(node);
  node.setResult(0, function(c, *input));
  return success();
}

bool isFloat32(Value value) { return elementTypeOf(value.getType()) == ElementType::F32; }

template <typename Op, typename... Args> Value own(Node &node, Value x, Args... args) {
  return node.builder.create<Op>(node.location, x.getType(), x, llvm::APFloat(args)...);
}

Value isBelow(Compose &c, Value x, double bound) { return c.compare(CompareKind::Less, x, c.number(x, bound)); }
Value isAbove(Compose &c, Value x, double bound) { return c.compare(CompareKind::Greater, x, c.number(x, bound)); }

Value leakyRelu(Node &node, Compose &c, Value x, float alpha) {
  if (isFloat32(x))
    return own<LeakyReluOp>(node, x, alpha);
  return c.where(isBelow(c, x, 0), c.mul(c.number(x, alpha), x), x);
}

Value hardSigmoid(Node &node, Compose &c, Value x, float alpha, float beta) {
  if (isFloat32(x))
    return own<HardSigmoidOp>(node, x, alpha, beta);
  Value line = c.add(c.mul(c.number(x, alpha), x), c.number(x, beta));
  return c.max(c.min(line, c.number(x, 1)), c.number(x, 0));
}

// log(exp(x) + 1) without overflow.
Value softplus(Compose &c, Value x) {
  Value tail = c.apply(UnaryKind::Exp, c.apply(UnaryKind::Neg, c.apply(UnaryKind::Abs, x)));
  return c.add(c.max(x, c.number(x, 0)), c.apply(UnaryKind::Log1p, tail));
}

// A bound of Clip: input `index` since version 11 (absent means none), an attribute before.
struct Bound {
  std::optional<float> known; // as a number
  Value value;                // as an input
};
FailureOr<Bound> clipBound(Node &node, Value x, size_t index, llvm::StringRef attribute, float none) {
  if (node.version < 11)
    return Bound{node.real(attribute, none), Value()};
  if (!node.hasInput(index))
    return Bound{none, Value()};
  Value value = node.input(index);
  if (!value)
    return failure();
  if (elementCount(shapeOf(value)) != 1 || elementTypeOf(value.getType()) != elementTypeOf(x.getType()))
    return node.fail("bound '" + attribute + "' must be one " +
                     llvm::StringRef(elementTypeName(elementTypeOf(x.getType()))) + ", it is " +
                     llvm::StringRef(elementTypeName(elementTypeOf(value.getType()))) + " " +
                     shapeText(shapeOf(value)));
  auto tensor = constantOf(value);
  if (tensor && isFloat32(x))
    return Bound{tensor->data<float>()[0], Value()};
  auto scalar = RankedTensorType::get({}, cast<RankedTensorType>(value.getType()).getElementType());
  return Bound{std::nullopt, node.builder.createOrFold<ReshapeOp>(node.location, scalar, value)};
}

} // namespace

LogicalResult buildRelu(Node &node) {
  auto input = numericInput(node, 0);
  if (failed(input))
    return failure();
  Compose c(node);
  node.setResult(0, isFloat32(*input) ? own<ReluOp>(node, *input) : c.max(*input, c.number(*input, 0)));
  return success();
}

LogicalResult buildSigmoid(Node &node) {
  return buildReal(node, [](Compose &c, Value x) { return c.sigmoid(x); });
}

LogicalResult buildTanh(Node &node) {
  return buildReal(node, [](Compose &c, Value x) { return c.tanh(x); });
}

LogicalResult buildLeakyRelu(Node &node) {
  const float alpha = node.real("alpha", 0.01f);
  return buildReal(node, [&](Compose &c, Value x) { return leakyRelu(node, c, x, alpha); });
}

LogicalResult buildHardSigmoid(Node &node) {
  const float alpha = node.real("alpha", 0.2f), beta = node.real("beta", 0.5f);
  return buildReal(node, [&](Compose &c, Value x) { return hardSigmoid(node, c, x, alpha, beta); });
}

LogicalResult buildClip(Node &node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  auto input = numericInput(node, 0);
  if (failed(input))
    return failure();
  Value x = *input;
  auto lo = clipBound(node, x, 1, "min", -kInfinity), hi = clipBound(node, x, 2, "max", kInfinity);
  if (failed(lo) || failed(hi))
    return failure();
  Compose c(node);
  if (lo->known && hi->known && isFloat32(x)) {
    node.setResult(0, own<ClipOp>(node, x, *lo->known, *hi->known));
    return success();
  }
  auto boundOf = [&](const Bound &bound) {
    return bound.value || std::abs(*bound.known) == kInfinity ? bound.value : c.number(x, *bound.known);
  };
  if (Value least = boundOf(*lo))
    x = c.max(x, least);
  if (Value most = boundOf(*hi))
    x = c.min(x, most);
  node.setResult(0, x);
  return success();
}

// One slope, or slopes that broadcast; before version 7 one for each channel.
LogicalResult buildPRelu(Node &node) {
  auto input = numericInput(node, 0), slope = numericInput(node, 1);
  if (failed(input) || failed(slope))
    return failure();
  Value x = *input, s = *slope;
  Compose c(node);
  if (node.version < 7 && shapeOf(s).size() == 1 && shapeOf(x).size() > 2) {
    Shape shape(shapeOf(x).size() - 1, 1);
    shape[0] = shapeOf(s)[0];
    auto type = RankedTensorType::get(shape, cast<RankedTensorType>(s.getType()).getElementType());
    s = node.builder.createOrFold<ReshapeOp>(node.location, type, s);
  }
  if (elementTypeOf(s.getType()) != elementTypeOf(x.getType()))
    return node.fail("input 0 is " + llvm::StringRef(elementTypeName(elementTypeOf(x.getType()))) + ", input 1 is " +
                     llvm::StringRef(elementTypeName(elementTypeOf(s.getType()))) + "; they must have one type");
  auto type = node.resultType(x, broadcastShape(shapeOf(x), shapeOf(s)));
  if (failed(type))
    return failure();
  if (*type != x.getType())
    return node.fail("slopes " + shapeText(shapeOf(s)) + " do not broadcast to the input, which is " +
                     shapeText(shapeOf(x)));
  auto known = constantOf(s);
  if (known && isFloat32(x) && known->size() > 0 && llvm::all_equal(known->values<float>()))
    node.setResult(0, leakyRelu(node, c, x, known->data<float>()[0]));
  else
    node.setResult(0, c.where(isBelow(c, x, 0), c.mul(s, x), x));
  return success();
}

LogicalResult buildElu(Node &node) {
  const float alpha = node.real("alpha", 1.0f);
  return buildReal(node, [&](Compose &c, Value x) {
    return c.where(isBelow(c, x, 0), c.mul(c.number(x, alpha), c.apply(UnaryKind::Expm1, x)), x);
  });
}

LogicalResult buildSelu(Node &node) {
  const bool isFirst = node.version < 6;
  const double alpha = node.real("alpha", isFirst ? 1.6732f : 1.67326319217681884765625f);
  const double gamma = node.real("gamma", isFirst ? 1.0507f : 1.05070102214813232421875f);
  return buildReal(node, [&](Compose &c, Value x) {
    Value below = c.mul(c.number(x, alpha * gamma), c.apply(UnaryKind::Expm1, x));
    return c.where(isAbove(c, x, 0), c.mul(c.number(x, gamma), x), below);
  });
}

LogicalResult buildCelu(Node &node) {
  const float alpha = node.real("alpha", 1.0f);
  return buildReal(node, [&](Compose &c, Value x) {
    Value scale = c.number(x, alpha);
    return c.where(isAbove(c, x, 0), x, c.mul(scale, c.apply(UnaryKind::Expm1, c.div(x, scale))));
  });
}

LogicalResult buildSoftplus(Node &node) { return buildReal(node, softplus); }

LogicalResult buildSoftsign(Node &node) {
  return buildReal(node,
                   [](Compose &c, Value x) { return c.div(x, c.add(c.number(x, 1), c.apply(UnaryKind::Abs, x))); });
}

LogicalResult buildThresholdedRelu(Node &node) {
  const float alpha = node.real("alpha", 1.0f);
  return buildReal(node, [&](Compose &c, Value x) { return c.where(isAbove(c, x, alpha), x, c.number(x, 0)); });
}

LogicalResult buildShrink(Node &node) {
  const float lambd = node.real("lambd", 0.5f), bias = node.real("bias", 0.0f);
  auto input = numericInput(node, 0);
  if (failed(input))
    return failure();
  Compose c(node);
  // What is no real is shrunk as one: lambd and bias are.
  const ElementType type = elementTypeOf(input->getType());
  Value x = isReal(type) ? *input : c.cast(*input, byteWidth(type) <= 2 ? ElementType::F32 : ElementType::F64);
  Value above = c.where(isAbove(c, x, lambd), c.sub(x, c.number(x, bias)), c.number(x, 0));
  Value result = c.where(isBelow(c, x, -lambd), c.add(x, c.number(x, bias)), above);
  node.setResult(0, c.cast(result, type));
  return success();
}

LogicalResult buildHardSwish(Node &node) {
  return buildReal(node, [&](Compose &c, Value x) { return c.mul(x, hardSigmoid(node, c, x, 1.0f / 6, 0.5f)); });
}

LogicalResult buildMish(Node &node) {
  return buildReal(node, [](Compose &c, Value x) { return c.mul(x, c.tanh(softplus(c, x))); });
}

LogicalResult buildGelu(Node &node) {
  const std::string approximate = node.text("approximate", "none");
  if (approximate != "none" && approximate != "tanh")
    return node.fail("approximate '" + approximate + "' is not none or tanh");
  return buildReal(node, [&](Compose &c, Value x) {
    Value inner;
    if (approximate == "none") {
      inner = c.apply(UnaryKind::Erf, c.mul(x, c.number(x, 0.70710678118654752440))); // x / sqrt(2)
    } else {
      Value cube = c.mul(c.mul(x, x), x);
      Value sum = c.add(x, c.mul(c.number(x, 0.044715), cube));
      inner = c.tanh(c.mul(c.number(x, 0.79788456080286535588), sum)); // sqrt(2 / pi)
    }
    return c.mul(c.mul(c.number(x, 0.5), x), c.add(c.number(x, 1), inner));
  });
}

LogicalResult buildSwish(Node &node) {
  const float alpha = node.real("alpha", 1.0f);
  return buildReal(
      node, [&](Compose &c, Value x) { return c.mul(x, c.sigmoid(alpha == 1 ? x : c.mul(c.number(x, alpha), x))); });
}

} // namespace tw::ir::onnx
