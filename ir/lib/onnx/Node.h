// SPDX-License-Identifier: Apache-2.0
// What a builder of one ONNX operator sees of its node. Builders know MLIR and shapes, not protobuf.
#ifndef TW_IR_LIB_ONNX_NODE_H
#define TW_IR_LIB_ONNX_NODE_H

#include "HeldTypes.h"

#include "tw/ir/Constants.h"
#include "tw/ir/GraphDialect.h"
#include "tw/ir/Shapes.h"

#include "mlir/IR/Builders.h"

#include <optional>
#include <string>
#include <vector>

namespace tw::ir::onnx {

using mlir::FailureOr;
using mlir::LogicalResult;
using mlir::Value;

class Node {
public:
  virtual ~Node() = default;

  mlir::OpBuilder &builder;
  mlir::Location location;
  int version = 0; // since-version of the operator in the model's opset (OpTable.def)

  virtual size_t inputCount() const = 0;
  virtual bool hasInput(size_t index) const = 0;
  // Null, with a problem recorded, when the input is absent.
  virtual Value input(size_t index) = 0;
  // The same as numbers: a float of eight and fewer bits, which input() gives by its bits, is float32.
  virtual Value number(size_t index) { return input(index); }
  // The type that the model has for a value whose element type only holds it (int4, float8e5m2); null for all others.
  virtual const HeldType *heldType(size_t) const { return nullptr; }
  // What a builder makes of `from` and hands into a graph, or gets from one, has its type.
  virtual void keepHeldType(Value /*from*/, Value /*to*/) {}
  virtual size_t outputCount() const = 0;
  // Whether anybody reads it; a result that nobody reads need not be made.
  virtual bool isOutputRead(size_t index) const = 0;
  // The value of an input that constants decide, when they do: exporters compute shapes, axes and bounds by nodes.
  std::optional<Tensor> constantInput(size_t index);
  // An input that must be one; a problem is recorded otherwise.
  FailureOr<Tensor> requiredConstant(size_t index, llvm::StringRef what);
  // The same of any value of the graph.
  virtual std::optional<Tensor> valueOf(Value value) = 0;
  // The value, or the constant that it is if it is one and no large one. What a builder makes is folded when it is
  // done; this is for what it needs folded before.
  virtual Value fold(Value value) = 0;

  // Attributes; with a fallback, or nothing, where the node has none of the name and type.
  virtual bool hasAttribute(llvm::StringRef attribute) const = 0;
  virtual int64_t integer(llvm::StringRef attribute, int64_t fallback) const = 0;
  virtual float real(llvm::StringRef attribute, float fallback) const = 0;
  virtual std::string text(llvm::StringRef attribute, llvm::StringRef fallback) const = 0;
  virtual std::optional<Shape> integers(llvm::StringRef attribute) const = 0;
  virtual std::optional<std::vector<float>> reals(llvm::StringRef attribute) const = 0;
  virtual std::optional<std::vector<std::string>> texts(llvm::StringRef attribute) const = 0;
  // A problem is recorded when it is there and cannot be read.
  virtual FailureOr<std::optional<Tensor>> tensor(llvm::StringRef attribute) = 0;
  // The value of a Constant node in whichever attribute it stands.
  virtual FailureOr<Tensor> constantValue() = 0;

  // A graph in an attribute: how many values it takes and gives; a problem is recorded when there is none.
  struct GraphSize {
    size_t inputs, outputs;
  };
  virtual FailureOr<GraphSize> graphSize(llvm::StringRef attribute) = 0;
  // Builds the nodes of this graph here, with these values as its inputs; its results. The label is part of the names
  // of its nodes. Fails silently when a problem was recorded for one of them.
  virtual FailureOr<llvm::SmallVector<Value>> inlineGraph(llvm::StringRef attribute, llvm::ArrayRef<Value> inputs,
                                                          const llvm::Twine &label) = 0;

  // The shape that the model itself gives an output: for operators whose values decide it. None where a dimension is
  // free.
  virtual std::optional<Shape> declaredShape(size_t output) const = 0;
  virtual void setResult(size_t index, Value value) = 0;
  // What heldType says of a result; a move keeps that of its inputs.
  virtual void setHeldType(size_t, const HeldType *) {}
  // Records a problem at this node.
  virtual LogicalResult fail(const llvm::Twine &text) = 0;

  // A result type with the element type of `like`; a problem is recorded when the shape rule failed.
  FailureOr<mlir::RankedTensorType> resultType(Value like, llvm::Expected<Shape> shape);
  // Inputs 0..count-1, with a problem recorded when one is absent or not of the wanted type.
  FailureOr<llvm::SmallVector<Value>> floatInputs(size_t count);
  // A negative axis counts from the end; a problem is recorded when it is outside.
  FailureOr<int64_t> axis(int64_t value, int64_t rank);
  Value constant(llvm::StringRef name, const Tensor &tensor) { return makeConstant(builder, location, name, tensor); }

protected:
  Node(mlir::OpBuilder &nodeBuilder, mlir::Location nodeLocation) : builder(nodeBuilder), location(nodeLocation) {}
};

using NodeBuilder = LogicalResult (*)(Node &);
#define TW_ONNX_OP(NAME, BUILDER, ...) LogicalResult BUILDER(Node &node);
#include "OpTable.def"

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_NODE_H
