// SPDX-License-Identifier: Apache-2.0
// Operators that move whole tensors: Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Concat.
#include "Compose.h"
#include "TensorReader.h"

using namespace mlir;

namespace tw::ir::onnx {

LogicalResult buildReshape(Node &node) {
  Value input = node.input(0);
  auto target = attributeOrInput(node, "shape", 1);
  if (!input || failed(target))
    return failure();
  if (!*target)
    return node.fail("the target shape is missing");
  Shape shape = **target;
  Dims old = shapeOf(input);
  int64_t free = -1;
  Shape fixed;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 0 && !node.integer("allowzero", 0)) {
      if (d >= old.size())
        return node.fail("dimension " + llvm::Twine(d) + " is copied from an input of shape " + shapeText(old));
      shape[d] = old[d];
    }
    if (shape[d] == -1 && free < 0)
      free = d;
    else if (shape[d] < 0)
      return node.fail("target shape " + shapeText(**target) + " is not a shape");
    else
      fixed.push_back(shape[d]);
  }
  int64_t count = elementCount(old), known = elementCount(fixed);
  if (free >= 0 && known != 0 && count % known == 0)
    shape[free] = count / known;
  if ((free >= 0 && shape[free] < 0) || elementCount(shape) != count)
    return node.fail("cannot reshape " + shapeText(old) + " (" + llvm::Twine(count) + " elements) to " +
                     shapeText(**target));
  node.setResult(0, Compose(node).reshape(input, shape));
  return success();
}

LogicalResult buildFlatten(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  Dims shape = shapeOf(input);
  int64_t axis = node.integer("axis", 1), rank = shape.size();
  if (axis != rank) {
    auto resolved = node.axis(axis, rank);
    if (failed(resolved))
      return failure();
    axis = *resolved;
  }
  node.setResult(
      0, Compose(node).reshape(input, {elementCount(shape.take_front(axis)), elementCount(shape.drop_front(axis))}));
  return success();
}

LogicalResult buildSqueeze(Node &node) {
  Value input = node.input(0);
  auto given = attributeOrInput(node, "axes", 1);
  if (!input || failed(given))
    return failure();
  Dims shape = shapeOf(input);
  auto axes = resolvedAxes(node, given->value_or(Shape()), shape.size());
  if (failed(axes))
    return failure();
  Shape result;
  for (size_t d = 0; d < shape.size(); ++d) {
    bool named = llvm::is_contained(*axes, static_cast<int64_t>(d));
    if (named && shape[d] != 1)
      return node.fail("axis " + llvm::Twine(d) + " of " + shapeText(shape) + " is not 1");
    if (!(named || (!*given && shape[d] == 1)))
      result.push_back(shape[d]);
  }
  node.setResult(0, Compose(node).reshape(input, result));
  return success();
}

LogicalResult buildUnsqueeze(Node &node) {
  Value input = node.input(0);
  auto given = attributeOrInput(node, "axes", 1);
  if (!input || failed(given))
    return failure();
  if (!*given)
    return node.fail("axes are missing");
  Dims shape = shapeOf(input);
  auto axes = resolvedAxes(node, **given, shape.size() + (*given)->size());
  if (failed(axes))
    return failure();
  Shape result(shape);
  for (int64_t axis : *axes)
    result.insert(result.begin() + axis, 1);
  node.setResult(0, Compose(node).reshape(input, result));
  return success();
}

LogicalResult buildTranspose(Node &node) {
  Value input = node.input(0);
  if (!input)
    return failure();
  Shape reversed;
  for (int64_t d = shapeOf(input).size(); d-- > 0;)
    reversed.push_back(d);
  Shape perm = node.integers("perm").value_or(reversed);
  auto type = node.resultType(input, transposeShape(shapeOf(input), perm));
  if (failed(type))
    return failure();
  node.setResult(0, node.builder.create<TransposeOp>(node.location, *type, input, perm));
  return success();
}

LogicalResult buildConcat(Node &node) {
  llvm::SmallVector<Value> inputs;
  llvm::SmallVector<Shape> shapes;
  for (size_t i = 0; i < node.inputCount(); ++i) {
    Value value = node.input(i);
    if (!value)
      return failure();
    if (!inputs.empty() && elementTypeOf(value.getType()) != elementTypeOf(inputs[0].getType()))
      return node.fail("inputs 0 and " + llvm::Twine(i) + " differ in element type");
    inputs.push_back(value);
    shapes.emplace_back(shapeOf(value));
  }
  if (inputs.empty())
    return node.fail("needs an input");
  auto axis = node.axis(node.integer("axis", 1), shapes[0].size());
  if (failed(axis))
    return failure();
  auto type = node.resultType(inputs[0], concatShape(shapes, *axis));
  if (failed(type))
    return failure();
  node.setResult(0, node.builder.create<ConcatOp>(node.location, *type, inputs, *axis));
  return success();
}

} // namespace tw::ir::onnx
