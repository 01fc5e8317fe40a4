// SPDX-License-Identifier: Apache-2.0
// What exporters write and nobody needs: parts of parts, parts put together again, conversions there and back, sums
// with 0 and products with 1, operands broadcast for an operator that does so itself, interpolation of one element.
#include "tw/ir/Passes.h"

#include "tw/ir/Constants.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace tw::ir {
#define GEN_PASS_DEF_SIMPLIFY
#include "tw/ir/Passes.h.inc"

using namespace mlir;

namespace {

bool isWhole(SliceOp op) {
  return op.getType() == op.getInput().getType() &&
         llvm::all_of(op.getStarts(), [](int64_t start) { return start == 0; });
}

// A slice of all elements; a slice of a slice; a slice of what one operand of a concat has.
struct SimplifySlice : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    if (isWhole(op)) { // of the same shape it starts in front only if it runs forward
      rewriter.replaceOp(op, op.getInput());
      return success();
    }
    if (auto inner = op.getInput().getDefiningOp<SliceOp>()) {
      Shape starts, steps;
      for (size_t d = 0; d < op.getStarts().size(); ++d) {
        starts.push_back(inner.getStarts()[d] + op.getStarts()[d] * inner.getSteps()[d]);
        steps.push_back(op.getSteps()[d] * inner.getSteps()[d]);
      }
      rewriter.replaceOpWithNewOp<SliceOp>(op, op.getType(), inner.getInput(), starts, steps);
      return success();
    }
    auto concat = op.getInput().getDefiningOp<ConcatOp>();
    const int64_t axis = concat ? static_cast<int64_t>(concat.getAxis()) : 0;
    if (!concat || shapeOf(op)[axis] == 0)
      return failure();
    const int64_t first = op.getStarts()[axis], last = first + (shapeOf(op)[axis] - 1) * op.getSteps()[axis];
    int64_t begin = 0;
    for (Value input : concat.getInputs()) {
      const int64_t end = begin + shapeOf(input)[axis];
      if (std::min(first, last) >= begin && std::max(first, last) < end) {
        Shape starts(op.getStarts());
        starts[axis] -= begin;
        rewriter.replaceOpWithNewOp<SliceOp>(op, op.getType(), input, starts, op.getSteps());
        return success();
      }
      begin = end;
    }
    return failure();
  }
};

// Neighbouring parts of one value in order are a part of it.
struct ConcatOfSlices : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op, PatternRewriter &rewriter) const override {
    if (op.getInputs().size() == 1) {
      rewriter.replaceOp(op, op.getInputs().front());
      return success();
    }
    const size_t axis = op.getAxis();
    auto first = op.getInputs().front().getDefiningOp<SliceOp>();
    if (!first || first.getSteps()[axis] != 1)
      return failure();
    Shape next(first.getStarts());
    for (Value input : op.getInputs()) {
      auto slice = input.getDefiningOp<SliceOp>();
      if (!slice || slice.getInput() != first.getInput() || slice.getStarts() != Dims(next) ||
          slice.getSteps() != first.getSteps())
        return failure();
      next[axis] += shapeOf(slice)[axis];
    }
    rewriter.replaceOpWithNewOp<SliceOp>(op, op.getType(), first.getInput(), first.getStarts(), first.getSteps());
    return success();
  }
};

// Known places at equal distances are a slice.
struct GatherOfLine : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GatherOp op, PatternRewriter &rewriter) const override {
    auto indices = shapeOf(op.getIndices()).size() <= 1 ? constantOf(op.getIndices()) : std::nullopt;
    if (!indices || indices->size() == 0)
      return failure();
    const size_t axis = op.getAxis();
    const int64_t extent = shapeOf(op.getInput())[axis], count = indices->size();
    auto place = [&](int64_t i) {
      const int64_t at = indices->integerAt(i);
      return std::clamp<int64_t>(at < 0 ? at + extent : at, 0, extent - 1);
    };
    const int64_t step = count > 1 ? place(1) - place(0) : 1;
    for (int64_t i = 1; i < count; ++i)
      if (step == 0 || place(i) - place(i - 1) != step)
        return failure();
    Shape starts(shapeOf(op.getInput()).size(), 0), steps(starts.size(), 1), shape(shapeOf(op.getInput()));
    starts[axis] = place(0), steps[axis] = step, shape[axis] = count;
    auto type = RankedTensorType::get(shape, op.getType().getElementType());
    Value slice = rewriter.create<SliceOp>(op.getLoc(), type, op.getInput(), starts, steps);
    rewriter.replaceOp(op, rewriter.createOrFold<ReshapeOp>(op.getLoc(), op.getType(), slice));
    return success();
  }
};

// Does every number of the first type have the same value in the second?
bool holdsAll(ElementType from, ElementType in) {
  auto bits = [](ElementType type) { return static_cast<int>(byteWidth(type)) * 8; };
  auto mantissa = [](ElementType type) {
    return type == ElementType::F64 ? 53 : type == ElementType::F32 ? 24 : type == ElementType::F16 ? 11 : 8;
  };
  if (from == in || from == ElementType::Bool)
    return true;
  if (in == ElementType::Bool)
    return false;
  if (isReal(from))
    return isReal(in) && bits(in) > bits(from);
  const bool isSigned = !isUnsignedInteger(from);
  if (isReal(in))
    return in != ElementType::F16 && bits(from) - isSigned <= mantissa(in);
  return isUnsignedInteger(in) ? !isSigned && bits(in) >= bits(from) : bits(in) > bits(from);
}

struct SimplifyCast : OpRewritePattern<CastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(CastOp op, PatternRewriter &rewriter) const override {
    if (op.getInput().getType() == op.getType()) {
      rewriter.replaceOp(op, op.getInput());
      return success();
    }
    auto inner = op.getInput().getDefiningOp<CastOp>();
    if (!inner || !holdsAll(elementTypeOf(inner.getInput().getType()), elementTypeOf(inner.getType())))
      return failure();
    rewriter.replaceOpWithNewOp<CastOp>(op, op.getType(), inner.getInput());
    return success();
  }
};

struct SimplifyExpand : OpRewritePattern<ExpandOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ExpandOp op, PatternRewriter &rewriter) const override {
    if (op.getInput().getType() == op.getType()) {
      rewriter.replaceOp(op, op.getInput());
      return success();
    }
    auto inner = op.getInput().getDefiningOp<ExpandOp>();
    if (!inner)
      return failure();
    rewriter.replaceOpWithNewOp<ExpandOp>(op, op.getType(), inner.getInput());
    return success();
  }
};

// An operator that broadcasts reads what was broadcast for it.
struct BroadcastByOperator : RewritePattern {
  explicit BroadcastByOperator(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isa<AddOp, SubOp, MulOp, DivOp, MinOp, MaxOp, BinaryOp, CompareOp, WhereOp>(op))
      return failure();
    for (OpOperand &operand : op->getOpOperands()) {
      auto expand = operand.get().getDefiningOp<ExpandOp>();
      if (!expand)
        continue;
      Shape shape(shapeOf(expand.getInput()));
      for (OpOperand &other : op->getOpOperands())
        if (&other != &operand)
          shape = llvm::cantFail(broadcastShape(shape, shapeOf(other.get())));
      if (Dims(shape) != shapeOf(op->getResult(0)))
        continue;
      rewriter.modifyOpInPlace(op, [&] { operand.set(expand.getInput()); });
      return success();
    }
    return failure();
  }
};

bool isNumber(Value value, double number) {
  if (!isConstant(value) || elementCount(shapeOf(value)) != 1)
    return false;
  return constantOf(value)->numberAt(0) == number;
}

// x + 0, x - 0, x * 1, x / 1; of the commutative ones either way round.
template <typename Op, int Number, bool Commutes> struct NeutralOperand : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    for (auto [value, other] : {std::pair(op.getLhs(), op.getRhs()), std::pair(op.getRhs(), op.getLhs())}) {
      if (value == op.getRhs() && !Commutes)
        break;
      if (value.getType() != op.getType() || !isNumber(other, Number))
        continue;
      rewriter.replaceOp(op, value);
      return success();
    }
    return failure();
  }
};

// Over dimensions of one element nothing is reduced.
template <typename Reduce> struct ReduceOfOne : OpRewritePattern<Reduce> {
  using OpRewritePattern<Reduce>::OpRewritePattern;
  LogicalResult matchAndRewrite(Reduce op, PatternRewriter &rewriter) const override {
    if (llvm::any_of(op.getAxes(), [&](int64_t axis) { return shapeOf(op.getInput())[axis] != 1; }))
      return failure();
    rewriter.replaceOp(op, rewriter.createOrFold<ReshapeOp>(op.getLoc(), op.getType(), op.getInput()));
    return success();
  }
};

// Between one element and itself interpolation is that element: an image of one pixel that a segmenter has averaged. It
// stays a resize, of the kind that only moves.
struct ResizeOfOne : OpRewritePattern<ResizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ResizeOp op, PatternRewriter &rewriter) const override {
    // Of integers the result loses the fraction of a sum in float32, which may be just below the element.
    if (op.getMode() == ResizeMode::Nearest || !isa<FloatType>(op.getType().getElementType()))
      return failure();
    for (auto [in, out, scale] : llvm::zip(shapeOf(op.getInput()), shapeOf(op), op.getScales()))
      if (in != 1 && (in != out || scale != 1))
        return failure();
    rewriter.modifyOpInPlace(op, [&] { op.setMode(ResizeMode::Nearest); });
    return success();
  }
};

struct Simplify : impl::SimplifyBase<Simplify> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SimplifySlice, ConcatOfSlices, GatherOfLine, SimplifyCast, SimplifyExpand, BroadcastByOperator,
                 NeutralOperand<AddOp, 0, true>, NeutralOperand<SubOp, 0, false>, NeutralOperand<MulOp, 1, true>,
                 NeutralOperand<DivOp, 1, false>, ReduceOfOne<ReduceOp>, ReduceOfOne<ReduceMeanOp>, ResizeOfOne>(
        &getContext());
    TransposeOp::getCanonicalizationPatterns(patterns, &getContext());
    ReshapeOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace tw::ir
