// SPDX-License-Identifier: Apache-2.0
// What for: a node whose inputs are other values, so that the builder of a float operator builds it inside of another
// one. Called by: builders of operators that are a float operator between dequantise and quantise, or with something
// after it. Does not: hand results on: they stay here until they are asked for.
#ifndef TW_IR_LIB_ONNX_REWIRED_H
#define TW_IR_LIB_ONNX_REWIRED_H

#include "Node.h"

#include "llvm/ADT/StringMap.h"

namespace tw::ir::onnx {

class Rewired : public Node {
public:
  // A null value is an input that is absent. `sinceVersion` is the one of the operator that is built inside.
  Rewired(Node &outer, llvm::ArrayRef<Value> inputValues, int sinceVersion)
      : Node(outer.builder, outer.location), outer(outer), inputs(inputValues) {
    version = sinceVersion;
  }

  // The first result, or failure with the problem recorded.
  FailureOr<Value> build(LogicalResult (*builder)(Node &)) {
    if (mlir::failed(builder(*this)) || !result)
      return mlir::failure();
    return result;
  }
  // Attributes that the inner operator has and the outer one has not, or has with another meaning.
  void setInteger(llvm::StringRef name, int64_t value) { integerValues[name] = value; }

  size_t inputCount() const override { return inputs.size(); }
  size_t outputCount() const override { return 1; }
  bool isOutputRead(size_t index) const override { return index == 0; }
  bool hasInput(size_t index) const override { return index < inputs.size() && inputs[index]; }
  Value input(size_t index) override {
    if (hasInput(index))
      return inputs[index];
    (void)fail("input " + llvm::Twine(index) + " is missing");
    return Value();
  }
  bool hasAttribute(llvm::StringRef attribute) const override {
    return integerValues.contains(attribute) || outer.hasAttribute(attribute);
  }
  int64_t integer(llvm::StringRef attribute, int64_t fallback) const override {
    auto known = integerValues.find(attribute);
    return known != integerValues.end() ? known->second : outer.integer(attribute, fallback);
  }
  float real(llvm::StringRef attribute, float fallback) const override { return outer.real(attribute, fallback); }
  std::string text(llvm::StringRef attribute, llvm::StringRef fallback) const override {
    return outer.text(attribute, fallback);
  }
  std::optional<Shape> integers(llvm::StringRef attribute) const override { return outer.integers(attribute); }
  std::optional<std::vector<float>> reals(llvm::StringRef attribute) const override { return outer.reals(attribute); }
  std::optional<std::vector<std::string>> texts(llvm::StringRef attribute) const override {
    return outer.texts(attribute);
  }
  std::optional<Shape> declaredShape(size_t) const override { return std::nullopt; }
  FailureOr<std::optional<Tensor>> tensor(llvm::StringRef attribute) override { return outer.tensor(attribute); }
  FailureOr<Tensor> constantValue() override { return outer.constantValue(); }
  FailureOr<GraphSize> graphSize(llvm::StringRef attribute) override { return outer.graphSize(attribute); }
  FailureOr<llvm::SmallVector<Value>> inlineGraph(llvm::StringRef attribute, llvm::ArrayRef<Value> values,
                                                  const llvm::Twine &label) override {
    return outer.inlineGraph(attribute, values, label);
  }
  std::optional<Tensor> valueOf(Value value) override { return outer.valueOf(value); }
  Value fold(Value value) override { return outer.fold(value); }
  void setResult(size_t index, Value value) override {
    if (index == 0)
      result = value;
  }
  LogicalResult fail(const llvm::Twine &text) override { return outer.fail(text); }

private:
  Node &outer;
  llvm::SmallVector<Value> inputs;
  llvm::StringMap<int64_t> integerValues;
  Value result;
};

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_REWIRED_H
