// SPDX-License-Identifier: Apache-2.0
// The node that builders see, on the protobuf of one.
#ifndef TW_IR_LIB_ONNX_PROTONODE_H
#define TW_IR_LIB_ONNX_PROTONODE_H

#include "GraphBuilder.h"

#include <map>

namespace tw::ir::onnx {

class ProtoNode : public Node {
public:
  ProtoNode(GraphBuilder &graphBuilder, Scope &scope, const Plan &plan, const ::onnx::NodeProto &proto,
            const OpRow &row);

  size_t inputCount() const override { return proto.input_size(); }
  bool hasInput(size_t index) const override;
  Value input(size_t index) override;
  Value number(size_t index) override;
  const HeldType *heldType(size_t index) const override;
  void keepHeldType(Value from, Value to) override;
  size_t outputCount() const override { return proto.output_size(); }
  bool isOutputRead(size_t index) const override;
  bool hasAttribute(llvm::StringRef name) const override;
  int64_t integer(llvm::StringRef name, int64_t fallback) const override;
  float real(llvm::StringRef name, float fallback) const override;
  std::string text(llvm::StringRef name, llvm::StringRef fallback) const override;
  std::optional<Shape> integers(llvm::StringRef name) const override;
  std::optional<std::vector<float>> reals(llvm::StringRef name) const override;
  std::optional<std::vector<std::string>> texts(llvm::StringRef name) const override;
  FailureOr<std::optional<Tensor>> tensor(llvm::StringRef name) override;
  FailureOr<Tensor> constantValue() override;
  FailureOr<GraphSize> graphSize(llvm::StringRef name) override;
  FailureOr<llvm::SmallVector<Value>> inlineGraph(llvm::StringRef name, llvm::ArrayRef<Value> inputs,
                                                  const llvm::Twine &label) override;
  std::optional<Tensor> valueOf(Value value) override { return graphBuilder.folder.valueOf(value); }
  Value fold(Value value) override { return graphBuilder.folder.fold(value); }
  std::optional<Shape> declaredShape(size_t output) const override;
  void setResult(size_t index, Value value) override;
  void setHeldType(size_t index, const HeldType *type) override { said[index] = type; }
  LogicalResult fail(const llvm::Twine &text) override;

  // Runs the row's builder; what it made of constants is folded, and the results stand in the scope.
  LogicalResult build();

private:
  const ::onnx::AttributeProto *find(llvm::StringRef name, ::onnx::AttributeProto_AttributeType type) const;
  LogicalResult verifyBehind(mlir::Operation *before);
  LogicalResult checkFilled(mlir::Operation *before);
  std::optional<ElementType> narrowType() const;
  Value lookup(size_t index);
  const HeldType *heldTypeOf(Value value) const { return graphBuilder.heldTypes.lookup(value); }
  const HeldType *resultTypeOf(size_t index) const;
  Value rounded(Value value, std::optional<ElementType> narrow);

  GraphBuilder &graphBuilder;
  Scope &scope;
  const Plan &plan;
  const ::onnx::NodeProto &proto;
  const OpRow &row;
  llvm::SmallVector<Value> results;
  std::map<size_t, const HeldType *> said; // of results, by a builder
};

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_PROTONODE_H
