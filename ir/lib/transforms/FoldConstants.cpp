// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Passes.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Interpreter.h"
#include "tw/isa/DiagError.h"

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

llvm::Expected<Tensor> evaluateConstants(Operation *op) {
  std::vector<Tensor> operands;
  for (Value operand : op->getOperands())
    operands.push_back(*constantOf(operand));
  auto pointers = llvm::map_to_vector(operands, [](const Tensor &tensor) { return &tensor; });
  return evaluate(op, pointers);
}

struct FoldOperation : RewritePattern {
  explicit FoldOperation(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isFoldable(op))
      return failure();
    auto result = evaluateConstants(op);
    if (!result)
      return rewriter.notifyMatchFailure(op, diagOf(result.takeError()).str());
    // The folded weights keep the name of what they were made from.
    Location location = op->getOperand(0).getLoc();
    auto names = nodeNames(location);
    rewriter.replaceOp(op, makeConstant(rewriter, location, names.empty() ? "constant" : names.front(), *result));
    return success();
  }
};

bool isKnownReal(Value value) {
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  return isConstant(value) || (dequantize && llvm::all_of(dequantize->getOperands(), isConstant));
}

// Arithmetic of dequantised constants: its result is no factor of a product, for which their integers were kept.
struct FoldNumbers : RewritePattern {
  explicit FoldNumbers(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isa<AddOp, SubOp, MulOp, DivOp, MinOp, MaxOp, UnaryOp, BinaryOp>(op) ||
        !llvm::all_of(op->getOperands(), isKnownReal) || llvm::all_of(op->getOperands(), isConstant))
      return failure();
    for (Value operand : op->getOperands()) {
      auto dequantize = operand.getDefiningOp<DequantizeOp>();
      if (!dequantize)
        continue;
      auto number = evaluateConstants(dequantize);
      if (!number)
        return rewriter.notifyMatchFailure(op, diagOf(number.takeError()).str());
      auto names = nodeNames(dequantize.getLoc());
      rewriter.setInsertionPoint(op);
      Value constant = makeConstant(rewriter, dequantize.getLoc(), names.empty() ? "constant" : names.front(), *number);
      rewriter.modifyOpInPlace(op, [&] { op->replaceUsesOfWith(operand, constant); });
    }
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

// One number for a tensor, or one for each slice of a dimension, taken from the dequantize of a constant.
Value perSlice(PatternRewriter &rewriter, Value parameter, ArrayRef<int64_t> slices) {
  Tensor tensor = *constantOf(parameter);
  if (tensor.size() == 1)
    return parameter;
  Tensor result(tensor.type, {static_cast<int64_t>(slices.size())});
  const int64_t width = byteWidth(tensor.type);
  for (auto [i, slice] : llvm::enumerate(slices))
    std::copy_n(tensor.bytes.begin() + slice * width, width, result.bytes.begin() + static_cast<int64_t>(i) * width);
  auto names = nodeNames(parameter.getLoc());
  return makeConstant(rewriter, parameter.getLoc(), names.empty() ? "parameter" : names.front(), result);
}

bool isPerTensor(DequantizeOp op) {
  return elementCount(shapeOf(op.getScale())) == 1 && elementCount(shapeOf(op.getZeroPoint())) == 1;
}

// A constant whose dequantize may stand below what moves it.
DequantizeOp constantDequantize(Value value) {
  auto op = value.getDefiningOp<DequantizeOp>();
  return op && isConstant(op.getInput()) && isConstant(op.getScale()) && isConstant(op.getZeroPoint()) ? op
                                                                                                       : DequantizeOp();
}

// The same for reshapes, when the slices of one scale become slices of one dimension, or several of it each.
struct ReshapeAboveDequantize : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto dequantize = constantDequantize(op.getInput());
    if (!dequantize)
      return failure();
    const Dims from = shapeOf(dequantize), to = shapeOf(op);
    int64_t axis = 1;
    SmallVector<int64_t> slices;
    if (!isPerTensor(dequantize)) {
      const int64_t oldAxis = dequantize.getAxis(), extent = from[oldAxis],
                    inner = elementCount(from.drop_front(oldAxis + 1));
      auto covers = [&](int64_t d) {
        const int64_t newInner = elementCount(to.drop_front(d + 1));
        return newInner > 0 && inner % newInner == 0 && newInner * to[d] % (inner * extent) == 0;
      };
      auto dims = llvm::seq<int64_t>(0, static_cast<int64_t>(to.size()));
      auto found = llvm::find_if(dims, covers);
      if (found == dims.end() || inner * extent == 0)
        return failure();
      axis = *found;
      const int64_t repeat = inner / elementCount(to.drop_front(axis + 1));
      for (int64_t i = 0; i < to[axis]; ++i)
        slices.push_back(i / repeat % extent);
    }
    auto type = RankedTensorType::get(to, getElementTypeOrSelf(dequantize.getInput().getType()));
    Value integers = rewriter.create<ReshapeOp>(op.getLoc(), type, dequantize.getInput());
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, op.getType(), integers,
                                              perSlice(rewriter, dequantize.getScale(), slices),
                                              perSlice(rewriter, dequantize.getZeroPoint(), slices), axis);
    return success();
  }
};

// The same for gathers of constant slices.
struct GatherAboveDequantize : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GatherOp op, PatternRewriter &rewriter) const override {
    auto dequantize = constantDequantize(op.getInput());
    if (!dequantize || !isConstant(op.getIndices()))
      return failure();
    const int64_t moved = op.getAxis(), more = static_cast<int64_t>(shapeOf(op.getIndices()).size()) - 1;
    int64_t axis = dequantize.getAxis();
    SmallVector<int64_t> slices;
    if (!isPerTensor(dequantize)) {
      const int64_t extent = shapeOf(dequantize)[axis];
      if (axis == moved && more != 0)
        return failure();
      if (axis == moved)
        for (int64_t index : constantInts(op.getIndices()))
          slices.push_back(std::clamp<int64_t>(index < 0 ? index + extent : index, 0, extent - 1));
      else
        llvm::append_range(slices, llvm::seq<int64_t>(0, extent));
    }
    auto type = RankedTensorType::get(shapeOf(op), getElementTypeOrSelf(dequantize.getInput().getType()));
    Value integers = rewriter.create<GatherOp>(op.getLoc(), type, dequantize.getInput(), op.getIndices(), moved);
    rewriter.replaceOpWithNewOp<DequantizeOp>(
        op, op.getType(), integers, perSlice(rewriter, dequantize.getScale(), slices),
        perSlice(rewriter, dequantize.getZeroPoint(), slices), axis > moved ? axis + more : axis);
    return success();
  }
};

struct FoldConstants : impl::FoldConstantsBase<FoldConstants> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldOperation, FoldNumbers, TransposeAboveDequantize, ReshapeAboveDequantize, GatherAboveDequantize>(
        &getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace tw::ir
