// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Passes.h"

#include "../TurnedWeights.h"
#include "Quantized.h"
#include "tw/ir/QuantOps.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>
#include <limits>

namespace tw::ir {
#define GEN_PASS_DEF_FUSESUMS
#include "tw/ir/Passes.h.inc"

using namespace mlir;

namespace {

// A bias that is as near to a whole number of the sums' steps as float32 can tell.
constexpr double kNoBiasError = 0x1p-22;

// Activations by constant weights and the bias. The result has `inner` dimensions behind its channels, the bias none.
struct Product {
  Quantized input, weight;
  Tensor weights; // [channels, ...]
  Value bias;
  size_t inner = 0;

  Product(Quantized input, Quantized weight, Value bias)
      : input(input), weight(weight), weights(*constantOf(weight.value)), bias(bias) {}
  int64_t channels() const { return weights.shape[0]; }
};

// Nothing is made before prepare() has said that all of it can be.
class SumsBuilder {
public:
  SumsBuilder(PatternRewriter &rewriter, Location location, Product product)
      : rewriter(rewriter), location(location), product(std::move(product)) {}

  // What the dequantize of the sums needs; false: they may leave int32.
  bool prepare() {
    findScales();
    findWeightSums();
    steps = biasSteps();
    if (steps && !fits())
      steps = std::nullopt;
    return fits();
  }

  // The product's value from its sums, whose dimension `axis` are the channels.
  Value finish(Value sums, int64_t axis) {
    Tensor scale(ElementType::F32, {product.channels()}), zero(ElementType::I32, {product.channels()});
    llvm::copy(scales, scale.data<float>());
    for (int64_t c = 0; c < product.channels(); ++c)
      zero.data<int32_t>()[c] = static_cast<int32_t>(zeroOf(c));
    Value result = rewriter.create<DequantizeOp>(location, floatType(shapeOf(sums)), sums,
                                                 makeConstant(rewriter, location, "scale", scale),
                                                 makeConstant(rewriter, location, "zero", zero), axis);
    return product.bias && !steps ? addBias(result) : result;
  }

  Value weightZero() {
    uniteZeros(rewriter, product.weight);
    return product.weight.zero;
  }
  Type sumsType(Dims shape) const { return RankedTensorType::get(shape, rewriter.getI32Type()); }

private:
  Type floatType(Dims shape) const { return RankedTensorType::get(shape, rewriter.getF32Type()); }

  void findScales() {
    auto weightScales = constantFloats(product.weight.scale);
    for (int64_t c = 0; c < product.channels(); ++c)
      scales.push_back(product.input.scaleValue() * weightScales[weightScales.size() == 1 ? 0 : c]);
  }

  void findWeightSums() {
    weightZeros = constantInts(product.weight.zero);
    const int64_t depth = product.weights.size() / product.channels();
    weightSums.assign(product.channels(), 0);
    for (int64_t i = 0; i < product.weights.size(); ++i)
      weightSums[i / depth] += product.weights.data<int8_t>()[i] - weightZeros[weightZeros.size() == 1 ? 0 : i / depth];
  }

  // (sum - zero) * scale: the input's zero point times the weights, less the bias in steps of scale.
  int64_t zeroOf(int64_t channel) const {
    return product.input.zeroValue() * weightSums[channel] - (steps ? (*steps)[channel] : 0);
  }

  // The sums themselves, their zero points, and what is between the two.
  bool fits() const {
    const int64_t inZero = product.input.zeroValue();
    const std::vector<int64_t> none(product.channels(), 0);
    for (int64_t c = 0; c < product.channels(); ++c)
      if (!llvm::isInt<32>(zeroOf(c)))
        return false;
    return !wideSumOf(product.weights, weightZeros, {-128, 127}, none) &&
           !wideSumOf(product.weights, weightZeros, {-128 - inZero, 127 - inZero}, steps ? *steps : none);
  }

  std::optional<std::vector<int64_t>> biasSteps() const {
    if (!product.bias || !isPerChannel(shapeOf(product.bias), product.channels(), 0))
      return std::nullopt;
    auto real = realConstant(product.bias);
    if (!real)
      return std::nullopt;
    std::vector<int64_t> result;
    for (int64_t c = 0; c < product.channels(); ++c) {
      const double wanted = (*real)[real->size() == 1 ? 0 : c], unit = static_cast<double>(scales[c]),
                   value = std::nearbyint(wanted / unit);
      if (!(std::abs(value) <= std::numeric_limits<int32_t>::max()) ||
          !(std::abs(wanted - value * unit) <= kNoBiasError * std::abs(wanted)))
        return std::nullopt;
      result.push_back(static_cast<int64_t>(value));
    }
    return result;
  }

  // In float32, as the graph has it.
  Value addBias(Value result) {
    Shape shape(shapeOf(product.bias));
    shape.append(product.inner, 1);
    while (shape.size() > shapeOf(result).size()) // of a product whose batches have become rows
      shape.erase(shape.begin());
    Value bias;
    if (auto real = realConstant(product.bias)) {
      Tensor tensor(ElementType::F32, shape);
      llvm::transform(*real, tensor.data<float>(), [](double value) { return static_cast<float>(value); });
      bias = makeConstant(rewriter, product.bias.getLoc(), "bias", tensor);
    } else {
      bias = rewriter.createOrFold<ReshapeOp>(location, floatType(shape), product.bias);
    }
    return rewriter.create<AddOp>(location, result.getType(), result, bias);
  }

  PatternRewriter &rewriter;
  Location location;
  Product product;
  std::vector<float> scales;
  std::vector<int64_t> weightZeros, weightSums;
  std::optional<std::vector<int64_t>> steps; // the bias, where it becomes part of the zero points
};

// Activations that are computed, one scale; weights that are not.
bool isProduct(const std::optional<Quantized> &input, const std::optional<Quantized> &weight) {
  return input && weight && input->perTensor() && !isConstant(input->value) && isConstant(weight->value);
}

struct ConvToSums : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    auto input = dequantized(op.getInput()), weight = dequantized(op.getWeight(), 0);
    if (!isProduct(input, weight) || op.getLayout() != Layout::NCHW)
      return failure();
    Product product(*input, *weight, op.getBias());
    product.inner = 2;
    SumsBuilder builder(rewriter, op.getLoc(), std::move(product));
    if (!builder.prepare())
      return failure();
    Value sums = rewriter.create<QConvSumsOp>(op.getLoc(), builder.sumsType(shapeOf(op)), input->value, input->zero,
                                              weight->value, builder.weightZero(), op.getStrides(), op.getPads(),
                                              op.getDilations(), op.getGroup(), op.getLayout());
    rewriter.replaceOp(op, builder.finish(sums, 1));
    return success();
  }
};

// [.., K] x [K, N], or [N, K] -> [.., N]
LogicalResult productToSums(PatternRewriter &rewriter, Operation *op, const std::optional<Quantized> &input,
                            const std::optional<Quantized> &weight, bool isTurned, Value bias) {
  if (!isProduct(input, weight) || shapeOf(weight->value).size() != 2)
    return failure();
  const Location location = op->getLoc();
  Product product(*input, *weight, bias);
  if (!isTurned)
    product.weights = turned(product.weights);
  const Tensor weights = product.weights;
  SumsBuilder builder(rewriter, location, std::move(product));
  if (!builder.prepare())
    return failure();
  auto names = nodeNames(weight->value.getLoc());
  Value constant =
      isTurned ? weight->value
               : makeConstant(rewriter, weight->value.getLoc(), names.empty() ? "weight" : names.front(), weights);
  Dims shape = shapeOf(input->value);
  const Shape flat{elementCount(shape.drop_back()), shape.back()};
  Value rows =
      rewriter.createOrFold<ReshapeOp>(location, RankedTensorType::get(flat, rewriter.getI8Type()), input->value);
  Value sums = rewriter.create<QGemmSumsOp>(location, builder.sumsType({flat[0], weights.shape[0]}), rows, constant,
                                            builder.weightZero());
  rewriter.replaceOp(op,
                     rewriter.createOrFold<ReshapeOp>(location, op->getResult(0).getType(), builder.finish(sums, 1)));
  return success();
}

struct GemmToSums : OpRewritePattern<GemmOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GemmOp op, PatternRewriter &rewriter) const override {
    if (op.getTransA() || op.getAlpha().convertToFloat() != 1.0f ||
        (op.getC() && op.getBeta().convertToFloat() != 1.0f))
      return failure();
    return productToSums(rewriter, op, dequantized(op.getA()), dequantized(op.getB(), op.getTransB() ? 0 : 1),
                         op.getTransB(), op.getC());
  }
};

struct MatmulToSums : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MatmulOp op, PatternRewriter &rewriter) const override {
    return productToSums(rewriter, op, dequantized(op.getA()), dequantized(op.getB(), 1), false, Value());
  }
};

// The bias of a product in an addition of its own, where it becomes part of the zero points.
struct BiasedMatmulToSums : OpRewritePattern<AddOp> {
  explicit BiasedMatmulToSums(MLIRContext *context) : OpRewritePattern(context, /*benefit=*/2) {}
  LogicalResult matchAndRewrite(AddOp op, PatternRewriter &rewriter) const override {
    for (auto [product, bias] : {std::pair(op.getLhs(), op.getRhs()), std::pair(op.getRhs(), op.getLhs())}) {
      auto matmul = product.getDefiningOp<MatmulOp>();
      if (!matmul || !product.hasOneUse() || product.getType() != op.getType() || !realConstant(bias) ||
          !isPerChannel(shapeOf(bias), shapeOf(product).back(), 0))
        continue;
      return productToSums(rewriter, op, dequantized(matmul.getA()), dequantized(matmul.getB(), 1), false, bias);
    }
    return failure();
  }
};

struct FuseSums : impl::FuseSumsBase<FuseSums> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ConvToSums, GemmToSums, MatmulToSums, BiasedMatmulToSums>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace tw::ir
