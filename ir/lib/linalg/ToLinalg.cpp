// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/ToLinalg.h"

#include "Lowering.h"
#include "tw/ir/QuantOps.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace tw::ir {

Tensor valueAt(func::CallOp call, Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return *constantOf(argument ? call.getOperand(argument.getArgNumber()) : value);
}

float floatAt(func::CallOp call, Value value) { return valueAt(call, value).data<float>()[0]; }

Type heldType(Type element) {
  const bool isHeld = !element.isUnsignedInteger() && !element.isF16() && !element.isBF16();
  return isHeld ? element : IntegerType::get(element.getContext(), element.getIntOrFloatBitWidth());
}

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
    Value result;
    for (auto family :
         {lowerInteger, lowerFloat, lowerElementwise, lowerProduct, lowerMove, lowerReduction, lowerLibrary})
      if (!result)
        result = family(*this, linalg, &op);
    if (!result)
      return false;
    results[op.getResult(0)] = result;
  }
  Operation *terminator = function.front().getTerminator();
  Value result = results.lookup(terminator->getOperand(0));
  if (!result)
    return false; // a block that passes an argument on
  if (Type type = terminator->getOperand(0).getType(); result.getType() != type)
    result = builder.create<tensor::BitcastOp>(terminator->getLoc(), type, result);
  builder.create<func::ReturnOp>(terminator->getLoc(), result);
  return true;
}

Value Lowering::given(llvm::StringRef role, Value old) {
  if (Value known = results.lookup(old))
    return known;
  return results[old] = held(isConstant(old) // one scalar as an operand of elementwise arithmetic
                                 ? builder.clone(*old.getDefiningOp())->getResult(0)
                                 : argumentFor(role, old));
}

Value Lowering::argumentFor(llvm::StringRef role, Value old) {
  arguments.push_back({role.str(), cast<BlockArgument>(old).getArgNumber()});
  return body->addArgument(old.getType(), old.getLoc());
}

Value Lowering::held(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  Type element = heldType(type.getElementType());
  return element == type.getElementType()
             ? value
             : builder.create<tensor::BitcastOp>(value.getLoc(), type.clone(element), value).getResult();
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
  for (func::CallOp call : calls) {
    OpBuilder at(call);
    SmallVector<Value> operands;
    for (const Argument &argument : arguments)
      operands.push_back(std::holds_alternative<unsigned>(argument.source)
                             ? call.getOperand(std::get<unsigned>(argument.source))
                             : constantFor(at, call, argument));
    auto fresh = at.create<func::CallOp>(call.getLoc(), call.getCallee(), call.getResultTypes(), operands);
    fresh->setDiscardableAttrs(call->getDiscardableAttrDictionary());
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

namespace {

// The call's sums may leave int32, judged by the constants that it gives.
bool hasWideSum(func::FuncOp function, func::CallOp call) {
  OwningOpRef<ModuleOp> scratch = ModuleOp::create(call.getLoc());
  OpBuilder builder = OpBuilder::atBlockBegin(scratch->getBody());
  IRMapping mapping;
  mapping.map(function.getArguments(), call.getOperands());
  return llvm::any_of(function.front().without_terminator(),
                      [&](Operation &op) { return wideSumOf(builder.clone(op, mapping)).has_value(); });
}

// Calls with such sums get a function of their own, which is lowered with wider ones.
void separateWideSums(ModuleOp module) {
  SmallVector<func::CallOp> calls;
  module.walk([&](func::CallOp call) { calls.push_back(call); });
  SymbolTable symbols(module);
  for (func::CallOp call : calls) {
    auto function = symbols.lookup<func::FuncOp>(call.getCallee());
    if (!function || !function.isPrivate() || function.isExternal() || !hasWideSum(function, call))
      continue;
    const std::string name = (function.getName() + "_wide").str();
    auto wide = symbols.lookup<func::FuncOp>(name);
    if (!wide) {
      wide = function.clone();
      wide.setSymName(name);
      wide->setAttr(kWideSums, UnitAttr::get(module.getContext()));
      symbols.insert(wide, Block::iterator(function));
    }
    call.setCallee(name);
  }
  for (auto function : llvm::to_vector(module.getOps<func::FuncOp>()))
    if (function.isPrivate() && symbols.lookup((function.getName() + "_wide").str()) &&
        SymbolTable::symbolKnownUseEmpty(function, module))
      function.erase();
}

} // namespace

LogicalResult lowerBlocksToLinalg(ModuleOp module) {
  separateWideSums(module);
  llvm::StringMap<SmallVector<func::CallOp>> calls;
  module.walk([&](func::CallOp call) { calls[call.getCallee()].push_back(call); });
  for (auto function : llvm::to_vector(module.getOps<func::FuncOp>()))
    if (function.isPrivate() && !function.isExternal())
      Lowering(function, calls[function.getName()]).run();
  return success();
}

} // namespace tw::ir
