// SPDX-License-Identifier: Apache-2.0
#include "Node.h"

#include "tw/isa/DiagError.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// The arguments of the graph that a value is computed from, by name, the first few of them.
llvm::SmallVector<std::string> sources(Value value) {
  constexpr size_t kMostSources = 3, kMostVisited = 1000;
  llvm::SmallVector<std::string> names;
  llvm::SetVector<Value> visited;
  visited.insert(value);
  for (size_t i = 0; i < visited.size() && i < kMostVisited && names.size() < kMostSources; ++i) {
    if (auto argument = dyn_cast<BlockArgument>(visited[i]))
      names.push_back(nodeNames(argument.getLoc()).front().str());
    else
      visited.insert(visited[i].getDefiningOp()->operand_begin(), visited[i].getDefiningOp()->operand_end());
  }
  return names;
}

} // namespace

std::optional<Tensor> Node::constantInput(size_t index) {
  if (!hasInput(index))
    return std::nullopt;
  Value value = input(index);
  return value ? valueOf(value) : std::nullopt;
}

FailureOr<Tensor> Node::requiredConstant(size_t index, llvm::StringRef what) {
  Value value = input(index);
  if (!value)
    return failure();
  if (auto tensor = valueOf(value))
    return *std::move(tensor);
  const auto names = sources(value);
  std::string text = (what + " (input " + llvm::Twine(index) + ") must be a constant, it is ").str();
  text += isa<BlockArgument>(value) ? "" : "computed from ";
  text += names.size() > 1 ? "the graph inputs " : "the graph input ";
  for (size_t i = 0; i < names.size(); ++i)
    text += (i ? ", '" : "'") + names[i] + "'";
  return fail(text + "; if its value is known, give it: --const " + (names.empty() ? "NAME" : names.front()) +
              "=VALUE");
}

FailureOr<RankedTensorType> Node::resultType(Value like, llvm::Expected<Shape> shape) {
  if (!shape)
    return fail(diagOf(shape.takeError()).str());
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
