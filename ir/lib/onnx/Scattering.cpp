// SPDX-License-Identifier: Apache-2.0
// Elements of a tensor replaced or updated where indices say: Scatter, ScatterElements, ScatterND, TensorScatter. All
// are the library function `scatter` on rows of the flattened tensor.
#include "Places.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

FailureOr<int64_t> reductionOf(Node &node) {
  const std::string name = node.text("reduction", "none");
  const StringRef names[] = {"none", "add", "mul", "max", "min"};
  const auto *found = llvm::find(names, name);
  if (found == std::end(names))
    return node.fail("reduction '" + name + "' is not none, add, mul, max or min");
  return found - std::begin(names);
}

// `data` with the updates at rows of `inner` elements each.
Value scatter(Node &node, Value data, Value rows, Value updates, int64_t inner, int64_t reduction) {
  const Shape shape(shapeOf(data));
  const int64_t count = elementCount(shapeOf(rows));
  if (elementCount(shapeOf(updates)) == 0)
    return data;
  rows = Compose(node).cast(Compose(node).reshape(rows, {count}), ElementType::I64);
  Value flat = Compose(node).reshape(data, {inner == 0 ? 0 : elementCount(shape) / inner, inner});
  updates = Compose(node).reshape(updates, {count, inner});
  Value result = node.builder.create<LibraryOp>(node.location, flat.getType(), "scatter",
                                                ValueRange{flat, rows, updates}, ArrayRef<int64_t>{reduction});
  return Compose(node).reshape(result, shape);
}

LogicalResult checkUpdates(Node &node, Value data, Value updates, Dims wanted) {
  if (elementTypeOf(data.getType()) != elementTypeOf(updates.getType()))
    return node.fail("updates are " + llvm::StringRef(elementTypeName(elementTypeOf(updates.getType()))) +
                     ", the input is " + llvm::StringRef(elementTypeName(elementTypeOf(data.getType()))));
  if (shapeOf(updates) != wanted)
    return node.fail("updates are " + shapeText(shapeOf(updates)) + ", they must be " + shapeText(wanted));
  return success();
}

} // namespace

LogicalResult buildScatterElements(Node &node) {
  Value data = node.input(0), updates = node.input(2);
  auto indices = indicesOf(node, 1);
  auto reduction = reductionOf(node);
  if (!data || !updates || failed(indices) || failed(reduction))
    return failure();
  Dims shape = shapeOf(data);
  auto axis = node.axis(node.integer("axis", 0), shape.size());
  if (failed(axis) || failed(checkUpdates(node, data, updates, shapeOf(*indices))))
    return failure();
  if (!isInside(shapeOf(*indices), shape, *axis))
    return node.fail("indices are " + shapeText(shapeOf(*indices)) + ", the input is " + shapeText(shape));
  node.setResult(0, scatter(node, data, placesAlong(node, *indices, shape, *axis), updates, 1, *reduction));
  return success();
}

LogicalResult buildScatter(Node &node) { return buildScatterElements(node); }

LogicalResult buildScatterND(Node &node) {
  Value data = node.input(0), updates = node.input(2);
  auto indices = indicesOf(node, 1);
  auto reduction = reductionOf(node);
  if (!data || !updates || failed(indices) || failed(reduction))
    return failure();
  const Shape shape(shapeOf(data)), named(shapeOf(*indices));
  const int64_t depth = named.empty() ? 0 : named.back();
  if (depth < 1 || depth > static_cast<int64_t>(shape.size()))
    return node.fail("indices are " + shapeText(named) + ", the input is " + shapeText(shape));
  Dims inner = Dims(shape).drop_front(depth);
  Shape wanted(named.begin(), named.end() - 1);
  llvm::append_range(wanted, inner);
  if (failed(checkUpdates(node, data, updates, wanted)))
    return failure();
  node.setResult(0, scatter(node, data, rowsOf(node, *indices, shape, 0), updates, elementCount(inner), *reduction));
  return success();
}

// A cache [B, ..., L, ...] whose places along an axis are overwritten, from a place of each batch on.
LogicalResult buildTensorScatter(Node &node) {
  Value cache = node.input(0), updates = node.input(1);
  if (!cache || !updates)
    return failure();
  const Shape shape(shapeOf(cache));
  auto axis = node.axis(node.integer("axis", -2), shape.size());
  if (failed(axis))
    return failure();
  const std::string mode = node.text("mode", "linear");
  if (mode != "linear" && mode != "circular")
    return node.fail("mode '" + mode + "' is not linear or circular");
  if (*axis == 0)
    return node.fail("axis 0 is the batch");
  Shape wanted(shape);
  if (shapeOf(updates).size() == shape.size())
    wanted[*axis] = shapeOf(updates)[*axis];
  if (failed(checkUpdates(node, cache, updates, wanted)))
    return failure();
  const int64_t length = shape[*axis], count = wanted[*axis], batch = shape[0],
                between = elementCount(Dims(shape).slice(1, *axis - 1));
  Value place = Compose(node).places(ElementType::I64, count, 2, 3);
  if (node.hasInput(2)) {
    Value first = node.input(2);
    if (shapeOf(first) != Dims{batch} || elementTypeOf(first.getType()) != ElementType::I64)
      return node.fail("write_indices must be " + llvm::Twine(batch) + " int64");
    place = Compose(node).add(place, Compose(node).reshape(first, {batch, 1, 1}));
  }
  Value end = Compose(node).integers(ElementType::I64, {}, length);
  if (mode == "circular")
    place = Compose(node).apply(BinaryKind::Mod, place, end);
  // Rows in front of each line of the axis.
  Shape lines;
  for (int64_t i = 0; i < batch * between; ++i)
    lines.push_back(i * length);
  Value rows = Compose(node).add(place, Compose(node).integers(ElementType::I64, {batch, between, 1}, lines));
  const int64_t inner = elementCount(Dims(shape).drop_front(*axis + 1));
  node.setResult(0, scatter(node, cache, rows, updates, inner, 0));
  return success();
}

} // namespace tw::ir::onnx
