// SPDX-License-Identifier: Apache-2.0
// A batch normalisation behind a convolution, and whatever else is a number for each channel: the weights and the bias
// take it.
#include "tw/ir/Passes.h"

#include "tw/ir/Constants.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>

namespace tw::ir {
#define GEN_PASS_DEF_FOLDSCALES
#include "tw/ir/Passes.h.inc"

using namespace mlir;

namespace {

// A product of float32 weights with outputs along dimension `channelDim` of its result.
struct Product {
  Operation *op;
  OpOperand *weight, *bias; // bias null: there is none
  int64_t channelDim, weightDim;
};

std::optional<Product> productOf(Operation *op) {
  if (auto conv = dyn_cast_or_null<ConvOp>(op); conv && conv.getLayout() == Layout::NCHW)
    return Product{op, &conv.getWeightMutable(), conv.getBias() ? &conv.getBiasMutable()[0] : nullptr, 1, 0};
  auto gemm = dyn_cast_or_null<GemmOp>(op);
  if (!gemm || gemm.getBeta().convertToFloat() != 1)
    return std::nullopt;
  const int64_t outputs = shapeOf(gemm.getResult())[1];
  if (Value c = gemm.getC(); c && (elementCount(shapeOf(c)) != outputs || shapeOf(c).back() != outputs))
    return std::nullopt;
  return Product{op, &gemm.getBMutable(), gemm.getC() ? &gemm.getCMutable()[0] : nullptr, 1, gemm.getTransB() ? 0 : 1};
}

// The numbers of a constant that is broadcast to `shape` and differs along dimension `dim` at most: one or all of it.
std::optional<std::vector<float>> alongDim(Value value, Dims shape, int64_t dim) {
  if (!isConstant(value) || elementTypeOf(value.getType()) != ElementType::F32)
    return std::nullopt;
  const Dims own = shapeOf(value);
  const int64_t count = elementCount(own), ahead = static_cast<int64_t>(shape.size() - own.size());
  if (ahead < 0 || (count != 1 && (dim < ahead || own[dim - ahead] != count || count != shape[dim])))
    return std::nullopt;
  return constantFloats(value);
}

Value constantLike(PatternRewriter &rewriter, Value like, const Tensor &tensor) {
  auto names = nodeNames(like.getLoc());
  return makeConstant(rewriter, like.getLoc(), names.empty() ? "weight" : names.front(), tensor);
}

// x * f + o of a product that nobody else reads. Between them may stand a reshape that keeps the channels where they
// are.
template <typename Op> struct FoldIntoProduct : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    constexpr bool isSum = std::is_same_v<Op, AddOp> || std::is_same_v<Op, SubOp>;
    constexpr bool commutes = std::is_same_v<Op, AddOp> || std::is_same_v<Op, MulOp>;
    const bool isFirst = commutes && isConstant(op.getLhs());
    Value value = isFirst ? op.getRhs() : op.getLhs(), constant = isFirst ? op.getLhs() : op.getRhs();
    if (value.getType() != op.getType() || !value.hasOneUse())
      return failure();
    auto reshape = value.getDefiningOp<ReshapeOp>();
    Value made = reshape ? reshape.getInput() : value;
    if (reshape && (!made.hasOneUse() || shapeOf(made).size() < 2 || shapeOf(value).size() < 2 ||
                    shapeOf(made).take_front(2) != shapeOf(value).take_front(2)))
      return failure();
    auto product = productOf(made.getDefiningOp());
    if (!product || !isConstant(product->weight->get()) || (product->bias && !isConstant(product->bias->get())))
      return failure();
    auto numbers = alongDim(constant, shapeOf(value), product->channelDim);
    if (!numbers)
      return failure();
    auto number = [&](int64_t channel) -> double { return (*numbers)[numbers->size() == 1 ? 0 : channel]; };
    Tensor weight = *constantOf(product->weight->get());
    const int64_t channels = shapeOf(made)[product->channelDim],
                  inner = elementCount(Dims(weight.shape).drop_front(product->weightDim + 1));
    Tensor bias(ElementType::F32, {channels});
    if (product->bias)
      bias.bytes = constantOf(product->bias->get())->bytes;
    for (int64_t c = 0; c < channels; ++c) {
      const double was = bias.data<float>()[c];
      const double is = std::is_same_v<Op, AddOp>   ? was + number(c)
                        : std::is_same_v<Op, SubOp> ? was - number(c)
                        : std::is_same_v<Op, MulOp> ? was * number(c)
                                                    : was / number(c);
      bias.data<float>()[c] = static_cast<float>(is);
    }
    for (int64_t i = 0; !isSum && i < weight.size(); ++i) {
      const double factor = number(i / inner % weight.shape[product->weightDim]);
      float &w = weight.data<float>()[i];
      w = static_cast<float>(std::is_same_v<Op, MulOp> ? w * factor : w / factor);
      if (!std::isfinite(w))
        return failure();
    }
    rewriter.setInsertionPoint(product->op);
    rewriter.modifyOpInPlace(product->op, [&] {
      if (!isSum)
        product->weight->set(constantLike(rewriter, product->weight->get(), weight));
      if (product->bias)
        product->bias->set(constantLike(rewriter, product->bias->get(), bias));
      else if (isSum)
        addBias(product->op, constantLike(rewriter, constant, bias));
    });
    rewriter.replaceOp(op, value);
    return success();
  }

private:
  static void addBias(Operation *op, Value bias) {
    if (auto conv = dyn_cast<ConvOp>(op))
      conv.getBiasMutable().assign(bias);
    else
      cast<GemmOp>(op).getCMutable().assign(bias);
  }
};

struct FoldScales : impl::FoldScalesBase<FoldScales> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldIntoProduct<MulOp>, FoldIntoProduct<DivOp>, FoldIntoProduct<AddOp>, FoldIntoProduct<SubOp>>(
        &getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace tw::ir
