// SPDX-License-Identifier: Apache-2.0
#include "Compose.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

llvm::StringRef typeName(Value value) { return elementTypeName(elementTypeOf(value.getType())); }

} // namespace

Value Compose::number(Value like, double value) {
  Tensor tensor(elementTypeOf(like.getType()), {});
  tensor.setNumber(0, value);
  return node.constant("number", tensor);
}

RankedTensorType Compose::broadcastType(Value lhs, Value rhs) {
  return RankedTensorType::get(llvm::cantFail(broadcastShape(shapeOf(lhs), shapeOf(rhs))), elementOf(lhs));
}

Value Compose::apply(UnaryKind kind, Value x) {
  return node.builder.create<UnaryOp>(node.location, x.getType(), kind, x);
}

Value Compose::apply(BinaryKind kind, Value lhs, Value rhs) {
  return node.builder.create<BinaryOp>(node.location, broadcastType(lhs, rhs), kind, lhs, rhs);
}

Value Compose::compare(CompareKind kind, Value lhs, Value rhs) {
  Type type = broadcastType(lhs, rhs).clone(node.builder.getI1Type());
  return node.builder.create<CompareOp>(node.location, type, kind, lhs, rhs);
}

Value Compose::where(Value condition, Value yes, Value no) {
  Shape shape = llvm::cantFail(broadcastShape(shapeOf(condition), broadcastType(yes, no).getShape()));
  return node.builder.create<WhereOp>(node.location, RankedTensorType::get(shape, elementOf(yes)), condition, yes, no);
}

Value Compose::cast(Value x, ElementType type) {
  if (elementTypeOf(x.getType()) == type)
    return x;
  return node.builder.create<CastOp>(node.location, toMlirType(node.builder.getContext(), type, shapeOf(x)), x);
}

Value Compose::expand(Value x, Dims shape) {
  if (shapeOf(x) == shape)
    return x;
  return node.builder.create<ExpandOp>(node.location, RankedTensorType::get(shape, elementOf(x)), x);
}

Value Compose::sigmoid(Value x) {
  if (elementTypeOf(x.getType()) == ElementType::F32)
    return node.builder.create<SigmoidOp>(node.location, x.getType(), x);
  Value one = number(x, 1);
  return div(one, add(one, apply(UnaryKind::Exp, apply(UnaryKind::Neg, x))));
}

// Of float64 by the one exponential that neither overflows nor cancels: with t = exp(-2|x|) - 1 it is -t / (t + 2).
Value Compose::tanh(Value x) {
  if (elementTypeOf(x.getType()) == ElementType::F32)
    return node.builder.create<TanhOp>(node.location, x.getType(), x);
  Value t = apply(UnaryKind::Expm1, mul(number(x, -2), apply(UnaryKind::Abs, x)));
  Value negative = div(t, add(t, number(x, 2)));
  return where(compare(CompareKind::Less, x, number(x, 0)), negative, apply(UnaryKind::Neg, negative));
}

FailureOr<llvm::SmallVector<Value>> sameInputs(Node &node) {
  llvm::SmallVector<Value> values;
  Shape shape;
  for (size_t i = 0; i < node.inputCount(); ++i) {
    Value value = node.input(i);
    if (!value)
      return failure();
    if (i > 0 && elementOf(value) != elementOf(values.front()))
      return node.fail("input 0 is " + typeName(values.front()) + ", input " + llvm::Twine(i) + " is " +
                       typeName(value) + "; they must have one type");
    auto both = broadcastShape(shape, shapeOf(value));
    if (!both)
      return node.fail(llvm::toString(both.takeError()));
    shape = *both;
    values.push_back(value);
  }
  if (values.empty())
    return node.fail("needs an input");
  return values;
}

FailureOr<Value> legacyBroadcast(Node &node, Value lhs, Value rhs) {
  Dims left = shapeOf(lhs), right = shapeOf(rhs);
  if (!node.integer("broadcast", 0))
    return rhs;
  int64_t axis = node.integer("axis", static_cast<int64_t>(left.size()) - static_cast<int64_t>(right.size()));
  if (axis < 0 || axis + right.size() > left.size())
    return node.fail("axis " + llvm::Twine(axis) + " does not align " + shapeText(right) + " with " + shapeText(left));
  Shape shape(right);
  shape.append(left.size() - right.size() - axis, 1);
  return node.builder.create<ReshapeOp>(node.location, RankedTensorType::get(shape, elementOf(rhs)), rhs).getResult();
}

FailureOr<std::pair<Value, Value>> inputPair(Node &node) {
  Value lhs = node.input(0), rhs = node.input(1);
  if (!lhs || !rhs)
    return failure();
  if (elementOf(lhs) != elementOf(rhs))
    return node.fail("input 0 is " + typeName(lhs) + ", input 1 is " + typeName(rhs) + "; they must have one type");
  auto aligned = node.version < 7 ? legacyBroadcast(node, lhs, rhs) : FailureOr<Value>(rhs);
  if (failed(aligned) || failed(node.resultType(lhs, broadcastShape(shapeOf(lhs), shapeOf(*aligned)))))
    return failure();
  return std::pair(lhs, *aligned);
}

FailureOr<Value> inputOf(Node &node, size_t index, TypeFilter isTaken, llvm::StringRef taken) {
  Value value = node.input(index);
  if (!value)
    return failure();
  if (!isTaken(elementTypeOf(value.getType())))
    return node.fail("input " + llvm::Twine(index) + " is " + typeName(value) + ", it must be " + taken);
  return value;
}

FailureOr<Value> realInput(Node &node, size_t index) { return inputOf(node, index, isReal, "a float type"); }

FailureOr<Value> numericInput(Node &node, size_t index) {
  return inputOf(node, index, [](ElementType type) { return type != ElementType::Bool; }, "a number");
}

} // namespace tw::ir::onnx
