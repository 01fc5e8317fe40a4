// SPDX-License-Identifier: Apache-2.0
// What ONNX has beyond the dialect, written as the dialect's operators: one call each, shapes and types found. Where
// shapes do not fit, the problem is recorded at the node and the result is null, and so is everything that is made of a
// null: a builder looks at its last value only.
#ifndef TW_IR_LIB_ONNX_COMPOSE_H
#define TW_IR_LIB_ONNX_COMPOSE_H

#include "Node.h"

namespace tw::ir::onnx {

class Compose {
public:
  explicit Compose(Node &node) : node(node) {}

  template <typename Op> Value make(Value a, Value b) {
    mlir::Type type = broadcast(a, b);
    return type ? node.builder.create<Op>(node.location, type, a, b).getResult() : Value();
  }
  Value add(Value a, Value b) { return make<AddOp>(a, b); }
  Value sub(Value a, Value b) { return make<SubOp>(a, b); }
  Value mul(Value a, Value b) { return make<MulOp>(a, b); }
  Value div(Value a, Value b) { return make<DivOp>(a, b); }
  Value min(Value a, Value b) { return make<MinOp>(a, b); }
  Value max(Value a, Value b) { return make<MaxOp>(a, b); }
  // With one number of the other operand's type.
  Value add(Value a, double b) { return add(a, number(a, b)); }
  Value sub(double a, Value b) { return sub(number(b, a), b); }
  Value mul(Value a, double b) { return mul(a, number(a, b)); }
  Value div(Value a, double b) { return div(a, number(a, b)); }
  Value min(Value a, double b) { return min(a, number(a, b)); }
  Value max(Value a, double b) { return max(a, number(a, b)); }

  Value apply(UnaryKind kind, Value value);
  Value apply(BinaryKind kind, Value a, Value b);
  Value compare(CompareKind kind, Value a, Value b);
  Value where(Value condition, Value a, Value b);
  Value cast(Value value, ElementType type); // the value itself if it has the type
  Value relu(Value value);
  Value sigmoid(Value value);
  Value tanh(Value value);
  Value softmax(Value value, int64_t axis);

  Value matmul(Value a, Value b);                                       // both of rank 2 or more
  Value reduce(ReduceKind kind, Value value, Dims axes, bool keepDims); // the value itself without axes
  Value mean(Value value, Dims axes, bool keepDims);

  Value reshape(Value value, Dims shape);
  Value transpose(Value value, Dims perm); // the value itself if nothing moves
  Value expand(Value value, Dims shape);   // the value itself if it has the shape
  Value slice(Value value, int64_t axis, int64_t start, int64_t count, int64_t step = 1);
  // `shape` elements from `starts` on; without steps neighbours.
  Value slice(Value value, Dims starts, Dims shape, Dims steps = {});
  Value concat(llvm::ArrayRef<Value> values, int64_t axis);
  Value gather(Value value, Value indices, int64_t axis);
  Value pad(Value value, Dims lo, Dims hi, double number);
  // Dimension `axis`, which has one element, goes; one of 1 comes in front of dimension `axis`.
  Value squeeze(Value value, int64_t axis);
  Value unsqueeze(Value value, int64_t axis);

  Value number(ElementType type, double value);
  Value number(Value like, double value) { return like ? number(elementTypeOf(like.getType()), value) : Value(); }
  Value integers(llvm::StringRef name, Dims values); // int64, of rank 1
  Value integers(ElementType type, Dims shape, Dims values);
  // 0, 1, ... count - 1 along dimension `axis` of `rank`.
  Value places(ElementType type, int64_t count, int64_t axis, int64_t rank);
  Value zeros(ElementType type, Dims shape) { return node.constant("zeros", Tensor(type, shape)); }

private:
  // The type of an operator of two; null when there is none.
  mlir::RankedTensorType broadcast(Value a, Value b);
  mlir::RankedTensorType checked(Value like, llvm::Expected<Shape> shape);

  Node &node;
};

// All inputs, of one element type and with shapes that broadcast; a problem is recorded otherwise.
FailureOr<llvm::SmallVector<Value>> sameInputs(Node &node);
// Inputs 0 and 1 like that; the second is aligned as the older versions said.
FailureOr<std::pair<Value, Value>> inputPair(Node &node);
// Input `index`; a problem is recorded when it is missing or its type is not among those that `isTaken`.
using TypeFilter = bool (*)(ElementType);
FailureOr<Value> inputOf(Node &node, size_t index, TypeFilter isTaken, llvm::StringRef taken);
FailureOr<Value> realInput(Node &node, size_t index);    // float32 or float64
FailureOr<Value> realNumber(Node &node, size_t index);   // the same, and floats of fewer bits as float32
FailureOr<Value> numericInput(Node &node, size_t index); // anything but bool
// Before version 7 the second operand was broadcast only on request, aligned to `axis` (to the end without one).
FailureOr<Value> legacyBroadcast(Node &node, Value lhs, Value rhs);
// Inputs 0..count-1 of one real type, float32 or float64; a problem is recorded otherwise.
FailureOr<llvm::SmallVector<Value>> realInputs(Node &node, size_t count);
// What only a constant can say: integers, from an attribute (older versions) or an input (newer ones).
FailureOr<Shape> constantIntegers(Node &node, size_t index, llvm::StringRef what);
FailureOr<std::optional<Shape>> attributeOrInput(Node &node, llvm::StringRef name, size_t index);
// Ascending, each once; negative ones count from the end.
FailureOr<Shape> resolvedAxes(Node &node, Dims axes, int64_t rank);
// The attribute `axis`, resolved; none where the operator is on the flattened value.
FailureOr<std::optional<int64_t>> optionalAxis(Node &node, Value value);
// `count` integers from `first` on.
Shape iota(int64_t count, int64_t first = 0);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_COMPOSE_H
