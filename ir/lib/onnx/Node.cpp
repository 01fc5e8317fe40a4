// SPDX-License-Identifier: Apache-2.0
#include "Node.h"

using namespace mlir;

namespace tw::ir::onnx {

std::optional<Tensor> Node::constantInput(size_t index) {
  if (!hasInput(index))
    return std::nullopt;
  Value value = input(index);
  return value ? constantOf(value) : std::nullopt;
}

FailureOr<Tensor> Node::requiredConstant(size_t index, llvm::StringRef what) {
  Value value = input(index);
  if (!value)
    return failure();
  if (auto tensor = constantOf(value))
    return *std::move(tensor);
  return fail(what + " (input " + llvm::Twine(index) + ") must be a constant, it is computed by the graph");
}

FailureOr<RankedTensorType> Node::resultType(Value like, llvm::Expected<Shape> shape) {
  if (!shape)
    return fail(llvm::toString(shape.takeError()));
  return RankedTensorType::get(*shape, cast<RankedTensorType>(like.getType()).getElementType());
}

FailureOr<llvm::SmallVector<Value>> Node::floatInputs(size_t count) {
  llvm::SmallVector<Value> values;
  for (size_t i = 0; i < count; ++i) {
    Value value = input(i);
    if (!value)
      return failure();
    ElementType type = elementTypeOf(value.getType());
    if (type != ElementType::F32)
      return fail("input " + llvm::Twine(i) + " is " + llvm::StringRef(elementTypeName(type)) +
                  ", only float32 is supported here (quantised models need DequantizeLinear before it)");
    values.push_back(value);
  }
  return values;
}

FailureOr<int64_t> Node::axis(int64_t value, int64_t rank) {
  if (value < -rank || value >= rank)
    return fail("axis " + llvm::Twine(value) + " is outside rank " + llvm::Twine(rank));
  return value < 0 ? value + rank : value;
}

} // namespace tw::ir::onnx
