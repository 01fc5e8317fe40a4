// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Interpreter.h"

#include "LinalgEvaluator.h"
#include "tw/ir/Constants.h"
#include "tw/isa/DiagError.h"

using namespace mlir;

namespace tw::ir {
namespace {

// Bytes that are uint8 for the caller and i8 in the graph.
constexpr llvm::StringLiteral kUnsigned("tw.unsigned");

std::string tensorText(const Tensor &tensor) {
  return std::string(elementTypeName(tensor.type)) + " " + shapeText(tensor.shape);
}

llvm::Error checkArgument(func::FuncOp function, unsigned index, const Tensor &tensor) {
  auto type = cast<RankedTensorType>(function.getArgumentTypes()[index]);
  Tensor wanted(elementTypeOf(type), type.getShape());
  if (function.getArgAttr(index, kUnsigned))
    wanted.type = ElementType::U8;
  if (wanted.type == tensor.type && wanted.shape == tensor.shape)
    return llvm::Error::success();
  return errorAt("", "input '" + argumentName(function, index) + "' is " + tensorText(tensor) + ", the model takes " +
                         tensorText(wanted));
}

// The error with the node of the source model before it.
llvm::Error at(Operation *op, llvm::Error error) {
  const auto names = nodeNames(op->getLoc());
  if (names.empty())
    return error;
  return inside("node '" + names.front() + "'", std::move(error));
}

std::string nameOr(DictionaryAttr attributes, std::string fallback) {
  auto name = attributes ? attributes.getAs<StringAttr>("tw.name") : StringAttr();
  return name ? name.str() : fallback;
}

} // namespace

std::string argumentName(func::FuncOp function, unsigned index) {
  return nameOr(function.getArgAttrDict(index), "arg" + std::to_string(index));
}

std::string resultName(func::FuncOp function, unsigned index) {
  return nameOr(function.getResultAttrDict(index), "result" + std::to_string(index));
}

Interpreter::Observer recordLayers(std::vector<NamedTensor> &layers) {
  return [&layers](Operation *op, Tensor &result) {
    if (op->getParentOfType<func::FuncOp>().getName() != "main")
      return;
    auto names = nodeNames(op->getLoc());
    layers.push_back({names.empty() ? op->getName().getStringRef().str() : names.back().str(), result});
  };
}

const Tensor &Interpreter::constant(Operation *op) {
  auto [entry, isNew] = constants.try_emplace(op);
  if (isNew)
    entry->second = readConstant(cast<ConstantOp>(op).getValue());
  return entry->second;
}

llvm::Expected<std::vector<Tensor>> Interpreter::run(func::FuncOp function, llvm::ArrayRef<Tensor> arguments,
                                                     const Observer &observer) {
  if (arguments.size() != function.getNumArguments())
    return errorAt("", "function '" + function.getName() + "' takes " + llvm::Twine(function.getNumArguments()) +
                           " tensors, not " + llvm::Twine(arguments.size()));
  for (unsigned i = 0; i < arguments.size(); ++i)
    if (auto error = checkArgument(function, i, arguments[i]))
      return error;
  // Constants are read before any evaluation: later insertions must not move them.
  function.walk([&](ConstantOp op) { constant(op); });
  llvm::DenseMap<Value, Tensor> values;
  auto lookup = [&](Value value) -> const Tensor * {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      auto retyped = values.find(value);
      return retyped != values.end() ? &retyped->second : &arguments[argument.getArgNumber()];
    }
    Operation *producer = value.getDefiningOp();
    return isa<ConstantOp>(producer) ? &constants.find(producer)->second : &values.find(value)->second;
  };
  for (unsigned i = 0; i < arguments.size(); ++i)
    if (function.getArgAttr(i, kUnsigned)) {
      values[function.getArgument(i)] = arguments[i];
      values[function.getArgument(i)].type = ElementType::I8;
    }
  for (Operation &op : function.front().without_terminator()) {
    if (isa<ConstantOp>(op))
      continue;
    llvm::SmallVector<const Tensor *> operands = llvm::map_to_vector(op.getOperands(), lookup);
    if (auto call = dyn_cast<func::CallOp>(op)) {
      auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
      std::vector<Tensor> copies;
      for (const Tensor *operand : operands)
        copies.push_back(*operand);
      auto results = run(callee, copies, observer);
      if (!results)
        return results.takeError();
      for (auto [value, tensor] : llvm::zip(call.getResults(), *results)) {
        if (observer)
          observer(call, tensor);
        values[value] = std::move(tensor);
      }
      continue;
    }
    auto result = isa<GraphDialect>(op.getDialect()) ? evaluate(&op, operands) : evaluateTensorOp(&op, lookup);
    if (!result)
      return at(&op, result.takeError());
    if (observer)
      observer(&op, *result);
    values[op.getResult(0)] = *std::move(result);
  }
  std::vector<Tensor> results;
  for (Value value : function.front().getTerminator()->getOperands())
    results.push_back(*lookup(value));
  for (unsigned i = 0; i < results.size(); ++i)
    if (function.getResultAttr(i, kUnsigned))
      results[i].type = ElementType::U8;
  return results;
}

llvm::Expected<std::vector<NamedTensor>> Interpreter::runMain(llvm::ArrayRef<NamedTensor> inputs,
                                                              const Observer &observer) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main)
    return errorAt("", "the module has no function 'main'");
  std::vector<Tensor> arguments;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    std::string name = argumentName(main, i);
    const NamedTensor *given = llvm::find_if(inputs, [&](const NamedTensor &input) { return input.name == name; });
    if (given == inputs.end())
      return errorAt("", "input '" + name + "' is not given");
    arguments.push_back(given->tensor);
  }
  auto results = run(main, arguments, observer);
  if (!results)
    return results.takeError();
  std::vector<NamedTensor> named;
  for (unsigned i = 0; i < results->size(); ++i)
    named.push_back({resultName(main, i), std::move((*results)[i])});
  return named;
}

} // namespace tw::ir
