// SPDX-License-Identifier: Apache-2.0
// Elements named by indices: Gather, GatherElements, GatherND, OneHot, ReverseSequence.
#include "Places.h"

using namespace mlir;

namespace tw::ir::onnx {
LogicalResult buildGather(Node &node) {
  Value input = node.input(0);
  auto indices = indicesOf(node, 1);
  if (!input || failed(indices))
    return failure();
  auto axis = node.axis(node.integer("axis", 0), shapeOf(input).size());
  if (failed(axis))
    return failure();
  auto type = node.resultType(input, gatherShape(shapeOf(input), shapeOf(*indices), *axis));
  if (failed(type))
    return failure();
  node.setResult(0, node.builder.create<GatherOp>(node.location, *type, input, *indices, *axis));
  return success();
}

LogicalResult buildGatherElements(Node &node) {
  Value input = node.input(0);
  auto indices = indicesOf(node, 1);
  if (!input || failed(indices))
    return failure();
  Dims shape = shapeOf(input), named = shapeOf(*indices);
  auto axis = node.axis(node.integer("axis", 0), shape.size());
  if (failed(axis))
    return failure();
  if (!isInside(named, shape, *axis) || elementCount(shape) == 0)
    return node.fail("indices are " + shapeText(named) + ", the input is " + shapeText(shape));
  Value flat = Compose(node).reshape(input, {elementCount(shape)});
  node.setResult(0, Compose(node).gather(flat, placesAlong(node, *indices, shape, *axis), 0));
  return success();
}

LogicalResult buildGatherND(Node &node) {
  Value input = node.input(0);
  auto indices = indicesOf(node, 1);
  if (!input || failed(indices))
    return failure();
  const Shape shape(shapeOf(input)), named(shapeOf(*indices));
  const int64_t batch = node.integer("batch_dims", 0), rank = shape.size(), depth = named.empty() ? 0 : named.back();
  if (batch < 0 || named.empty() || batch >= static_cast<int64_t>(named.size()) || depth < 1 || batch + depth > rank ||
      Dims(shape).take_front(batch) != Dims(named).take_front(batch) || elementCount(shape) == 0)
    return node.fail("indices are " + shapeText(named) + " with " + llvm::Twine(batch) +
                     " batch dimensions, the input is " + shapeText(shape));
  Dims inner = Dims(shape).drop_front(batch + depth);
  Shape flat{elementCount(Dims(shape).take_front(batch + depth))}, result(named.begin(), named.end() - 1);
  llvm::append_range(flat, inner);
  Value rows = rowsOf(node, *indices, shape, batch);
  node.setResult(0, Compose(node).gather(Compose(node).reshape(input, flat), rows, 0));
  return success();
}

LogicalResult buildOneHot(Node &node) {
  Value indices = node.input(0), values = node.input(2);
  auto given = node.requiredConstant(1, "depth");
  if (!indices || !values || failed(given))
    return failure();
  const int64_t depth = given->size() == 1 ? given->integerAt(0) : 0;
  if (depth < 1)
    return node.fail("depth must be one number that is at least 1");
  if (shapeOf(values) != Dims{2})
    return node.fail("values are " + shapeText(shapeOf(values)) + ", they must be 2: off, on");
  Shape shape(shapeOf(indices));
  const int64_t rank = static_cast<int64_t>(shape.size()) + 1;
  auto axis = node.axis(node.integer("axis", -1), rank);
  if (failed(axis))
    return failure();
  shape.insert(shape.begin() + *axis, 1);
  // An index counts from either end; one outside is nowhere.
  Value place = Compose(node).reshape(Compose(node).cast(indices, ElementType::I64), shape);
  Value there = Compose(node).places(ElementType::I64, depth, *axis, rank);
  Value fromEnd = Compose(node).sub(there, Compose(node).integers(ElementType::I64, {}, depth));
  Value isOn = Compose(node).apply(BinaryKind::Or, Compose(node).compare(CompareKind::Equal, place, there),
                                   Compose(node).compare(CompareKind::Equal, place, fromEnd));
  Value off = Compose(node).reshape(Compose(node).slice(values, {0}, {1}), {}),
        on = Compose(node).reshape(Compose(node).slice(values, {1}, {1}), {});
  node.setResult(0, Compose(node).where(isOn, on, off));
  return success();
}

// The first `sequence_lens` elements of each batch stand in the other order, the rest as they were.
LogicalResult buildReverseSequence(Node &node) {
  Value input = node.input(0), lengths = node.input(1);
  if (!input || !lengths)
    return failure();
  const Shape shape(shapeOf(input));
  const int64_t time = node.integer("time_axis", 0), batch = node.integer("batch_axis", 1);
  if (shape.size() < 2 || time + batch != 1 || time < 0 || batch < 0)
    return node.fail("time_axis " + llvm::Twine(time) + " and batch_axis " + llvm::Twine(batch) +
                     " must be 0 and 1 or 1 and 0, of an input of rank 2 or more; it is " + shapeText(shape));
  if (shapeOf(lengths) != Dims{shape[batch]} || elementTypeOf(lengths.getType()) != ElementType::I64)
    return node.fail("sequence_lens must be " + llvm::Twine(shape[batch]) + " int64");
  Shape perBatch{1, 1}, flat{shape[0] * shape[1]};
  perBatch[batch] = shape[batch];
  Value length = Compose(node).reshape(lengths, perBatch),
        at = Compose(node).places(ElementType::I64, shape[time], time, 2);
  Value mirrored = Compose(node).sub(Compose(node).sub(length, Compose(node).integers(ElementType::I64, {}, 1)), at);
  Value place = Compose(node).where(Compose(node).compare(CompareKind::Less, at, length), mirrored, at);
  llvm::append_range(flat, Dims(shape).drop_front(2));
  Value rows = placesAlong(node, place, {shape[0], shape[1]}, time);
  node.setResult(0, Compose(node).gather(Compose(node).reshape(input, flat), rows, 0));
  return success();
}

} // namespace tw::ir::onnx
