// SPDX-License-Identifier: Apache-2.0
#include "Shorthand.h"

#include <numeric>

using namespace mlir;

namespace tw::ir::onnx {

RankedTensorType typeLike(Value like, Dims shape) {
  return RankedTensorType::get(shape, cast<RankedTensorType>(like.getType()).getElementType());
}

Value reshapeTo(Node &node, Value value, Dims shape) {
  if (shapeOf(value) == shape)
    return value;
  return node.builder.create<ReshapeOp>(node.location, typeLike(value, shape), value);
}

Value transposeBy(Node &node, Value value, Dims perm) {
  if (llvm::is_sorted(perm))
    return value;
  Shape shape = llvm::cantFail(transposeShape(shapeOf(value), perm));
  return node.builder.create<TransposeOp>(node.location, typeLike(value, shape), value, perm);
}

Value expandTo(Node &node, Value value, Dims shape) {
  if (shapeOf(value) == shape)
    return value;
  return node.builder.create<ExpandOp>(node.location, typeLike(value, shape), value);
}

Value sliceOf(Node &node, Value value, Dims starts, Dims shape, Dims steps) {
  const Shape ones(shape.size(), 1);
  if (steps.empty())
    steps = ones;
  if (shapeOf(value) == shape && llvm::all_of(starts, [](int64_t start) { return start == 0; }) && steps == Dims(ones))
    return value;
  return node.builder.create<SliceOp>(node.location, typeLike(value, shape), value, starts, steps);
}

Value gatherOf(Node &node, Value value, Value indices, int64_t axis) {
  Shape shape = llvm::cantFail(gatherShape(shapeOf(value), shapeOf(indices), axis));
  return node.builder.create<GatherOp>(node.location, typeLike(value, shape), value, indices, axis);
}

Value concatOf(Node &node, ArrayRef<Value> values, int64_t axis) {
  if (values.size() == 1)
    return values.front();
  Shape shape(shapeOf(values.front()));
  shape[axis] = 0;
  for (Value value : values)
    shape[axis] += shapeOf(value)[axis];
  return node.builder.create<ConcatOp>(node.location, typeLike(values.front(), shape), values, axis);
}

Value castTo(Node &node, Value value, ElementType type) {
  if (elementTypeOf(value.getType()) == type)
    return value;
  return node.builder.create<CastOp>(node.location, toMlirType(node.builder.getContext(), type, shapeOf(value)), value);
}

Value unaryOf(Node &node, UnaryKind kind, Value value) {
  return node.builder.create<UnaryOp>(node.location, value.getType(), kind, value);
}

Value reduceOf(Node &node, ReduceKind kind, Value value, Dims axes, bool keepDims) {
  if (axes.empty())
    return value;
  Shape shape = llvm::cantFail(reduceShape(shapeOf(value), axes, keepDims));
  return node.builder.create<ReduceOp>(node.location, typeLike(value, shape), kind, value, axes, keepDims);
}

Value compareOf(Node &node, CompareKind kind, Value lhs, Value rhs) {
  auto shape = llvm::cantFail(broadcastShape(shapeOf(lhs), shapeOf(rhs)));
  auto type = toMlirType(node.builder.getContext(), ElementType::Bool, shape);
  return node.builder.create<CompareOp>(node.location, type, kind, lhs, rhs);
}

Value whereOf(Node &node, Value condition, Value lhs, Value rhs) {
  auto both = llvm::cantFail(broadcastShape(shapeOf(lhs), shapeOf(rhs)));
  auto shape = llvm::cantFail(broadcastShape(shapeOf(condition), both));
  return node.builder.create<WhereOp>(node.location, typeLike(lhs, shape), condition, lhs, rhs);
}

Value binaryOf(Node &node, BinaryKind kind, Value lhs, Value rhs) {
  auto shape = llvm::cantFail(broadcastShape(shapeOf(lhs), shapeOf(rhs)));
  return node.builder.create<BinaryOp>(node.location, typeLike(lhs, shape), kind, lhs, rhs);
}

Value scalarOf(Node &node, ElementType type, double value) {
  Tensor tensor(type, {});
  tensor.setNumber(0, value);
  return node.constant("constant", tensor);
}

Value integersOf(Node &node, ElementType type, Dims shape, Dims values) {
  Tensor tensor(type, shape);
  for (size_t i = 0; i < values.size(); ++i)
    tensor.setInteger(static_cast<int64_t>(i), values[i]);
  return node.constant("places", tensor);
}

Value iotaOf(Node &node, ElementType type, int64_t count, int64_t axis, int64_t rank) {
  Shape shape(rank, 1);
  shape[axis] = count;
  return integersOf(node, type, shape, allAxes(count));
}

FailureOr<Shape> constantIntegers(Node &node, size_t index, llvm::StringRef what) {
  auto tensor = node.requiredConstant(index, what);
  if (failed(tensor))
    return failure();
  if (isReal(tensor->type))
    return node.fail(what + " (input " + llvm::Twine(index) + ") is " + llvm::StringRef(elementTypeName(tensor->type)) +
                     ", it must be of integers");
  Shape values;
  for (int64_t i = 0; i < tensor->size(); ++i)
    values.push_back(tensor->integerAt(i));
  return values;
}

FailureOr<std::optional<Shape>> attributeOrInput(Node &node, llvm::StringRef name, size_t index) {
  if (auto attribute = node.integers(name))
    return std::optional(*attribute);
  if (!node.hasInput(index))
    return std::optional<Shape>();
  auto values = constantIntegers(node, index, name);
  if (failed(values))
    return failure();
  return std::optional(*values);
}

FailureOr<Shape> resolvedAxes(Node &node, Dims axes, int64_t rank) {
  Shape result;
  for (int64_t axis : axes) {
    auto resolved = node.axis(axis, rank);
    if (failed(resolved))
      return failure();
    if (llvm::is_contained(result, *resolved))
      return node.fail("axis " + llvm::Twine(*resolved) + " is named twice");
    result.push_back(*resolved);
  }
  llvm::sort(result);
  return result;
}

FailureOr<std::optional<int64_t>> optionalAxis(Node &node, Value value) {
  if (!node.hasAttribute("axis"))
    return std::optional<int64_t>();
  auto axis = node.axis(node.integer("axis", 0), static_cast<int64_t>(shapeOf(value).size()));
  if (failed(axis))
    return failure();
  return std::optional(*axis);
}

Shape allAxes(int64_t rank) {
  Shape axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

} // namespace tw::ir::onnx
