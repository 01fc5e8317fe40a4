// SPDX-License-Identifier: Apache-2.0
#include "host/Functions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

namespace tw::codegen {
namespace {

using namespace mlir;

// The runtime's name; empty: what the processor or LLVM has itself.
StringRef functionOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case<math::AcosOp>([](auto) { return "acos"; })
      .Case<math::AcoshOp>([](auto) { return "acosh"; })
      .Case<math::AsinOp>([](auto) { return "asin"; })
      .Case<math::AsinhOp>([](auto) { return "asinh"; })
      .Case<math::AtanOp>([](auto) { return "atan"; })
      .Case<math::AtanhOp>([](auto) { return "atanh"; })
      .Case<math::CosOp>([](auto) { return "cos"; })
      .Case<math::CoshOp>([](auto) { return "cosh"; })
      .Case<math::ErfOp>([](auto) { return "erf"; })
      .Case<math::ExpOp>([](auto) { return "exp"; })
      .Case<math::ExpM1Op>([](auto) { return "expm1"; })
      .Case<math::LogOp>([](auto) { return "log"; })
      .Case<math::Log1pOp>([](auto) { return "log1p"; })
      .Case<math::PowFOp>([](auto) { return "pow"; })
      .Case<math::SinOp>([](auto) { return "sin"; })
      .Case<math::SinhOp>([](auto) { return "sinh"; })
      .Case<math::TanOp>([](auto) { return "tan"; })
      .Case<math::TanhOp>([](auto) { return "tanh"; })
      .Case<arith::RemFOp>([](auto) { return "fmod"; })
      .Default([](auto) { return ""; });
}

class Caller {
public:
  Caller(Operation *code, unsigned lanes) : code(code), lanes(lanes), b(code->getContext()) {}

  void replace(Operation *op) {
    b.setInsertionPoint(op);
    Value result;
    if (auto type = dyn_cast<VectorType>(op->getResult(0).getType()))
      result = inParts(op, type);
    else
      result = call(op, 1, op->getOperands());
    op->replaceAllUsesWith(ValueRange(result));
    op->erase();
  }

private:
  Value inParts(Operation *op, VectorType type) {
    assert(type.getRank() == 1 && type.getElementType().isF64() && "what Emit writes");
    const int64_t count = type.getNumElements();
    Value result = b.create<arith::ConstantOp>(op->getLoc(), b.getZeroAttr(type));
    for (int64_t begin = 0; begin != count;) {
      int64_t width = lanes;
      while (width > count - begin)
        width /= 2;
      SmallVector<Value> operands;
      for (Value operand : op->getOperands())
        if (width == count)
          operands.push_back(operand);
        else if (width == 1)
          operands.push_back(b.create<vector::ExtractOp>(op->getLoc(), operand, begin));
        else
          operands.push_back(b.create<vector::ExtractStridedSliceOp>(op->getLoc(), operand, begin, width, 1));
      Value part = call(op, width, operands);
      if (width == count)
        return part;
      result = width == 1 ? b.create<vector::InsertOp>(op->getLoc(), part, result, begin).getResult()
                          : b.create<vector::InsertStridedSliceOp>(op->getLoc(), part, result, begin, 1).getResult();
      begin += width;
    }
    return result;
  }

  Value call(Operation *op, int64_t width, ValueRange operands) {
    const std::string name = "tw_" + functionOf(op).str() + (width == 1 ? "" : "_" + std::to_string(width));
    auto function = cast_or_null<func::FuncOp>(SymbolTable::lookupSymbolIn(code, name));
    if (!function) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(&code->getRegion(0).front());
      Type type = operands.front().getType();
      function = b.create<func::FuncOp>(code->getLoc(), name,
                                        b.getFunctionType(SmallVector<Type>(operands.size(), type), type));
      function.setPrivate();
    }
    return b.create<func::CallOp>(op->getLoc(), function, operands).getResult(0);
  }

  Operation *code;
  unsigned lanes;
  OpBuilder b;
};

} // namespace

void callFunctions(Operation *code, unsigned lanes) {
  SmallVector<Operation *> operations;
  code->walk([&](Operation *op) {
    if (!functionOf(op).empty())
      operations.push_back(op);
  });
  Caller caller(code, lanes);
  for (Operation *op : operations)
    caller.replace(op);
}

} // namespace tw::codegen
