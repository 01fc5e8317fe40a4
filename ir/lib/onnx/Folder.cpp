// SPDX-License-Identifier: Apache-2.0
#include "Folder.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Interpreter.h"
#include "tw/ir/LibraryFunctions.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

constexpr int64_t kMostRealBytes = int64_t(1) << 20;
constexpr int64_t kMostIntegerBytes = int64_t(1) << 26; // tables of positions and the like
constexpr int64_t kMostWorkBytes = int64_t(1) << 32;

int64_t byteSize(Value value) { return elementCount(shapeOf(value)) * byteWidth(elementTypeOf(value.getType())); }

// Of constants, and no more work than what it reads and writes. Of nothing some give something.
bool isSmallAndLight(Operation *op) {
  if (!isa_and_nonnull<GraphDialect>(op->getDialect()) || op->getNumResults() != 1 || op->getNumOperands() == 0 ||
      !llvm::all_of(op->getOperands(), isConstant))
    return false;
  if (llvm::any_of(op->getOperands(), isEmpty)
          ? !isa<ReduceOp, ReduceMeanOp, GemmOp, MatmulOp, PadOp, ConcatOp>(op)
          : isa<DequantizeOp, ConvOp, GemmOp, MatmulOp, MaxPoolOp, AveragePoolOp, ResizeOp, LibraryOp>(op))
    return false;
  const Value result = op->getResult(0);
  return byteSize(result) <= (isReal(elementTypeOf(result.getType())) ? kMostRealBytes : kMostIntegerBytes);
}

// Has a result that is said to be empty elements after all, by what it computes?
bool mayHaveElements(Operation *op) {
  auto function = dyn_cast<LibraryOp>(op);
  return function && findLibraryFunction(function.getName())->isCounted && !isEmpty(function.getOperand(0));
}

std::optional<Tensor> evaluated(Operation *op, llvm::ArrayRef<Tensor> operands) {
  auto result = ir::evaluate(op, llvm::map_to_vector(operands, [](const Tensor &tensor) { return &tensor; }));
  if (result)
    return *std::move(result);
  llvm::consumeError(result.takeError()); // an operator without an evaluation is left in the graph
  return std::nullopt;
}

} // namespace

bool Folder::isAffordable(Operation *op) {
  int64_t work = byteSize(op->getResult(0));
  for (Value operand : op->getOperands())
    work += byteSize(operand);
  if (work > kMostWorkBytes - workBytes)
    return false;
  workBytes += work;
  return true;
}

std::optional<Tensor> Folder::evaluate(Operation *op) {
  const Value value = op->getResult(0);
  if (isEmpty(value) && !mayHaveElements(op))
    return Tensor(elementTypeOf(value.getType()), shapeOf(value));
  if (!isSmallAndLight(op) || !isAffordable(op))
    return std::nullopt;
  std::vector<Tensor> operands;
  for (Value operand : op->getOperands())
    operands.push_back(*constantOf(operand));
  return evaluated(op, operands);
}

Value Folder::fold(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || isa<ConstantOp>(op) || op->getNumResults() != 1 || op->getNumOperands() == 0)
    return value;
  auto result = evaluate(op);
  if (!result)
    return value;
  // Folded weights keep the name of what they were made from.
  const Location location = op->getOperand(0).getLoc();
  const auto names = nodeNames(location);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(op);
  Value constant = makeConstant(builder, location, names.empty() ? "constant" : names.front(), *result);
  value.replaceAllUsesWith(constant);
  return constant;
}

void Folder::foldBehind(Operation *before, llvm::MutableArrayRef<Value> values) {
  Block &block = *builder.getInsertionBlock();
  for (auto at = before ? std::next(before->getIterator()) : block.begin(); at != block.end(); ++at) {
    if (at->getNumResults() != 1)
      continue;
    const Value old = at->getResult(0);
    if (old.use_empty() && !llvm::is_contained(values, old)) // folded before, or made in vain
      continue;
    const Value now = fold(old);
    std::replace(values.begin(), values.end(), old, now);
  }
}

std::optional<Tensor> Folder::valueOf(Value value, int steps) {
  if (auto tensor = constantOf(value))
    return tensor;
  Operation *op = value.getDefiningOp();
  if (!op || steps == 0 || op->getNumResults() != 1 || op->getNumOperands() == 0)
    return std::nullopt;
  std::vector<Tensor> operands;
  for (Value operand : op->getOperands()) {
    auto tensor = valueOf(operand, steps - 1);
    if (!tensor)
      return std::nullopt;
    operands.push_back(*std::move(tensor));
  }
  return isAffordable(op) ? evaluated(op, operands) : std::nullopt;
}

} // namespace tw::ir::onnx
