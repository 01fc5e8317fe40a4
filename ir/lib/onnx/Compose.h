// SPDX-License-Identifier: Apache-2.0
// Operators of the graph as expressions, for builders of ONNX operators that are composed of several; and the inputs of
// elementwise operators.
#ifndef TW_IR_LIB_ONNX_COMPOSE_H
#define TW_IR_LIB_ONNX_COMPOSE_H

#include "Node.h"

namespace tw::ir::onnx {

// Operands have one element type and shapes that broadcast, which the builder has checked.
class Compose {
public:
  explicit Compose(Node &node) : node(node) {}

  // A constant of one number in the element type of `like`.
  Value number(Value like, double value);

  template <typename Op> Value make(Value lhs, Value rhs) {
    return node.builder.create<Op>(node.location, broadcastType(lhs, rhs), lhs, rhs);
  }
  Value add(Value lhs, Value rhs) { return make<AddOp>(lhs, rhs); }
  Value sub(Value lhs, Value rhs) { return make<SubOp>(lhs, rhs); }
  Value mul(Value lhs, Value rhs) { return make<MulOp>(lhs, rhs); }
  Value div(Value lhs, Value rhs) { return make<DivOp>(lhs, rhs); }
  Value min(Value lhs, Value rhs) { return make<MinOp>(lhs, rhs); }
  Value max(Value lhs, Value rhs) { return make<MaxOp>(lhs, rhs); }
  Value apply(UnaryKind kind, Value x);
  Value apply(BinaryKind kind, Value lhs, Value rhs);
  Value compare(CompareKind kind, Value lhs, Value rhs);
  Value where(Value condition, Value yes, Value no);
  Value cast(Value x, ElementType type); // the value itself if it has the type
  Value expand(Value x, Dims shape);     // likewise
  Value sigmoid(Value x);
  Value tanh(Value x);

private:
  mlir::RankedTensorType broadcastType(Value lhs, Value rhs);

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
FailureOr<Value> numericInput(Node &node, size_t index); // anything but bool
// Before version 7 the second operand was broadcast only on request, aligned to `axis` (to the end without one).
FailureOr<Value> legacyBroadcast(Node &node, Value lhs, Value rhs);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_COMPOSE_H
