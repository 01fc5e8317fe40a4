// SPDX-License-Identifier: Apache-2.0
#include "Places.h"

#include <algorithm>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// Negative ones count from the end.
Value nonNegative(Node &node, Value indices, Dims extents) {
  const ElementType type = elementTypeOf(indices.getType());
  Shape shape;
  if (extents.size() != 1)
    shape.push_back(extents.size());
  return Compose(node).apply(BinaryKind::Mod, indices, Compose(node).integers(type, shape, extents));
}

} // namespace

FailureOr<Value> indicesOf(Node &node, size_t index) {
  Value indices = node.input(index);
  if (!indices)
    return failure();
  const ElementType type = elementTypeOf(indices.getType());
  if (type != ElementType::I32 && type != ElementType::I64)
    return node.fail("indices (input " + llvm::Twine(index) + ") are " + llvm::StringRef(elementTypeName(type)) +
                     ", they must be int32 or int64");
  return indices;
}

Value placesAlong(Node &node, Value indices, Dims input, int64_t axis) {
  const ElementType type = elementTypeOf(indices.getType());
  const Shape strides = stridesOf(input);
  Value places =
      Compose(node).mul(nonNegative(node, indices, input[axis]), Compose(node).integers(type, {}, strides[axis]));
  Shape around(shapeOf(indices));
  around[axis] = 1;
  Shape offsets;
  for (int64_t i = 0, count = elementCount(around); i < count; ++i) {
    int64_t rest = i, offset = 0;
    for (size_t d = around.size(); d-- > 0; rest /= around[d])
      offset += rest % around[d] * strides[d];
    offsets.push_back(offset);
  }
  return Compose(node).add(places, Compose(node).integers(type, around, offsets));
}

Value rowsOf(Node &node, Value indices, Dims input, int64_t batch) {
  const ElementType type = elementTypeOf(indices.getType());
  Dims shape = shapeOf(indices);
  const int64_t depth = shape.back();
  Dims named = input.slice(batch, depth);
  Value rows;
  if (depth == 0) {
    rows = Compose(node).number(type, 0);
    rows = Compose(node).expand(rows, shape.drop_back());
  } else {
    Value parts =
        Compose(node).mul(nonNegative(node, indices, named), Compose(node).integers(type, {depth}, stridesOf(named)));
    rows = Compose(node).reduce(ReduceKind::Sum, parts, {static_cast<int64_t>(shape.size()) - 1}, false);
  }
  if (batch == 0)
    return rows;
  Shape around(shapeOf(rows).size(), 1), offsets;
  std::copy_n(shape.begin(), batch, around.begin());
  for (int64_t i = 0, count = elementCount(around), step = elementCount(named); i < count; ++i)
    offsets.push_back(i * step);
  return Compose(node).add(rows, Compose(node).integers(type, around, offsets));
}

bool isInside(Dims indices, Dims input, int64_t axis) {
  bool fits = indices.size() == input.size();
  for (int64_t d = 0; fits && d < static_cast<int64_t>(input.size()); ++d)
    fits = d == axis || indices[d] <= input[d];
  return fits;
}

} // namespace tw::ir::onnx
