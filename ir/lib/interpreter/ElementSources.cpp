// SPDX-License-Identifier: Apache-2.0
// The block is run on numbers instead of bytes: each argument's elements are counted through, so that every element of
// the result says where it is from.
#include "tw/ir/ElementSources.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace tw::ir {
namespace {

bool isByte(Type type) { return getElementTypeOrSelf(type).isInteger(8); }

// Bytes as numbers: those of constants lie below zero.
int64_t numberOfByte(int8_t byte) { return int64_t(byte) - 128 - 1; }

Type widened(Type type) {
  Type wide = IntegerType::get(type.getContext(), 64);
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return tensor.clone(wide);
  return wide;
}

// False for an operation that makes a byte of others.
bool widen(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && isByte(constant.getType())) {
    auto byte = dyn_cast<IntegerAttr>(constant.getValue());
    if (!byte)
      return false;
    constant.setValueAttr(OpBuilder(op).getI64IntegerAttr(numberOfByte(int8_t(byte.getInt()))));
  } else if (llvm::any_of(op->getResultTypes(), isByte) &&
             !isa<linalg::GenericOp, linalg::FillOp, tensor::EmptyOp, tensor::PadOp, tensor::InsertSliceOp,
                  tensor::ExtractSliceOp, tensor::ExtractOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op)) {
    return false;
  } else if (llvm::any_of(op->getOperandTypes(), isByte) && llvm::none_of(op->getResultTypes(), isByte) &&
             !isa<linalg::YieldOp, tensor::YieldOp, func::ReturnOp>(op)) {
    return false; // something is computed of bytes
  }
  for (Value result : op->getResults())
    if (isByte(result.getType()))
      result.setType(widened(result.getType()));
  for (Region &region : op->getRegions())
    for (Block &block : region)
      for (BlockArgument argument : block.getArguments())
        if (isByte(argument.getType()))
          argument.setType(widened(argument.getType()));
  return true;
}

// The block on numbers, in a module of its own; null if it computes.
OwningOpRef<ModuleOp> widened(func::FuncOp block) {
  if (block.getNumResults() != 1 || !isByte(block.getResultTypes()[0]))
    return nullptr;
  OwningOpRef<ModuleOp> module = ModuleOp::create(block.getLoc());
  auto wide = cast<func::FuncOp>(block->clone());
  module->push_back(wide);
  WalkResult walked =
      wide.walk([](Operation *op) { return widen(op) ? WalkResult::advance() : WalkResult::interrupt(); });
  if (walked.wasInterrupted())
    return nullptr;
  wide.setFunctionType(FunctionType::get(wide.getContext(), wide.front().getArgumentTypes(),
                                         wide.front().getTerminator()->getOperandTypes()));
  return module;
}

} // namespace

bool onlyMoves(func::FuncOp block) { return static_cast<bool>(widened(block)); }

std::optional<std::vector<ElementSource>> elementSources(func::FuncOp block, func::CallOp call) {
  OwningOpRef<ModuleOp> module = widened(block);
  if (!module)
    return std::nullopt;
  std::vector<Tensor> arguments;
  std::vector<int64_t> first; // number of each argument's first element
  int64_t next = 0;
  for (Value operand : call.getOperands()) {
    first.push_back(next);
    if (auto constant = isByte(operand.getType()) ? std::nullopt : constantOf(operand)) {
      arguments.push_back(std::move(*constant));
      continue;
    }
    if (!isByte(operand.getType()))
      return std::nullopt;
    Tensor numbers(ElementType::I64, shapeOf(operand));
    for (int64_t i = 0; i != numbers.size(); ++i)
      numbers.data<int64_t>()[i] = next++;
    arguments.push_back(std::move(numbers));
  }
  auto results = Interpreter(*module).run(*module->getOps<func::FuncOp>().begin(), arguments);
  if (!results) {
    llvm::consumeError(results.takeError());
    return std::nullopt;
  }
  std::vector<ElementSource> sources;
  for (int64_t number : results->front().values<int64_t>()) {
    ElementSource source{-1, number + 128 + 1};
    if (number >= 0) {
      source.argument = static_cast<int>(llvm::upper_bound(first, number) - first.begin()) - 1;
      source.index = number - first[static_cast<size_t>(source.argument)];
    }
    sources.push_back(source);
  }
  return sources;
}

} // namespace tw::ir
