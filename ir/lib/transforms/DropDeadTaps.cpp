// SPDX-License-Identifier: Apache-2.0
// Convolutions whose windows are larger than what they look at: on a 4x4 image a 3x3 kernel of dilation 24 multiplies
// its centre, all else is padding. Padding adds nothing to any of the sums, so taps at the edges that meet nothing else
// for every output go; those between two living ones have to stay.
#include "tw/ir/Passes.h"

#include "../interpreter/Kernels.h"
#include "tw/ir/Constants.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace tw::ir {
#define GEN_PASS_DEF_DROPDEADTAPS
#include "tw/ir/Passes.h.inc"

using namespace mlir;

namespace {

// One dimension of the image.
struct Axis {
  int64_t in, out, kernel, stride, dilation, front, back;
  int64_t cropLow = 0, cropHigh = 0; // elements of the image that no tap reaches, where padding would be negative

  // Does the tap meet the image for some output?
  bool isLive(int64_t tap) const {
    const int64_t ahead = front - tap * dilation; // of the first output
    const int64_t output = ahead > 0 ? (ahead + stride - 1) / stride : 0;
    return output < out && output * stride - ahead < in;
  }

  // The first tap that stays; the rest of this says how.
  int64_t drop() {
    int64_t first = 0, last = kernel - 1;
    while (first < kernel && !isLive(first))
      ++first;
    if (first == kernel) // nothing but padding: as it is
      return 0;
    while (!isLive(last))
      --last;
    const int64_t unused = in + front + back - (kernel - 1) * dilation - 1 - (out - 1) * stride;
    front -= first * dilation;
    back -= (kernel - 1 - last) * dilation;
    if (back < 0) // what no window is wide enough for may as well be there
      back = std::min<int64_t>(0, back + stride - 1 - unused);
    cropLow = std::max<int64_t>(0, -front);
    cropHigh = std::max<int64_t>(0, -back);
    front += cropLow;
    back += cropHigh;
    kernel = last + 1 - first;
    if (kernel == 1)
      dilation = 1;
    return first;
  }
};

Value partOf(PatternRewriter &rewriter, Value value, Dims starts, Dims shape) {
  if (shapeOf(value) == shape)
    return value;
  auto type = RankedTensorType::get(shape, cast<RankedTensorType>(value.getType()).getElementType());
  if (auto whole = constantOf(value)) {
    Tensor part(whole->type, shape);
    const Shape strides = stridesOf(whole->shape);
    forEachIndex(shape, [&](int64_t i, Dims index) {
      copyElement(part, i, *whole, offsetOf(starts, strides) + offsetOf(index, strides));
    });
    auto names = nodeNames(value.getLoc());
    return makeConstant(rewriter, value.getLoc(), names.empty() ? "weight" : names.front(), part);
  }
  // What makes integer sums of the convolution later wants to see integer weights.
  if (auto real = value.getDefiningOp<DequantizeOp>(); real && isConstant(real.getInput()))
    return rewriter.create<DequantizeOp>(value.getLoc(), type, partOf(rewriter, real.getInput(), starts, shape),
                                         real.getScale(), real.getZeroPoint(), real.getAxis());
  return rewriter.create<SliceOp>(value.getLoc(), type, value, starts, Shape(shape.size(), 1));
}

// Weights dequantised with a number for each row or column of the kernel keep all of them.
bool isPartible(Value weight, size_t rows) {
  auto real = weight.getDefiningOp<DequantizeOp>();
  return !real || real.getAxis() < rows || real.getAxis() > rows + 1 ||
         (shapeOf(real.getScale()).empty() && shapeOf(real.getZeroPoint()).empty());
}

// Outside the image there is the number 0; of sums only where the zero point is 0.
bool isPaddedWithNothing(Operation *op) {
  auto sums = dyn_cast<QConvSumsOp>(op);
  return !sums || (isConstant(sums.getInZero()) && constantInts(sums.getInZero())[0] == 0);
}

template <typename Conv> struct DropTaps : OpRewritePattern<Conv> {
  using OpRewritePattern<Conv>::OpRewritePattern;
  LogicalResult matchAndRewrite(Conv op, PatternRewriter &rewriter) const override {
    const size_t rows = op.getLayout() == Layout::NCHW ? 2 : 1; // the dimension
    if (!isPaddedWithNothing(op) || !isPartible(op.getWeight(), rows))
      return failure();
    Value input = op.getInput(), weight = op.getWeight();
    Shape inShape(shapeOf(input)), inStarts(4, 0), weightShape(shapeOf(weight)), weightStarts(4, 0);
    Shape pads(op.getPads()), dilations(op.getDilations());
    for (size_t d = 0; d < 2; ++d) {
      Axis axis{inShape[rows + d],    shapeOf(op)[rows + d], weightShape[rows + d], op.getStrides()[d],
                op.getDilations()[d], op.getPads()[d],       op.getPads()[2 + d]};
      weightStarts[rows + d] = axis.drop();
      weightShape[rows + d] = axis.kernel;
      inStarts[rows + d] = axis.cropLow;
      inShape[rows + d] -= axis.cropLow + axis.cropHigh;
      pads[d] = axis.front, pads[2 + d] = axis.back;
      dilations[d] = axis.dilation;
    }
    if (Dims(weightShape) == shapeOf(weight) && Dims(dilations) == op.getDilations())
      return failure();
    input = partOf(rewriter, input, inStarts, inShape);
    weight = partOf(rewriter, weight, weightStarts, weightShape);
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(input);
      op.getWeightMutable().assign(weight);
      op.setPads(pads);
      op.setDilations(dilations);
    });
    return success();
  }
};

struct DropDeadTaps : impl::DropDeadTapsBase<DropDeadTaps> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DropTaps<ConvOp>, DropTaps<QConvOp>, DropTaps<QConvSumsOp>>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace tw::ir
