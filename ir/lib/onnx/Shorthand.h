// SPDX-License-Identifier: Apache-2.0
// Shorthand for builders that compose an ONNX operator of several of the graph's. Shapes are the caller's care: what is
// asked for here must exist.
#ifndef TW_IR_LIB_ONNX_SHORTHAND_H
#define TW_IR_LIB_ONNX_SHORTHAND_H

#include "Node.h"

namespace tw::ir::onnx {

mlir::RankedTensorType typeLike(Value like, Dims shape);

Value reshapeTo(Node &node, Value value, Dims shape);
Value transposeBy(Node &node, Value value, Dims perm);
Value expandTo(Node &node, Value value, Dims shape);
// `shape` elements from `starts` on; `steps` empty: neighbours.
Value sliceOf(Node &node, Value value, Dims starts, Dims shape, Dims steps = {});
Value gatherOf(Node &node, Value value, Value indices, int64_t axis);
Value concatOf(Node &node, llvm::ArrayRef<Value> values, int64_t axis);
Value castTo(Node &node, Value value, ElementType type);
Value unaryOf(Node &node, UnaryKind kind, Value value);
Value reduceOf(Node &node, ReduceKind kind, Value value, Dims axes, bool keepDims);
Value compareOf(Node &node, CompareKind kind, Value lhs, Value rhs);
Value whereOf(Node &node, Value condition, Value lhs, Value rhs);

// The operands broadcast.
template <typename Op> Value binaryOf(Node &node, Value lhs, Value rhs) {
  auto shape = llvm::cantFail(broadcastShape(shapeOf(lhs), shapeOf(rhs)));
  return node.builder.create<Op>(node.location, typeLike(lhs, shape), lhs, rhs);
}
Value binaryOf(Node &node, BinaryKind kind, Value lhs, Value rhs);

// One number in a tensor of rank 0, and integers in one of any shape: of type int32 or int64.
Value scalarOf(Node &node, ElementType type, double value);
Value integersOf(Node &node, ElementType type, Dims shape, Dims values);
// `count` integers 0, 1, ... along dimension `axis` of `rank`.
Value iotaOf(Node &node, ElementType type, int64_t count, int64_t axis, int64_t rank);

// What only a constant can say: integers, from an attribute (older versions) or an input (newer ones).
FailureOr<Shape> constantIntegers(Node &node, size_t index, llvm::StringRef what);
FailureOr<std::optional<Shape>> attributeOrInput(Node &node, llvm::StringRef name, size_t index);
// Ascending, each once; negative ones count from the end.
FailureOr<Shape> resolvedAxes(Node &node, Dims axes, int64_t rank);
// The attribute `axis`, resolved; none where the operator is on the flattened value.
FailureOr<std::optional<int64_t>> optionalAxis(Node &node, Value value);
// 0, 1, ... rank - 1
Shape allAxes(int64_t rank);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_SHORTHAND_H
