// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/ToLinalg.h"

#include "Lowering.h"

using namespace mlir;

namespace tw::ir {

Tensor valueAt(func::CallOp call, Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return *constantOf(argument ? call.getOperand(argument.getArgNumber()) : value);
}

float floatAt(func::CallOp call, Value value) { return valueAt(call, value).data<float>()[0]; }

void Lowering::run() {
  body = new Block;
  function.getBody().push_back(body);
  builder.setInsertionPointToEnd(body);
  if (!lowerOperations()) {
    body->erase();
    return;
  }
  replaceCalls();
  function.front().erase();
  function.setFunctionType(builder.getFunctionType(body->getArgumentTypes(), body->getTerminator()->getOperandTypes()));
  function.setAllArgAttrs(roles());
}

bool Lowering::lowerOperations() {
  for (Operation &op : function.front().without_terminator()) {
    if (isa<ConstantOp>(op))
      continue;
    LinalgBuilder linalg(builder, op.getLoc());
    Value result = lowerInteger(*this, linalg, &op);
    if (!result)
      result = lowerFloat(*this, linalg, &op);
    if (!result)
      return false;
    results[op.getResult(0)] = result;
  }
  Operation *terminator = function.front().getTerminator();
  Value result = results.lookup(terminator->getOperand(0));
  if (!result)
    return false; // a block that passes an argument on
  builder.create<func::ReturnOp>(terminator->getLoc(), result);
  return true;
}

Value Lowering::given(llvm::StringRef role, Value old) {
  if (Value known = results.lookup(old))
    return known;
  if (isConstant(old)) // one scalar as an operand of elementwise arithmetic
    return builder.clone(*old.getDefiningOp())->getResult(0);
  unsigned index = cast<BlockArgument>(old).getArgNumber();
  for (auto [position, argument] : llvm::enumerate(arguments))
    if (argument.source.index() == 0 && std::get<unsigned>(argument.source) == index)
      return body->getArgument(static_cast<unsigned>(position));
  arguments.push_back({role.str(), index});
  return body->addArgument(old.getType(), old.getLoc());
}

Value Lowering::computed(llvm::StringRef role, ElementType type, Dims shape, Compute compute) {
  arguments.push_back({role.str(), std::move(compute)});
  return body->addArgument(toMlirType(builder.getContext(), type, shape), builder.getUnknownLoc());
}

Access Lowering::computedScalar(llvm::StringRef role, std::function<int32_t(func::CallOp)> compute) {
  return {computed(role, ElementType::I32, {},
                   [compute](func::CallOp call) { return Tensor::of<int32_t>({}, {compute(call)}); }),
          {}};
}

void Lowering::replaceCalls() {
  auto module = function->getParentOfType<ModuleOp>();
  SmallVector<func::CallOp> calls;
  module.walk([&](func::CallOp call) {
    if (call.getCallee() == function.getName())
      calls.push_back(call);
  });
  for (func::CallOp call : calls) {
    OpBuilder at(call);
    SmallVector<Value> operands;
    for (const Argument &argument : arguments)
      operands.push_back(std::holds_alternative<unsigned>(argument.source)
                             ? call.getOperand(std::get<unsigned>(argument.source))
                             : constantFor(at, call, argument));
    auto fresh = at.create<func::CallOp>(call.getLoc(), call.getCallee(), call.getResultTypes(), operands);
    call.replaceAllUsesWith(fresh);
    call.erase();
  }
}

Value Lowering::constantFor(OpBuilder &at, func::CallOp call, const Argument &argument) {
  auto names = nodeNames(call.getLoc());
  std::string name = (names.empty() ? call.getCallee() : names.front()).str() + "." + argument.role;
  return makeConstant(at, call.getLoc(), name, std::get<Compute>(argument.source)(call));
}

SmallVector<DictionaryAttr> Lowering::roles() {
  SmallVector<DictionaryAttr> attributes;
  for (const Argument &argument : arguments)
    attributes.push_back(
        builder.getDictionaryAttr(builder.getNamedAttr("tw.role", builder.getStringAttr(argument.role))));
  return attributes;
}

LogicalResult lowerBlocksToLinalg(ModuleOp module) {
  for (auto function : llvm::to_vector(module.getOps<func::FuncOp>()))
    if (function.isPrivate() && !function.isExternal())
      Lowering(function).run();
  return success();
}

} // namespace tw::ir
