// SPDX-License-Identifier: Apache-2.0
// First every image operator is made NHWC between two transposes; then transposes sink towards the results through
// whatever they commute with, until they meet their inverse, vanish into weights, or stand at the boundary.
#include "tw/ir/Passes.h"

#include "../interpreter/Kernels.h"
#include "tw/ir/Constants.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/TypeSwitch.h"

namespace tw::ir {
#define GEN_PASS_DEF_CANONICALIZELAYOUT
#include "tw/ir/Passes.h.inc"

using namespace mlir;

namespace {

constexpr int64_t kToNhwc[] = {0, 2, 3, 1}, kToNchw[] = {0, 3, 1, 2};

Shape permuted(Dims values, Dims perm) {
  Shape result;
  for (int64_t p : perm)
    result.push_back(values[p]);
  return result;
}

Shape inverse(Dims perm) {
  Shape result(perm.size());
  for (size_t i = 0; i < perm.size(); ++i)
    result[perm[i]] = static_cast<int64_t>(i);
  return result;
}

Type withShape(Type type, Dims shape) {
  return RankedTensorType::get(shape, cast<RankedTensorType>(type).getElementType());
}

Value transpose(OpBuilder &builder, Value value, Dims perm) {
  Type type = withShape(value.getType(), permuted(shapeOf(value), perm));
  return builder.createOrFold<TransposeOp>(value.getLoc(), type, value, perm);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Seeds: image operators
//===--------------------------------------------------------------------------------------------------------------===//

void toNhwc(OpBuilder &builder, Operation *op, ArrayRef<OpOperand *> images) {
  builder.setInsertionPoint(op);
  for (OpOperand *image : images)
    image->set(transpose(builder, image->get(), kToNhwc));
  Value result = op->getResult(0);
  Type old = result.getType();
  result.setType(withShape(old, permuted(shapeOf(result), kToNhwc)));
  builder.setInsertionPointAfter(op);
  auto back = builder.create<TransposeOp>(op->getLoc(), old, result, kToNchw);
  result.replaceAllUsesExcept(back, back);
}

// A broadcast between images: channels innermost is what the machine's lanes want. Operands of lower rank gain unit
// dims.
bool isImageBroadcast(QEltwiseOp op) {
  return shapeOf(op).size() == 4 && (op.getLhs().getType() != op.getType() || op.getRhs().getType() != op.getType());
}

void seed(func::FuncOp function) {
  OpBuilder builder(function.getContext());
  SmallVector<Operation *> operations;
  function.walk([&](Operation *op) { operations.push_back(op); });
  for (Operation *op : operations)
    llvm::TypeSwitch<Operation *>(op)
        .Case<ConvOp, QConvOp, QConvSumsOp>([&](auto conv) {
          if (conv.getLayout() == Layout::NHWC)
            return;
          conv.setLayout(Layout::NHWC);
          SmallVector<OpOperand *> images{&conv.getInputMutable(), &conv.getWeightMutable()};
          if constexpr (std::is_same_v<decltype(conv), QConvOp>)
            if (conv.getResidual())
              images.push_back(&conv.getResidualMutable()[0]);
          toNhwc(builder, conv, images);
        })
        .Case<MaxPoolOp, AveragePoolOp, QPoolOp>([&](auto pool) {
          if (pool.getLayout() == Layout::NHWC)
            return;
          pool.setLayout(Layout::NHWC);
          toNhwc(builder, pool, {&pool.getInputMutable()});
        })
        .Case<QEltwiseOp>([&](QEltwiseOp eltwise) {
          if (!isImageBroadcast(eltwise))
            return;
          builder.setInsertionPoint(eltwise);
          for (OpOperand *operand : {&eltwise.getLhsMutable(), &eltwise.getRhsMutable()}) {
            Shape shape(4 - shapeOf(operand->get()).size(), 1);
            llvm::append_range(shape, shapeOf(operand->get()));
            operand->set(builder.createOrFold<ReshapeOp>(eltwise.getLoc(), withShape(operand->get().getType(), shape),
                                                         operand->get()));
          }
          toNhwc(builder, eltwise, {&eltwise.getLhsMutable(), &eltwise.getRhsMutable()});
        });
}

//===--------------------------------------------------------------------------------------------------------------===//
// Sinking
//===--------------------------------------------------------------------------------------------------------------===//

// The operands that carry elements of the result, for operators that a transpose can sink through.
SmallVector<OpOperand *> dataOperands(Operation *op) {
  SmallVector<OpOperand *> operands;
  if (unaryFunction(op) || isa<QuantizeOp, DequantizeOp, QLutOp, PadOp, ResizeOp, SoftmaxOp, SliceOp, ArgReduceOp>(op))
    return {&op->getOpOperand(0)};
  if (auto reduce = dyn_cast<ReduceMeanOp>(op); reduce && reduce.getKeepDims())
    return {&op->getOpOperand(0)};
  if (auto reduce = dyn_cast<ReduceOp>(op); reduce && reduce.getKeepDims())
    return {&op->getOpOperand(0)};
  // The slices that are taken stay in their dimension.
  if (auto gather = dyn_cast<GatherOp>(op); gather && shapeOf(gather.getIndices()).size() == 1)
    return {&op->getOpOperand(0)};
  if (auto eltwise = dyn_cast<QEltwiseOp>(op))
    return {&eltwise.getLhsMutable(), &eltwise.getRhsMutable()};
  if (isa<ConcatOp, AddOp, SubOp, MulOp, DivOp, MinOp, MaxOp, UnaryOp, BinaryOp, CompareOp, WhereOp, CastOp>(op))
    for (OpOperand &operand : op->getOpOperands())
      operands.push_back(&operand);
  return operands;
}

// The dimensions that `axes` of a transposed value are in front of the transpose.
Shape sortedAxes(Dims perm, Dims axes) {
  Shape result = permuted(perm, axes);
  llvm::sort(result);
  return result;
}

// Attributes that name dimensions of the result, renamed to those of the operand (result dimension i = operand
// perm[i]).
void renameDimensions(Operation *op, Dims perm) {
  llvm::TypeSwitch<Operation *>(op)
      .Case<ConcatOp, SoftmaxOp, ArgReduceOp, GatherOp>([&](auto typed) { typed.setAxis(perm[typed.getAxis()]); })
      .Case<QuantizeOp, DequantizeOp>([&](auto typed) {
        if (typed.getAxis() < perm.size()) // with one scale it may name no dimension
          typed.setAxis(perm[typed.getAxis()]);
      })
      .Case<PadOp>([&](PadOp pad) {
        pad.setLo(permuted(pad.getLo(), inverse(perm)));
        pad.setHi(permuted(pad.getHi(), inverse(perm)));
      })
      .Case<SliceOp>([&](SliceOp slice) {
        slice.setStarts(permuted(slice.getStarts(), inverse(perm)));
        slice.setSteps(permuted(slice.getSteps(), inverse(perm)));
      })
      .Case<ReduceMeanOp, ReduceOp>([&](auto reduce) { reduce.setAxes(sortedAxes(perm, reduce.getAxes())); })
      .Case<ResizeOp>([&](ResizeOp resize) {
        SmallVector<float> scales;
        for (int64_t p : inverse(perm))
          scales.push_back(resize.getScales()[p]);
        resize.setScales(scales);
      });
}

struct SinkTranspose : RewritePattern {
  explicit SinkTranspose(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1)
      return failure();
    SmallVector<OpOperand *> operands = dataOperands(op);
    TransposeOp first;
    for (OpOperand *operand : operands) {
      auto transposed = operand->get().getDefiningOp<TransposeOp>();
      if (transposed && (!first || first.getPerm() == transposed.getPerm()))
        first = transposed;
      else if (transposed || !isConstant(operand->get()) || isa<ConcatOp>(op))
        return failure();
    }
    // Broadcast to more dimensions than it has, a transpose stays where it is.
    if (!first || shapeOf(op->getResult(0)).size() != first.getPerm().size())
      return failure();
    Dims perm = first.getPerm();
    // seed() put them there.
    if (auto eltwise = dyn_cast<QEltwiseOp>(op); eltwise && isImageBroadcast(eltwise) && perm == Dims(kToNhwc))
      return failure();
    SmallVector<Value> sources;
    for (OpOperand *operand : operands) {
      auto transposed = operand->get().getDefiningOp<TransposeOp>();
      sources.push_back(transposed ? transposed.getInput() : permuteConstant(rewriter, operand->get(), perm));
    }
    rewriter.modifyOpInPlace(op, [&] {
      for (auto [operand, source] : llvm::zip(operands, sources))
        operand->set(source);
      renameDimensions(op, perm);
      Value result = op->getResult(0);
      result.setType(withShape(result.getType(), permuted(shapeOf(result), inverse(perm))));
    });
    rewriter.setInsertionPointAfter(op);
    Type type = withShape(op->getResult(0).getType(), permuted(shapeOf(op->getResult(0)), perm));
    auto below = rewriter.create<TransposeOp>(op->getLoc(), type, op->getResult(0), perm);
    rewriter.replaceAllUsesExcept(op->getResult(0), below.getResult(), below);
    return success();
  }

private:
  static Value permuteConstant(PatternRewriter &rewriter, Value constant, Dims perm) {
    Shape shape(perm.size() - shapeOf(constant).size(), 1);
    llvm::append_range(shape, shapeOf(constant));
    Value full = rewriter.createOrFold<ReshapeOp>(constant.getLoc(), withShape(constant.getType(), shape), constant);
    return transpose(rewriter, full, inverse(perm));
  }
};

// reduce(transpose(x)) without the reduced dimensions: what is left of the transpose follows.
template <typename Reduce> struct SinkTransposeThroughReduction : OpRewritePattern<Reduce> {
  using OpRewritePattern<Reduce>::OpRewritePattern;
  LogicalResult matchAndRewrite(Reduce op, PatternRewriter &rewriter) const override {
    auto transposed = op.getInput().template getDefiningOp<TransposeOp>();
    if (!transposed || op.getKeepDims())
      return failure();
    Dims perm = transposed.getPerm();
    Shape kept; // dimensions in front of the transpose, in the order of the result
    for (auto [d, source] : llvm::enumerate(perm))
      if (!llvm::is_contained(op.getAxes(), static_cast<int64_t>(d)))
        kept.push_back(source);
    Shape sorted(kept), order;
    llvm::sort(sorted);
    for (int64_t source : kept)
      order.push_back(llvm::find(sorted, source) - sorted.begin());
    auto reduce = cast<Reduce>(rewriter.clone(*op));
    reduce.getInputMutable().assign(transposed.getInput());
    reduce.setAxes(sortedAxes(perm, op.getAxes()));
    reduce.getResult().setType(cast<RankedTensorType>(withShape(op.getType(), permuted(shapeOf(op), inverse(order)))));
    rewriter.replaceOpWithNewOp<TransposeOp>(op, op.getType(), reduce.getResult(), order);
    return success();
  }
};

// Dimensions of a reshape's input and result that hold the same elements: as few of each as can be.
struct Unit {
  Shape from, to; // dimensions
};
std::vector<Unit> unitsOf(Dims from, Dims to) {
  std::vector<Unit> units;
  size_t i = 0, k = 0;
  while (i < from.size() || k < to.size()) {
    Unit unit;
    int64_t left = 1, right = 1;
    auto takeLeft = [&] { left *= from[i], unit.from.push_back(static_cast<int64_t>(i++)); };
    auto takeRight = [&] { right *= to[k], unit.to.push_back(static_cast<int64_t>(k++)); };
    if (i < from.size())
      takeLeft();
    if (k < to.size())
      takeRight();
    while (left != right && (left < right ? i < from.size() : k < to.size()))
      left < right ? takeLeft() : takeRight();
    units.push_back(std::move(unit));
  }
  return units;
}

// reshape(transpose(x)) -> transpose(reshape(x)) where the reshape splits or merges dimensions that stay together: a
// shuffle of channels, blocks of space to depth. A transpose of the dimensions that merge stays in front.
struct SinkTransposeThroughReshape : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto transposed = op.getInput().getDefiningOp<TransposeOp>();
    if (!transposed || llvm::is_contained(shapeOf(op), 0))
      return failure();
    Dims perm = transposed.getPerm(), from = shapeOf(transposed), to = shapeOf(op);
    std::vector<Unit> units = unitsOf(from, to);
    SmallVector<std::pair<int64_t, size_t>> sorted; // by the first dimension in front of the transpose
    for (auto [k, unit] : llvm::enumerate(units)) {
      int64_t key = static_cast<int64_t>(perm.size());
      for (int64_t d : unit.from)
        key = std::min(key, perm[d]);
      sorted.push_back({key, k});
    }
    llvm::sort(sorted);
    Shape inner, shape, outer(to.size());
    for (auto [key, k] : sorted) {
      const Unit &unit = units[k];
      for (int64_t d : unit.from)
        inner.push_back(perm[d]);
      for (int64_t d : unit.to) {
        outer[d] = static_cast<int64_t>(shape.size());
        shape.push_back(to[d]);
      }
    }
    if (llvm::is_sorted(outer))
      return failure();
    Value value = transpose(rewriter, transposed.getInput(), inner);
    value = rewriter.create<ReshapeOp>(op.getLoc(), withShape(op.getType(), shape), value);
    rewriter.replaceOpWithNewOp<TransposeOp>(op, op.getType(), value, outer);
    return success();
  }
};

// qgemm(flatten(transpose(x)), W) -> qgemm(flatten(x), W with its columns in the order of x).
struct TransposeIntoWeights : OpRewritePattern<QGemmOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QGemmOp op, PatternRewriter &rewriter) const override {
    auto flatten = op.getInput().getDefiningOp<ReshapeOp>();
    auto transposed = flatten ? flatten.getInput().getDefiningOp<TransposeOp>() : TransposeOp();
    if (!transposed || transposed.getPerm()[0] != 0 || shapeOf(transposed)[0] != shapeOf(op.getInput())[0])
      return failure();
    Shape unflattened(shapeOf(transposed));
    unflattened[0] = shapeOf(op.getWeight())[0];
    Location location = op.getWeight().getLoc();
    Type weightType = op.getWeight().getType();
    Value wide = rewriter.createOrFold<ReshapeOp>(location, withShape(weightType, unflattened), op.getWeight());
    Value weight = rewriter.createOrFold<ReshapeOp>(location, weightType,
                                                    transpose(rewriter, wide, inverse(transposed.getPerm())));
    Value input = rewriter.createOrFold<ReshapeOp>(flatten.getLoc(), op.getInput().getType(), transposed.getInput());
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(input);
      op.getWeightMutable().assign(weight);
    });
    return success();
  }
};

struct CanonicalizeLayout : impl::CanonicalizeLayoutBase<CanonicalizeLayout> {
  void runOnOperation() override {
    seed(getOperation());
    RewritePatternSet patterns(&getContext());
    patterns.add<SinkTranspose, SinkTransposeThroughReduction<ReduceMeanOp>, SinkTransposeThroughReduction<ReduceOp>,
                 SinkTransposeThroughReshape, TransposeIntoWeights>(&getContext());
    TransposeOp::getCanonicalizationPatterns(patterns, &getContext());
    ReshapeOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace tw::ir
