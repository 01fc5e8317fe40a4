// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Passes.h"

#include "tw/ir/Constants.h"

namespace tw::ir {
#define GEN_PASS_DEF_CONVERTUINT8
#include "tw/ir/Passes.h.inc"

using namespace mlir;

namespace {

bool isUint8(Value value) { return elementTypeOf(value.getType()) == ElementType::U8; }

Type int8Like(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape(), IntegerType::get(type.getContext(), 8));
}

// Operators whose meaning is the same on x - 128: they move, compare or interpolate elements, or take a zero point
// along.
bool commutesWithOffset(Operation *op) {
  return isa<QuantizeOp, DequantizeOp, ReshapeOp, TransposeOp, ConcatOp, MaxPoolOp, PadOp, ResizeOp>(op);
}

void convertConstant(ConstantOp op) {
  Tensor tensor = readConstant(op.getValue());
  tensor.type = ElementType::I8;
  for (char &byte : tensor.bytes)
    byte = static_cast<char>(byte ^ 0x80);
  auto names = nodeNames(op.getLoc());
  op.setValueAttr(makeConstantAttr(op.getContext(), names.empty() ? "constant" : names.front(), tensor));
  static_cast<Value>(op.getResult()).setType(int8Like(op.getType()));
}

struct ConvertUint8 : impl::ConvertUint8Base<ConvertUint8> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    OpBuilder builder(&getContext());
    WalkResult walked = function.walk([&](Operation *op) {
      bool touches = llvm::any_of(op->getOperands(), isUint8) || llvm::any_of(op->getResults(), isUint8);
      if (!touches || isa<ConstantOp, func::ReturnOp, FlipSignOp>(op) || commutesWithOffset(op))
        return WalkResult::advance();
      op->emitOpError("has no int8 form: it works on uint8 values themselves");
      return WalkResult::interrupt();
    });
    if (walked.wasInterrupted())
      return signalPassFailure();

    function.walk([&](Operation *op) {
      if (isa<FlipSignOp>(op))
        return;
      if (auto constant = dyn_cast<ConstantOp>(op)) {
        if (isUint8(constant))
          convertConstant(constant);
        return;
      }
      for (Value result : op->getResults()) {
        if (!isUint8(result))
          continue;
        result.setType(int8Like(result.getType()));
        if (auto pad = dyn_cast<PadOp>(op))
          pad.setValue(llvm::APFloat(pad.getValue().convertToFloat() - 128.0f));
        if (auto resize = dyn_cast<ResizeOp>(op); resize && resize.getMode() == ResizeMode::Linear)
          resize.setRoundDown(true);
      }
    });
    convertArguments(function, builder);
    convertResults(function, builder);
  }

  static void convertArguments(func::FuncOp function, OpBuilder &builder) {
    builder.setInsertionPointToStart(&function.front());
    for (BlockArgument argument : function.getArguments()) {
      if (!isUint8(argument))
        continue;
      argument.setType(int8Like(argument.getType()));
      function.setArgAttr(argument.getArgNumber(), "tw.unsigned", builder.getUnitAttr());
      if (argument.use_empty())
        continue;
      auto flip = builder.create<FlipSignOp>(argument.getLoc(), argument.getType(), argument);
      argument.replaceAllUsesExcept(flip, flip);
    }
  }

  static void convertResults(func::FuncOp function, OpBuilder &builder) {
    Operation *terminator = function.front().getTerminator();
    builder.setInsertionPoint(terminator);
    for (OpOperand &operand : terminator->getOpOperands()) {
      Type type = operand.get().getType();
      if (function.getResultTypes()[operand.getOperandNumber()] == type)
        continue;
      operand.set(builder.create<FlipSignOp>(operand.get().getLoc(), type, operand.get()));
      function.setResultAttr(operand.getOperandNumber(), "tw.unsigned", builder.getUnitAttr());
    }
    function.setFunctionType(
        builder.getFunctionType(function.front().getArgumentTypes(), terminator->getOperandTypes()));
  }
};

} // namespace
} // namespace tw::ir
