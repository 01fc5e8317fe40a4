// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Passes.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Interpreter.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace tw::ir {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "tw/ir/Passes.h.inc"

using namespace mlir;

namespace {

bool isFoldable(Operation *op) {
  return isa_and_nonnull<GraphDialect>(op->getDialect()) && op->getNumResults() == 1 && op->getNumOperands() > 0 &&
         !isa<DequantizeOp>(op) && llvm::all_of(op->getOperands(), isConstant);
}

struct FoldOperation : RewritePattern {
  explicit FoldOperation(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isFoldable(op))
      return failure();
    std::vector<Tensor> operands;
    for (Value operand : op->getOperands())
      operands.push_back(*constantOf(operand));
    auto pointers = llvm::map_to_vector(operands, [](const Tensor &tensor) { return &tensor; });
    auto result = evaluate(op, pointers);
    if (!result)
      return rewriter.notifyMatchFailure(op, llvm::toString(result.takeError()));
    // The folded weights keep the name of what they were made from.
    Location location = op->getOperand(0).getLoc();
    auto names = nodeNames(location);
    rewriter.replaceOp(op, makeConstant(rewriter, location, names.empty() ? "constant" : names.front(), *result));
    return success();
  }
};

// transpose(dequantize(constant)) -> dequantize(transpose(constant)): the integers are what fusion wants to see.
struct TransposeAboveDequantize : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    auto dequantize = op.getInput().getDefiningOp<DequantizeOp>();
    if (!dequantize || !isConstant(dequantize.getInput()))
      return failure();
    auto type = RankedTensorType::get(op.getType().getShape(), getElementTypeOrSelf(dequantize.getInput().getType()));
    Value integers = rewriter.create<TransposeOp>(op.getLoc(), type, dequantize.getInput(), op.getPerm());
    int64_t axis = llvm::find(op.getPerm(), static_cast<int64_t>(dequantize.getAxis())) - op.getPerm().begin();
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, op.getType(), integers, dequantize.getScale(),
                                              dequantize.getZeroPoint(), axis);
    return success();
  }
};

// The same for reshapes of tensors with one scale.
struct ReshapeAboveDequantize : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto dequantize = op.getInput().getDefiningOp<DequantizeOp>();
    if (!dequantize || !isConstant(dequantize.getInput()) || elementCount(shapeOf(dequantize.getScale())) != 1 ||
        elementCount(shapeOf(dequantize.getZeroPoint())) != 1)
      return failure();
    auto type = RankedTensorType::get(op.getType().getShape(), getElementTypeOrSelf(dequantize.getInput().getType()));
    Value integers = rewriter.create<ReshapeOp>(op.getLoc(), type, dequantize.getInput());
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, op.getType(), integers, dequantize.getScale(),
                                              dequantize.getZeroPoint());
    return success();
  }
};

struct FoldConstants : impl::FoldConstantsBase<FoldConstants> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldOperation, TransposeAboveDequantize, ReshapeAboveDequantize>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace tw::ir
