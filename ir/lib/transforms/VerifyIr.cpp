// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Passes.h"

#include "tw/ir/Constants.h"

#include "mlir/IR/BuiltinOps.h"

namespace tw::ir {
#define GEN_PASS_DEF_VERIFYIR
#include "tw/ir/Passes.h.inc"

using namespace mlir;

namespace {

LogicalResult checkMain(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal() || !main.isPublic())
    return module.emitError("needs a public function 'main' with a body");
  for (auto function : module.getOps<func::FuncOp>())
    if (function != main && function.isPublic())
      return function.emitOpError("is public, only 'main' may be");
  if (!llvm::hasSingleElement(main.getBody()))
    return main.emitOpError("has branches, a graph is straight-line");
  return success();
}

// What is quantised is int8; other uint8 values may be there.
LogicalResult checkQuantisedInt8(ModuleOp module) {
  WalkResult result = module.walk([](Operation *op) {
    if (!isa<QuantizeOp, DequantizeOp>(op))
      return WalkResult::advance();
    for (Value value : llvm::concat<Value>(SmallVector<Value>(op->getOperands()), SmallVector<Value>(op->getResults())))
      if (getElementTypeOrSelf(value.getType()).isUnsignedInteger(8))
        return op->emitOpError("works on uint8 after tw-convert-uint8"), WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult checkNhwc(Operation *op) {
  auto layout = op->getAttrOfType<LayoutAttr>("layout");
  bool image = isa<ConvOp, QConvOp, QConvSumsOp, MaxPoolOp, AveragePoolOp, QPoolOp>(op);
  if (image && (!layout || layout.getValue() != Layout::NHWC))
    return op->emitOpError("is not NHWC after tw-canonicalize-layout");
  return success();
}

LogicalResult checkOutlined(ModuleOp module) {
  for (Operation &op : module.lookupSymbol<func::FuncOp>("main").front())
    if (!isa<ConstantOp, func::CallOp, func::ReturnOp>(op))
      return op.emitOpError("stands in 'main', which holds constants and calls only after tw-outline-blocks");
  WalkResult result = module.walk(
      [](Operation *op) { return failed(checkNhwc(op)) ? WalkResult::interrupt() : WalkResult::advance(); });
  return failure(result.wasInterrupted());
}

struct VerifyIr : impl::VerifyIrBase<VerifyIr> {
  using VerifyIrBase::VerifyIrBase;
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (stage != "imported" && stage != "fused" && stage != "outlined") {
      module.emitError() << "tw-verify-ir knows the stages imported, fused and outlined, not '" << stage << "'";
      return signalPassFailure();
    }
    if (failed(checkMain(module)) || (stage != "imported" && failed(checkQuantisedInt8(module))) ||
        (stage == "outlined" && failed(checkOutlined(module))))
      signalPassFailure();
  }
};

} // namespace
} // namespace tw::ir
