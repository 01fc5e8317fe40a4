// SPDX-License-Identifier: Apache-2.0
// Operators that work on one element at a time: ONNX Add..Div v14, Min/Max v13, Relu, Clip, LeakyRelu, HardSigmoid,
// Sigmoid, Tanh; and those that pass a value on: Identity, Dropout, Constant.
#include "Node.h"

#include <limits>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// Before version 7 the second operand was broadcast only on request, aligned to `axis` (to the end without one).
FailureOr<Value> legacyBroadcast(Node &node, Value lhs, Value rhs) {
  Dims left = shapeOf(lhs), right = shapeOf(rhs);
  if (!node.integer("broadcast", 0))
    return rhs;
  int64_t axis = node.integer("axis", static_cast<int64_t>(left.size()) - static_cast<int64_t>(right.size()));
  if (axis < 0 || axis + right.size() > left.size())
    return node.fail("axis " + llvm::Twine(axis) + " does not align " + shapeText(right) + " with " + shapeText(left));
  Shape shape(right);
  shape.append(left.size() - right.size() - axis, 1);
  auto type = RankedTensorType::get(shape, node.builder.getF32Type());
  return node.builder.create<ReshapeOp>(node.location, type, rhs).getResult();
}

template <typename Op> FailureOr<Value> createBinary(Node &node, Value lhs, Value rhs) {
  auto type = node.resultType(lhs, broadcastShape(shapeOf(lhs), shapeOf(rhs)));
  if (failed(type))
    return failure();
  return node.builder.create<Op>(node.location, *type, lhs, rhs).getResult();
}

template <typename Op> LogicalResult buildBinary(Node &node) {
  auto inputs = node.floatInputs(2);
  if (failed(inputs))
    return failure();
  FailureOr<Value> rhs = (*inputs)[1];
  if (node.version < 7)
    rhs = legacyBroadcast(node, (*inputs)[0], *rhs);
  if (failed(rhs))
    return failure();
  auto result = createBinary<Op>(node, (*inputs)[0], *rhs);
  if (failed(result))
    return failure();
  node.setResult(0, *result);
  return success();
}

// Min and Max take any number of inputs.
template <typename Op> LogicalResult buildVariadic(Node &node) {
  auto inputs = node.floatInputs(node.inputCount());
  if (failed(inputs))
    return failure();
  if (inputs->empty())
    return node.fail("needs an input");
  Value value = inputs->front();
  for (Value next : llvm::drop_begin(*inputs)) {
    auto result = createBinary<Op>(node, value, next);
    if (failed(result))
      return failure();
    value = *result;
  }
  node.setResult(0, value);
  return success();
}

template <typename Op, typename... Args> LogicalResult buildUnary(Node &node, Args... args) {
  auto inputs = node.floatInputs(1);
  if (failed(inputs))
    return failure();
  Value input = inputs->front();
  node.setResult(0, node.builder.create<Op>(node.location, input.getType(), input, llvm::APFloat(args)...));
  return success();
}

// A Clip bound: input `index` since version 11 (absent means none), an attribute before.
FailureOr<float> clipBound(Node &node, size_t index, llvm::StringRef attribute, float none) {
  if (node.version < 11)
    return node.real(attribute, none);
  if (!node.hasInput(index))
    return none;
  auto tensor = node.requiredConstant(index, attribute);
  if (failed(tensor))
    return failure();
  if (tensor->size() != 1 || tensor->type != ElementType::F32)
    return node.fail("bound '" + attribute + "' must be one float32, it is " +
                     llvm::StringRef(elementTypeName(tensor->type)) + " " + shapeText(tensor->shape));
  return tensor->data<float>()[0];
}

} // namespace

LogicalResult buildAdd(Node &node) { return buildBinary<AddOp>(node); }
LogicalResult buildSub(Node &node) { return buildBinary<SubOp>(node); }
LogicalResult buildMul(Node &node) { return buildBinary<MulOp>(node); }
LogicalResult buildDiv(Node &node) { return buildBinary<DivOp>(node); }
LogicalResult buildMin(Node &node) { return buildVariadic<MinOp>(node); }
LogicalResult buildMax(Node &node) { return buildVariadic<MaxOp>(node); }

LogicalResult buildRelu(Node &node) { return buildUnary<ReluOp>(node); }
LogicalResult buildSigmoid(Node &node) { return buildUnary<SigmoidOp>(node); }
LogicalResult buildTanh(Node &node) { return buildUnary<TanhOp>(node); }
LogicalResult buildLeakyRelu(Node &node) { return buildUnary<LeakyReluOp>(node, node.real("alpha", 0.01f)); }
LogicalResult buildHardSigmoid(Node &node) {
  return buildUnary<HardSigmoidOp>(node, node.real("alpha", 0.2f), node.real("beta", 0.5f));
}

LogicalResult buildClip(Node &node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  auto lo = clipBound(node, 1, "min", -kInfinity), hi = clipBound(node, 2, "max", kInfinity);
  if (failed(lo) || failed(hi))
    return failure();
  return buildUnary<ClipOp>(node, *lo, *hi);
}

LogicalResult buildIdentity(Node &node) {
  Value value = node.input(0);
  if (!value)
    return failure();
  node.setResult(0, value);
  return success();
}

// Inference only: the mask output does not exist.
LogicalResult buildDropout(Node &node) { return buildIdentity(node); }

LogicalResult buildConstant(Node &node) {
  auto tensor = node.constantValue();
  if (failed(tensor))
    return failure();
  node.setResult(0, node.constant("constant", *tensor));
  return success();
}

} // namespace tw::ir::onnx
