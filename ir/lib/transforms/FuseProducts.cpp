// SPDX-License-Identifier: Apache-2.0
// Products of int8 as their integer operators have them: activations first and not transposed, factors in the weights'
// scale, padding in the convolution.
#include "Fusion.h"

#include "Quantized.h"

#include <cmath>
#include <numeric>

using namespace mlir;

namespace tw::ir {
namespace {

// Integer weights on one side, activations with one scale on the other.
bool isWeight(const std::optional<Quantized> &side) { return side && isConstant(side->value); }
bool isActivation(const std::optional<Quantized> &side) {
  return side && !isConstant(side->value) && side->perTensor();
}

Value transposed(PatternRewriter &rewriter, Value value) {
  Shape perm(shapeOf(value).size());
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  Shape shape(shapeOf(value));
  std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  auto type = RankedTensorType::get(shape, cast<RankedTensorType>(value.getType()).getElementType());
  return rewriter.create<TransposeOp>(value.getLoc(), type, value, perm);
}

// The real numbers of a constant, times a factor, in float32.
Value realCopy(PatternRewriter &rewriter, Value like, const std::vector<double> &real, double factor) {
  Tensor tensor(ElementType::F32, shapeOf(like));
  llvm::transform(real, tensor.data<float>(), [&](double value) { return static_cast<float>(value * factor); });
  auto names = nodeNames(like.getLoc());
  return makeConstant(rewriter, like.getLoc(), names.empty() ? "bias" : names.front(), tensor);
}

// Weights times a factor that is no 0: in their scale, and less than 0 in their bits. ~w - ~zero is zero - w.
Value scaledWeight(PatternRewriter &rewriter, DequantizeOp op, float factor) {
  std::vector<float> scales = constantFloats(op.getScale());
  for (float &scale : scales)
    if (scale *= std::abs(factor); !std::isnormal(scale))
      return nullptr;
  Value scale =
      makeConstant(rewriter, op.getScale().getLoc(), "scale", Tensor::of<float>(shapeOf(op.getScale()), scales));
  Value integers = op.getInput(), zero = op.getZeroPoint();
  if (factor < 0)
    for (Value *value : {&integers, &zero}) {
      Tensor tensor = *constantOf(*value);
      for (char &byte : tensor.bytes)
        byte = static_cast<char>(~byte);
      auto names = nodeNames(value->getLoc());
      *value = makeConstant(rewriter, value->getLoc(), names.empty() ? "weight" : names.front(), tensor);
    }
  return rewriter.create<DequantizeOp>(op.getLoc(), op.getType(), integers, scale, zero, op.getAxis());
}

// A' * B with weights B: A transposed by itself, alpha in the weights, beta in C.
struct PlainGemm : OpRewritePattern<GemmOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GemmOp op, PatternRewriter &rewriter) const override {
    const float alpha = op.getAlpha().convertToFloat(), beta = op.getC() ? op.getBeta().convertToFloat() : 1.0f;
    if ((!op.getTransA() && alpha == 1 && beta == 1) || alpha == 0 || !isActivation(dequantized(op.getA())) ||
        !isWeight(dequantized(op.getB(), op.getTransB() ? 0 : 1)))
      return failure();
    Value b = op.getB(), c = op.getC();
    if (alpha != 1 && !(b = scaledWeight(rewriter, op.getB().getDefiningOp<DequantizeOp>(), alpha)))
      return failure();
    if (beta != 1) {
      auto real = realConstant(c);
      c = real ? realCopy(rewriter, c, *real, beta)
               : rewriter.create<MulOp>(op.getLoc(), c.getType(), c,
                                        makeConstant(rewriter, op.getLoc(), "beta", Tensor::of<float>({}, {beta})));
    }
    Value a = op.getTransA() ? transposed(rewriter, op.getA()) : op.getA();
    const llvm::APFloat one(1.0f);
    rewriter.replaceOpWithNewOp<GemmOp>(op, op.getType(), a, b, c, one, one, false, op.getTransB());
    return success();
  }
};

// Weights by activations: the transpose of activations by weights.
struct GemmWeightsSecond : OpRewritePattern<GemmOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GemmOp op, PatternRewriter &rewriter) const override {
    if (!isWeight(dequantized(op.getA(), op.getTransA() ? 1 : 0)) || !isActivation(dequantized(op.getB())))
      return failure();
    Value c = op.getC();
    if (c && shapeOf(c).size() == 1)
      c = reshaped(rewriter, c, {1, shapeOf(c)[0]});
    if (c && shapeOf(c).size() == 2)
      c = turnedBias(rewriter, c);
    const Shape shape{shapeOf(op)[1], shapeOf(op)[0]};
    auto type = RankedTensorType::get(shape, rewriter.getF32Type());
    Value turned = rewriter.create<GemmOp>(op.getLoc(), type, op.getB(), op.getA(), c, op.getAlpha(), op.getBeta(),
                                           !op.getTransB(), !op.getTransA());
    rewriter.replaceOp(op, transposed(rewriter, turned));
    return success();
  }

private:
  static Value reshaped(PatternRewriter &rewriter, Value value, Dims shape) {
    auto real = realConstant(value);
    if (!real)
      return rewriter.create<ReshapeOp>(value.getLoc(), RankedTensorType::get(shape, rewriter.getF32Type()), value);
    Tensor tensor(ElementType::F32, shape);
    llvm::transform(*real, tensor.data<float>(), [](double number) { return static_cast<float>(number); });
    auto names = nodeNames(value.getLoc());
    return makeConstant(rewriter, value.getLoc(), names.empty() ? "bias" : names.front(), tensor);
  }

  // A constant stays one, so that it can become a bias.
  static Value turnedBias(PatternRewriter &rewriter, Value c) {
    auto real = realConstant(c);
    if (!real)
      return transposed(rewriter, c);
    const int64_t rows = shapeOf(c)[0], columns = shapeOf(c)[1];
    Tensor tensor(ElementType::F32, {columns, rows});
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t k = 0; k < columns; ++k)
        tensor.data<float>()[k * rows + r] = static_cast<float>((*real)[r * columns + k]);
    auto names = nodeNames(c.getLoc());
    return makeConstant(rewriter, c.getLoc(), names.empty() ? "bias" : names.front(), tensor);
  }
};

struct MatmulWeightsSecond : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MatmulOp op, PatternRewriter &rewriter) const override {
    auto weight = dequantized(op.getA(), 0);
    if (!isWeight(weight) || shapeOf(op.getA()).size() != 2 || !isActivation(dequantized(op.getB())))
      return failure();
    const Tensor from = *constantOf(weight->value);
    const int64_t rows = from.shape[0], columns = from.shape[1];
    Tensor to(ElementType::I8, {columns, rows});
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t k = 0; k < columns; ++k)
        to.data<int8_t>()[k * rows + r] = from.data<int8_t>()[r * columns + k];
    auto names = nodeNames(weight->value.getLoc());
    Value integers = makeConstant(rewriter, weight->value.getLoc(), names.empty() ? "weight" : names.front(), to);
    Value second =
        rewriter.create<DequantizeOp>(op.getA().getLoc(), RankedTensorType::get(to.shape, rewriter.getF32Type()),
                                      integers, weight->scale, weight->zero, 1);
    Shape shape(shapeOf(op));
    std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
    auto type = RankedTensorType::get(shape, rewriter.getF32Type());
    Value turned = rewriter.create<MatmulOp>(op.getLoc(), type, transposed(rewriter, op.getB()), second);
    rewriter.replaceOp(op, transposed(rewriter, turned));
    return success();
  }
};

// The padding of a convolution that has the pad's as well; nothing if the pad is none of an image with `value` around
// it.
template <typename Op> std::optional<Shape> withPad(Op op, PadOp pad, float value) {
  if (!pad || op.getLayout() != Layout::NCHW || pad.getValue().convertToFloat() != value)
    return std::nullopt;
  Dims lo = pad.getLo(), hi = pad.getHi();
  if (lo[0] != 0 || lo[1] != 0 || hi[0] != 0 || hi[1] != 0 || std::min({lo[2], lo[3], hi[2], hi[3]}) < 0)
    return std::nullopt;
  Shape pads(op.getPads());
  for (size_t d : {0, 1}) {
    pads[d] += lo[2 + d];
    pads[2 + d] += hi[2 + d];
  }
  return pads;
}

// Zeros around an image, real or in its integers, are the convolution's own padding.
struct PadIntoConv : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    auto dequantize = op.getInput().getDefiningOp<DequantizeOp>();
    auto pad = (dequantize ? dequantize.getInput() : op.getInput()).getDefiningOp<PadOp>();
    const auto source = dequantized(op.getInput());
    if (dequantize && !source)
      return failure();
    auto pads = withPad(op, pad, static_cast<float>(source ? source->zeroValue() : 0));
    if (!pads)
      return failure();
    Value image = pad.getInput();
    if (source)
      image = rewriter.create<DequantizeOp>(dequantize.getLoc(),
                                            RankedTensorType::get(shapeOf(image), rewriter.getF32Type()), image,
                                            source->scale, source->zero, dequantize.getAxis());
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(image);
      op.setPads(*pads);
    });
    return success();
  }
};

// The same where the convolution was in integers first.
struct PadIntoQConv : OpRewritePattern<QConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QConvOp op, PatternRewriter &rewriter) const override {
    auto pad = op.getInput().getDefiningOp<PadOp>();
    auto pads = withPad(op, pad, static_cast<float>(constantInts(op.getInZero())[0]));
    if (!pads)
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(pad.getInput());
      op.setPads(*pads);
    });
    return success();
  }
};

} // namespace

void addProductPatterns(RewritePatternSet &patterns) {
  patterns.add<PlainGemm, GemmWeightsSecond, MatmulWeightsSecond, PadIntoConv, PadIntoQConv>(patterns.getContext());
}

} // namespace tw::ir
