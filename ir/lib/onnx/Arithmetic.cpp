// SPDX-License-Identifier: Apache-2.0
// Operators of two values or more: arithmetic, powers, relations, logic and bits.
#include "Compose.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

bool isBool(Value value) { return elementTypeOf(value.getType()) == ElementType::Bool; }
bool isRealValue(Value value) { return isReal(elementTypeOf(value.getType())); }

FailureOr<std::pair<Value, Value>> numericPair(Node &node) {
  auto pair = inputPair(node);
  if (succeeded(pair) && isBool(pair->first))
    return node.fail("its inputs are bool, they must be numbers");
  return pair;
}

template <typename Op> LogicalResult buildBinary(Node &node) {
  auto pair = numericPair(node);
  if (failed(pair))
    return failure();
  node.setResult(0, Compose(node).make<Op>(pair->first, pair->second));
  return success();
}

// Any number of inputs, from the first to the last.
template <typename Op> FailureOr<Value> combined(Node &node) {
  auto inputs = sameInputs(node);
  if (failed(inputs))
    return failure();
  if (isBool(inputs->front()))
    return node.fail("its inputs are bool, they must be numbers");
  Value value = inputs->front();
  for (Value next : llvm::drop_begin(*inputs))
    value = Compose(node).make<Op>(value, next);
  return value;
}

template <typename Op> LogicalResult buildVariadic(Node &node) {
  auto value = combined<Op>(node);
  if (failed(value))
    return failure();
  node.setResult(0, *value);
  return success();
}

LogicalResult buildRelation(Node &node, CompareKind kind) {
  auto pair = inputPair(node);
  if (failed(pair))
    return failure();
  node.setResult(0, Compose(node).compare(kind, pair->first, pair->second));
  return success();
}

// Of bool, or of integers.
LogicalResult buildBits(Node &node, BinaryKind kind, bool isOfBool) {
  auto pair = inputPair(node);
  if (failed(pair))
    return failure();
  if (isBool(pair->first) != isOfBool || isRealValue(pair->first))
    return node.fail("its inputs are " + llvm::StringRef(elementTypeName(elementTypeOf(pair->first.getType()))) +
                     ", they must be " + (isOfBool ? "bool" : "integers"));
  node.setResult(0, Compose(node).apply(kind, pair->first, pair->second));
  return success();
}

// The one number that a constant holds.
std::optional<double> soleNumber(Value value) {
  auto tensor = constantOf(value);
  return tensor && tensor->size() == 1 ? std::optional(tensor->numberAt(0)) : std::nullopt;
}

// The type in which a power of mixed types is computed: one that holds both.
ElementType powerType(ElementType base, ElementType exponent) {
  if (base == exponent)
    return base;
  if (!isReal(base) && !isReal(exponent)) // modulo 2^64 before it is modulo the width of the base
    return isUnsignedInteger(exponent) ? ElementType::U64 : ElementType::I64;
  if (base == ElementType::F32 && !isReal(exponent) && byteWidth(exponent) <= 2)
    return base;
  return ElementType::F64;
}

} // namespace

LogicalResult buildAdd(Node &node) { return buildBinary<AddOp>(node); }
LogicalResult buildSub(Node &node) { return buildBinary<SubOp>(node); }
LogicalResult buildMul(Node &node) { return buildBinary<MulOp>(node); }
LogicalResult buildDiv(Node &node) { return buildBinary<DivOp>(node); }
LogicalResult buildMin(Node &node) { return buildVariadic<MinOp>(node); }
LogicalResult buildMax(Node &node) { return buildVariadic<MaxOp>(node); }
LogicalResult buildSum(Node &node) { return buildVariadic<AddOp>(node); }

LogicalResult buildMean(Node &node) {
  auto sum = combined<AddOp>(node);
  if (failed(sum))
    return failure();
  Compose c(node);
  node.setResult(0, c.div(*sum, c.number(*sum, static_cast<double>(node.inputCount()))));
  return success();
}

LogicalResult buildPow(Node &node) {
  auto base = numericInput(node, 0), exponent = numericInput(node, 1);
  if (failed(base) || failed(exponent))
    return failure();
  if (node.version < 7)
    exponent = legacyBroadcast(node, *base, *exponent);
  if (failed(exponent))
    return failure();
  auto type = node.resultType(*base, broadcastShape(shapeOf(*base), shapeOf(*exponent)));
  if (failed(type))
    return failure();
  Compose c(node);
  // These are exact: no function of two numbers is needed.
  const std::optional<double> known = type->getShape() == shapeOf(*base) ? soleNumber(*exponent) : std::nullopt;
  if (known == 1) {
    node.setResult(0, *base);
  } else if (known == 2) {
    node.setResult(0, c.mul(*base, *base));
  } else if (known == -1 && isRealValue(*base)) {
    node.setResult(0, c.div(c.number(*base, 1), *base));
  } else {
    const ElementType result = elementTypeOf(type->getElementType());
    const ElementType common = powerType(result, elementTypeOf(exponent->getType()));
    Value power = c.apply(BinaryKind::Pow, c.cast(*base, common), c.cast(*exponent, common));
    node.setResult(0, c.cast(power, result));
  }
  return success();
}

LogicalResult buildMod(Node &node) {
  auto pair = numericPair(node);
  if (failed(pair))
    return failure();
  const bool isFmod = node.integer("fmod", 0) != 0;
  if (!isFmod && isRealValue(pair->first))
    return node.fail("fmod is 0 and its inputs are real; real ones need fmod = 1");
  node.setResult(0, Compose(node).apply(isFmod ? BinaryKind::Fmod : BinaryKind::Mod, pair->first, pair->second));
  return success();
}

LogicalResult buildEqual(Node &node) { return buildRelation(node, CompareKind::Equal); }
LogicalResult buildLess(Node &node) { return buildRelation(node, CompareKind::Less); }
LogicalResult buildLessOrEqual(Node &node) { return buildRelation(node, CompareKind::LessOrEqual); }
LogicalResult buildGreater(Node &node) { return buildRelation(node, CompareKind::Greater); }
LogicalResult buildGreaterOrEqual(Node &node) { return buildRelation(node, CompareKind::GreaterOrEqual); }

LogicalResult buildAnd(Node &node) { return buildBits(node, BinaryKind::And, true); }
LogicalResult buildOr(Node &node) { return buildBits(node, BinaryKind::Or, true); }
LogicalResult buildXor(Node &node) { return buildBits(node, BinaryKind::Xor, true); }
LogicalResult buildBitwiseAnd(Node &node) { return buildBits(node, BinaryKind::And, false); }
LogicalResult buildBitwiseOr(Node &node) { return buildBits(node, BinaryKind::Or, false); }
LogicalResult buildBitwiseXor(Node &node) { return buildBits(node, BinaryKind::Xor, false); }

LogicalResult buildBitShift(Node &node) {
  const std::string direction = node.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    return node.fail("direction '" + direction + "' is not LEFT or RIGHT");
  return buildBits(node, direction == "LEFT" ? BinaryKind::ShiftLeft : BinaryKind::ShiftRight, false);
}

} // namespace tw::ir::onnx
