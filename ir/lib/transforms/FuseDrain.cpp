// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Passes.h"

#include "tw/ir/Constants.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace tw::ir {
#define GEN_PASS_DEF_FUSEDRAIN
#include "tw/ir/Passes.h.inc"

using namespace mlir;

namespace {

// A convolution or product that ends in its plain int8 result, which only `user` reads.
template <typename Op> Op drainProducer(Value value) {
  auto op = value.getDefiningOp<Op>();
  bool plain = op && value.hasOneUse() && !op.getResidual() && !op.getLut();
  return plain ? op : Op();
}

template <typename Op> struct FuseResidual : OpRewritePattern<QEltwiseOp> {
  using OpRewritePattern<QEltwiseOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(QEltwiseOp add, PatternRewriter &rewriter) const override {
    if (add.getKind() != EltwiseKind::Add || add.getLhs().getType() != add.getType() ||
        add.getRhs().getType() != add.getType())
      return failure();
    Op left = candidate(add.getLhs()), right = candidate(add.getRhs());
    // The later one runs last anyway; the other result is waiting by then.
    bool takeLeft = left && (!right || right->isBeforeInBlock(left));
    Op op = takeLeft ? left : right;
    if (!op)
      return failure();
    auto fused = cast<Op>(rewriter.clone(*op));
    fused->setLoc(rewriter.getFusedLoc({op.getLoc(), add.getLoc()}));
    fused.getResidualMutable().assign(takeLeft ? add.getRhs() : add.getLhs());
    fused.getResidualScaleMutable().assign(takeLeft ? add.getRhsScale() : add.getLhsScale());
    fused.getResidualZeroMutable().assign(takeLeft ? add.getRhsZero() : add.getLhsZero());
    fused.getSumScaleMutable().assign(add.getOutScale());
    fused.getSumZeroMutable().assign(add.getOutZero());
    fused.setClampLo(add.getClampLo());
    fused.setClampHi(add.getClampHi());
    rewriter.replaceOp(add, fused.getResult());
    return success();
  }

private:
  // The drain clamps once, after the addition: a product with a clamp of its own stays apart.
  static Op candidate(Value value) {
    Op op = drainProducer<Op>(value);
    return op && static_cast<int64_t>(op.getClampLo()) == -128 && op.getClampHi() == 127 ? op : Op();
  }
};

template <typename Op> struct FuseTable : OpRewritePattern<QLutOp> {
  using OpRewritePattern<QLutOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(QLutOp lut, PatternRewriter &rewriter) const override {
    auto producer = lut.getInput().getDefiningOp<Op>();
    if (!producer || !lut.getInput().hasOneUse() || producer.getLut())
      return failure();
    auto fused = cast<Op>(rewriter.clone(*producer));
    fused->setLoc(rewriter.getFusedLoc({producer.getLoc(), lut.getLoc()}));
    fused.getLutMutable().assign(lut.getTable());
    rewriter.replaceOp(lut, fused.getResult());
    return success();
  }
};

struct FuseDrain : impl::FuseDrainBase<FuseDrain> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseResidual<QConvOp>, FuseResidual<QGemmOp>, FuseTable<QConvOp>, FuseTable<QGemmOp>>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace tw::ir
