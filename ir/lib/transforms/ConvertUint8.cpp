// SPDX-License-Identifier: Apache-2.0
// Which uint8 values become int8, and where the two forms meet. Values that an operator only moves or compares have the
// form of those they come from: they are one class. A class with a quantised value in it is int8, any other stays
// uint8.
#include "tw/ir/Passes.h"

#include "tw/ir/Constants.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/EquivalenceClasses.h"

namespace tw::ir {
#define GEN_PASS_DEF_CONVERTUINT8
#include "tw/ir/Passes.h.inc"

using namespace mlir;

namespace {

bool isUint8(Value value) {
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  return tensor && tensor.getElementType().isUnsignedInteger(8);
}

Type int8Like(Type type) { return cast<RankedTensorType>(type).clone(IntegerType::get(type.getContext(), 8)); }

// Operators whose meaning is the same on x - 128: their uint8 operands and results have one form.
bool commutesWithOffset(Operation *op) {
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind() == ReduceKind::Min || reduce.getKind() == ReduceKind::Max;
  return isa<ReshapeOp, TransposeOp, ConcatOp, MaxPoolOp, PadOp, ResizeOp, ExpandOp, SliceOp, GatherOp, WhereOp, MinOp,
             MaxOp>(op);
}

// Operators that have to do with integers of the machine: a zero point goes along.
bool isQuantisation(Operation *op) { return isa<QuantizeOp, DequantizeOp>(op); }

// Those that are better off on int8 whatever their neighbours are.
bool prefersInt8(Operation *op) {
  if (auto resize = dyn_cast<ResizeOp>(op))
    return resize.getMode() == ResizeMode::Linear;
  return isQuantisation(op) || isa<MaxPoolOp>(op);
}

class Converter {
public:
  explicit Converter(func::FuncOp function) : function(function), builder(function.getContext()) {}

  void run() {
    findClasses();
    SmallVector<Operation *> operators;
    function.walk([&](Operation *op) { operators.push_back(op); });
    convertArguments();
    for (Operation *op : operators)
      convert(op);
    convertResults();
    dropPairs();
  }

private:
  // Constants belong to none: each use has the one that it wants.
  void findClasses() {
    function.walk([&](Operation *op) {
      const bool isLink = commutesWithOffset(op), isWish = prefersInt8(op);
      if (!isLink && !isWish)
        return;
      Value first;
      for (Value value :
           llvm::concat<Value>(SmallVector<Value>(op->getOperands()), SmallVector<Value>(op->getResults()))) {
        if (!isUint8(value) || isConstant(value))
          continue;
        classes.insert(value.getAsOpaquePointer());
        if (first && isLink)
          classes.unionSets(first.getAsOpaquePointer(), value.getAsOpaquePointer());
        first = value;
        if (isWish)
          wishes.push_back(value);
      }
    });
    for (Value value : wishes)
      for (auto member = classes.findLeader(value.getAsOpaquePointer()); member != classes.member_end(); ++member)
        int8Values.insert(Value::getFromOpaquePointer(*member));
  }

  void convertArguments() {
    builder.setInsertionPointToStart(&function.front());
    for (BlockArgument argument : function.getArguments()) {
      if (!int8Values.contains(argument))
        continue;
      argument.setType(int8Like(argument.getType()));
      function.setArgAttr(argument.getArgNumber(), "tw.unsigned", builder.getUnitAttr());
      Value flipped = flip(argument, argument.getType());
      argument.replaceAllUsesExcept(flipped, flipped.getDefiningOp());
      isInt8.insert(flipped);
    }
  }

  bool becomesInt8(Operation *op) const {
    return isQuantisation(op) ||
           (commutesWithOffset(op) &&
            (llvm::any_of(op->getOperands(), [&](Value operand) { return isInt8.contains(operand); }) ||
             llvm::any_of(op->getResults(), [&](Value result) { return int8Values.contains(result); })));
  }

  void convert(Operation *op) {
    if (isa<func::ReturnOp, ConstantOp>(op))
      return;
    const bool isConverted = becomesInt8(op);
    for (OpOperand &operand : op->getOpOperands())
      operand.set(inForm(operand.get(), isConverted));
    for (Value result : op->getResults()) {
      if (!int8Values.contains(result))
        continue;
      if (!isConverted) {
        builder.setInsertionPointAfter(op);
        Value flipped = flip(result, int8Like(result.getType()));
        uint8Of[flipped] = result;
        result.replaceAllUsesExcept(flipped, flipped.getDefiningOp());
        isInt8.insert(flipped);
        continue;
      }
      result.setType(int8Like(result.getType()));
      isInt8.insert(result);
      if (auto pad = dyn_cast<PadOp>(op))
        pad.setValue(llvm::APFloat(pad.getValue().convertToFloat() - 128.0f));
      if (auto resize = dyn_cast<ResizeOp>(op); resize && resize.getMode() == ResizeMode::Linear)
        resize.setRoundDown(true);
    }
  }

  // The value as an operator wants it; what is no uint8 of the model stays.
  Value inForm(Value value, bool wantsInt8) {
    if (isUint8(value) && wantsInt8 && isConstant(value))
      return int8Constant(value);
    if (!isInt8.contains(value) || wantsInt8)
      return value;
    Value &known = uint8Of[value];
    if (!known) {
      builder.setInsertionPointAfterValue(value);
      auto type = cast<RankedTensorType>(value.getType());
      known = flip(value, type.clone(IntegerType::get(type.getContext(), 8, IntegerType::Unsigned)));
    }
    return known;
  }

  Value int8Constant(Value value) {
    Value &known = int8Constants[value];
    if (known)
      return known;
    Tensor tensor = *constantOf(value);
    tensor.type = ElementType::I8;
    for (char &byte : tensor.bytes)
      byte = static_cast<char>(byte ^ 0x80);
    auto names = nodeNames(value.getLoc());
    builder.setInsertionPointAfterValue(value);
    return known = makeConstant(builder, value.getLoc(), names.empty() ? "constant" : names.front(), tensor);
  }

  // Callers see the same bytes as before.
  void convertResults() {
    Operation *terminator = function.front().getTerminator();
    builder.setInsertionPoint(terminator);
    for (OpOperand &operand : terminator->getOpOperands()) {
      if (!isInt8.contains(operand.get()))
        continue;
      if (Value known = uint8Of.lookup(operand.get())) {
        operand.set(known);
        continue;
      }
      operand.set(flip(operand.get(), operand.get().getType()));
      function.setResultAttr(operand.getOperandNumber(), "tw.unsigned", builder.getUnitAttr());
    }
    function.setFunctionType(
        builder.getFunctionType(function.front().getArgumentTypes(), terminator->getOperandTypes()));
  }

  // What was uint8 only for an operator that makes int8 of it.
  void dropPairs() {
    for (FlipSignOp op : llvm::to_vector(function.getOps<FlipSignOp>())) {
      auto inner = op.getInput().getDefiningOp<FlipSignOp>();
      if (!inner || inner.getInput().getType() != op.getType())
        continue;
      op.replaceAllUsesWith(inner.getInput());
      op.erase();
      if (inner.use_empty())
        inner.erase();
    }
  }

  Value flip(Value value, Type type) { return builder.create<FlipSignOp>(value.getLoc(), type, value); }

  func::FuncOp function;
  OpBuilder builder;
  llvm::EquivalenceClasses<const void *> classes;
  SmallVector<Value> wishes;
  llvm::DenseSet<Value> int8Values; // uint8 values of the model that become int8
  llvm::DenseSet<Value> isInt8;     // those that have become it
  llvm::DenseMap<Value, Value> uint8Of, int8Constants;
};

struct ConvertUint8 : impl::ConvertUint8Base<ConvertUint8> {
  void runOnOperation() override {
    if (!getOperation().isExternal())
      Converter(getOperation()).run();
  }
};

} // namespace
} // namespace tw::ir
