// SPDX-License-Identifier: Apache-2.0
// An int8 value times a number for each channel, plus another, is a depthwise convolution of one tap; what is between
// it and its quantiser then finds its integer form as any convolution does.
#include "Fusion.h"

#include "Quantized.h"

#include <cmath>

using namespace mlir;

namespace tw::ir {
namespace {

// Exact, so that factor / kTap is as exact as the factor; finer than the result's steps, so that a bias is, too.
constexpr int8_t kTap = 64;
// Of a channel that is a bias alone: below what any multiplier may be, which fusion takes for a constant.
constexpr float kNoScale = 1e-30f;

// source * factor + offset, both along dimension `axis`.
struct Affine {
  Value source; // dequantised
  std::vector<double> factor, offset;
};

class AffineReader {
public:
  std::optional<Affine> read(Value value) {
    auto affine = visit(value);
    return affine && axis >= 0 ? affine : std::nullopt;
  }
  int64_t axis = -1; // the dimension along which constants differ

private:
  std::optional<Affine> visit(Value value) {
    if (auto source = dequantized(value); source && !isConstant(source->value))
      return Affine{value, {1}, {0}};
    Operation *op = value.getDefiningOp();
    if (!op || !isa<AddOp, SubOp, MulOp, DivOp>(op))
      return std::nullopt;
    const bool isSecond = realConstant(op->getOperand(1)).has_value(); // the constant
    if (isa<DivOp>(op) && !isSecond)
      return std::nullopt;
    auto affine = visit(op->getOperand(isSecond ? 0 : 1));
    if (!affine || op->getResult(0).getType() != affine->source.getType())
      return std::nullopt;
    auto constant = alongAxis(op->getOperand(isSecond ? 1 : 0), shapeOf(value));
    if (!constant)
      return std::nullopt;
    const size_t count = std::max(affine->factor.size(), constant->size());
    Affine result{affine->source, std::vector<double>(count), std::vector<double>(count)};
    for (size_t c = 0; c < count; ++c) {
      const double k = (*constant)[constant->size() == 1 ? 0 : c],
                   f = affine->factor[affine->factor.size() == 1 ? 0 : c],
                   o = affine->offset[affine->offset.size() == 1 ? 0 : c];
      const bool isSum = isa<AddOp, SubOp>(op);
      const double times = isa<MulOp>(op)                ? k
                           : isa<DivOp>(op)              ? 1 / k
                           : isa<SubOp>(op) && !isSecond ? -1
                                                         : 1,
                   plus = !isSum                       ? 0
                          : isa<SubOp>(op) && isSecond ? -k
                                                       : k;
      result.factor[c] = f * times;
      result.offset[c] = o * times + plus;
    }
    return result;
  }

  // The numbers of a constant that differ along one dimension at most, the same for all constants.
  std::optional<std::vector<double>> alongAxis(Value constant, Dims shape) {
    auto real = realConstant(constant);
    if (!real || real->empty())
      return std::nullopt;
    if (llvm::all_equal(*real))
      return std::vector<double>{real->front()};
    Dims own = shapeOf(constant);
    int64_t found = -1;
    for (size_t d = 0; d < own.size(); ++d)
      if (own[d] != 1 && std::exchange(found, static_cast<int64_t>(d + shape.size() - own.size())) >= 0)
        return std::nullopt;
    if (axis >= 0 && axis != found)
      return std::nullopt;
    axis = found;
    return real;
  }
};

struct AffineToConv : OpRewritePattern<QuantizeOp> {
  // After whatever needs no convolution for it.
  explicit AffineToConv(MLIRContext *context) : OpRewritePattern(context, /*benefit=*/0) {}
  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    OpOperand *end = &op.getInputMutable();
    while (end->get().getDefiningOp() && isa<ReluOp, ClipOp>(end->get().getDefiningOp()))
      end = &end->get().getDefiningOp()->getOpOperand(0);
    AffineReader reader;
    auto affine = reader.read(end->get());
    if (!affine)
      return failure();
    Dims shape = shapeOf(affine->source);
    const bool isImage = shape.size() == 4 && reader.axis == 1;
    const int64_t channels = shape[reader.axis];
    if (!isImage && reader.axis + 1 != static_cast<int64_t>(shape.size()))
      return failure();
    Tensor taps(ElementType::I8, {channels, 1, 1, 1}), scales(ElementType::F32, {channels}),
        bias(ElementType::F32, {channels});
    for (int64_t c = 0; c < channels; ++c) {
      const double factor = affine->factor[c], offset = affine->offset[c];
      const float scale = static_cast<float>(std::abs(factor) / kTap);
      if (!std::isfinite(factor) || !std::isfinite(offset) || (factor != 0 && !std::isnormal(scale)))
        return failure();
      taps.data<int8_t>()[c] = factor == 0 ? 0 : factor < 0 ? -kTap : kTap;
      scales.data<float>()[c] = factor == 0 ? kNoScale : scale;
      bias.data<float>()[c] = static_cast<float>(offset);
    }
    const Location location = end->get().getLoc();
    rewriter.setInsertionPoint(end->getOwner()); // which other quantisers may read, too
    auto floats = [&](Dims dims) { return RankedTensorType::get(dims, rewriter.getF32Type()); };
    // Rows of channels are an image of one column: the channels lie last.
    Value image = affine->source;
    const Shape rows{1, elementCount(shape.drop_back()), 1, shape.back()};
    if (!isImage)
      image = rewriter.create<ReshapeOp>(location, floats(rows), image);
    Value weight =
        rewriter.create<DequantizeOp>(location, floats(taps.shape), makeConstant(rewriter, location, "factor", taps),
                                      makeConstant(rewriter, location, "scale", scales),
                                      makeConstant(rewriter, location, "zero", Tensor(ElementType::I8, {})), 0);
    const int64_t ones[] = {1, 1}, zeros[] = {0, 0, 0, 0};
    Value result = rewriter.create<ConvOp>(location, image.getType(), image, weight,
                                           makeConstant(rewriter, location, "offset", bias), ones, zeros, ones,
                                           channels, isImage ? Layout::NCHW : Layout::NHWC);
    if (!isImage)
      result = rewriter.create<ReshapeOp>(location, floats(shape), result);
    rewriter.modifyOpInPlace(end->getOwner(), [&] { end->set(result); });
    return success();
  }
};

} // namespace

void addAffinePatterns(RewritePatternSet &patterns) { patterns.add<AffineToConv>(patterns.getContext()); }

} // namespace tw::ir
