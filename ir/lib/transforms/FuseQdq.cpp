// SPDX-License-Identifier: Apache-2.0
// dequantize -> operator -> (relu, clip) -> quantize becomes one integer operator. Everything is rooted at the
// quantize: look back through what may be absorbed, find the operator, check that its numbers can be represented.
#include "tw/ir/Passes.h"

#include "../interpreter/Kernels.h"
#include "Fusion.h"
#include "Quantized.h"
#include "tw/ir/QuantOps.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>

namespace tw::ir {
#define GEN_PASS_DEF_FUSEQDQ
#include "tw/ir/Passes.h.inc"

using namespace mlir;

namespace {

// The quantize that ends a group, with the ReLU and Clip bounds in front of it.
struct Tail {
  QuantizeOp quantize;
  Quantized out; // value unset
  float lo = -std::numeric_limits<float>::infinity(), hi = std::numeric_limits<float>::infinity();
  ClampRange clamp() const { return clampRange(lo, hi, out.scaleValue(), out.zeroValue()); }
};

// min(max(x, lo), hi) of a ReLU or Clip; the upper bound wins, as in ONNX.
std::optional<std::pair<float, float>> boundsOf(Operation *op) {
  if (isa<ReluOp>(op))
    return std::pair(0.0f, std::numeric_limits<float>::infinity());
  if (auto clip = dyn_cast<ClipOp>(op)) {
    float hi = clip.getHi().convertToFloat();
    return std::pair(std::min(clip.getLo().convertToFloat(), hi), hi);
  }
  return std::nullopt;
}

// Absorbs an inner clamp under the outer one: clamp(clamp(x, a, b), lo, hi) = clamp(x, clamp(a), clamp(b)).
void absorb(Tail &tail, std::pair<float, float> inner) {
  float lo = std::clamp(inner.first, tail.lo, tail.hi), hi = std::clamp(inner.second, tail.lo, tail.hi);
  tail.lo = lo, tail.hi = hi;
}

class Fuser {
public:
  Fuser(PatternRewriter &rewriter, Tail tail) : rewriter(rewriter), tail(std::move(tail)) {}

  // The integer value of the group that ends in `core`, or null.
  Value fuse(Operation *core) {
    location = core->getLoc();
    return llvm::TypeSwitch<Operation *, Value>(core)
        .Case<ConvOp, GemmOp, MatmulOp, AveragePoolOp, MaxPoolOp, ReduceMeanOp>([&](auto op) { return fuseOp(op); })
        .Case<AddOp>([&](AddOp op) {
          Value biased = fuseBiasAdd(op);
          return biased ? biased : fuseEltwise(op, EltwiseKind::Add);
        })
        .Case<SubOp>([&](SubOp op) { return fuseEltwise(op, EltwiseKind::Sub); })
        .Case<MulOp>([&](MulOp op) { return fuseEltwise(op, EltwiseKind::Mul); })
        .Case<MinOp>([&](MinOp op) { return fuseEltwise(op, EltwiseKind::Min); })
        .Case<MaxOp>([&](MaxOp op) { return fuseEltwise(op, EltwiseKind::Max); })
        .Default([](Operation *) { return Value(); });
  }

private:
  Value fuseOp(ConvOp op) { return fuseConv(op, op.getBias(), 0); }
  Value fuseConv(ConvOp op, Value biasValue, size_t biasInner);
  Value fuseOp(GemmOp op);
  Value fuseOp(MatmulOp op) { return fuseMatmul(op, Value()); }
  Value fuseMatmul(MatmulOp op, Value biasValue);
  Value fuseOp(AveragePoolOp op);
  Value fuseOp(MaxPoolOp op);
  Value fuseOp(ReduceMeanOp op);
  Value fuseBiasAdd(AddOp op);
  template <typename Op> Value fuseEltwise(Op op, EltwiseKind kind);
  Value createGemm(const Quantized &input, const Quantized &weight, Value bias);
  Value createAveragePool(const Quantized &input, Type type, Dims kernel, Dims strides, Dims pads, bool includePad);

  // Weights and bias as the integer operator takes them.
  struct IntegerWeights {
    Quantized weight;
    Value bias;
  };
  // Nothing when a multiplier is none that can be executed, or the bias is not one number for each channel (the
  // dimension in front of `inner` others), or has no int32 form at scale inScale * weightScale that is as good as the
  // output's step asks. Channels are dimension `axis` of the weights.
  std::optional<IntegerWeights> integerWeights(const Quantized &input, Quantized weight, int64_t axis, Value bias,
                                               size_t inner);
  // Channels that are their bias alone.
  std::vector<bool> deadChannels(const Quantized &input, const Quantized &weight, const Tensor &integers, int64_t axis);
  IntegerAttr lo() { return rewriter.getI64IntegerAttr(tail.clamp().lo); }
  IntegerAttr hi() { return rewriter.getI64IntegerAttr(tail.clamp().hi); }
  Type int8Type(Dims shape) { return RankedTensorType::get(shape, rewriter.getI8Type()); }
  // [K, N] weights to [N, K]
  void turn(Quantized &weight) {
    Dims shape = shapeOf(weight.value);
    weight.value = rewriter.create<TransposeOp>(weight.value.getLoc(), int8Type({shape[1], shape[0]}), weight.value,
                                                ArrayRef<int64_t>{1, 0});
  }
  Value reshape(Value value, Dims shape) { return rewriter.createOrFold<ReshapeOp>(location, int8Type(shape), value); }

  PatternRewriter &rewriter;
  Tail tail;
  Location location = rewriter.getUnknownLoc();
};

// Rounding a bias to steps of inScale * weightScale may cost this much of an output step: the value that is rounded to
// the result then moves by less than half a step, so the result by one at most.
constexpr double kMostBiasError = 0.25;
// More steps of the output than any int8 result is away from its zero point.
constexpr double kMostSteps = 1 << 20;

// Calls visit(element, channel) for the elements of a tensor whose channels are dimension `axis`.
template <typename Visit> void forEachChannel(Dims shape, int64_t axis, const Visit &visit) {
  const int64_t inner = elementCount(shape.drop_front(axis + 1));
  for (int64_t i = 0, count = elementCount(shape); i < count; ++i)
    visit(i, i / inner % shape[axis]);
}

// A sum has less than 2^31 steps: with a multiplier below 2^-40 it is no part of a result. Nor are weights that are 0.
std::vector<bool> Fuser::deadChannels(const Quantized &input, const Quantized &weight, const Tensor &integers,
                                      int64_t axis) {
  const int64_t channels = integers.shape[axis];
  const auto scales = constantFloats(weight.scale);
  const auto zeros = constantInts(weight.zero);
  std::vector<bool> hasWeights(channels, false), isDead(channels, false);
  forEachChannel(integers.shape, axis, [&](int64_t i, int64_t c) {
    hasWeights[c] = hasWeights[c] || integers.data<int8_t>()[i] != zeros[zeros.size() == 1 ? 0 : c];
  });
  for (int64_t c = 0; c < channels; ++c) {
    const float multiplier =
        requantMultiplier(input.scaleValue(), scales[scales.size() == 1 ? 0 : c], tail.out.scaleValue());
    isDead[c] = !isLegalMultiplier(multiplier) && (!hasWeights[c] || multiplier < 1);
  }
  return isDead;
}

std::optional<Fuser::IntegerWeights> Fuser::integerWeights(const Quantized &input, Quantized weight, int64_t axis,
                                                           Value bias, size_t inner) {
  const int64_t channels = shapeOf(weight.value)[axis];
  std::vector<float> scales = constantFloats(weight.scale);
  auto isLegal = [&](float scale) {
    return isLegalMultiplier(requantMultiplier(input.scaleValue(), scale, tail.out.scaleValue()));
  };
  std::vector<bool> isDead(channels, false);
  Tensor integers; // read where they can matter
  if (!llvm::all_of(scales, isLegal)) {
    integers = *constantOf(weight.value);
    isDead = deadChannels(input, weight, integers, axis);
  }
  const bool hasDead = llvm::is_contained(isDead, true);
  const auto zeros = constantInts(weight.zero);
  if (hasDead && scales.size() == 1)
    scales.resize(channels, scales.front());
  // What is left of a dead channel is a bias in steps of the output.
  for (int64_t c = 0; c < channels; ++c)
    if (isDead[c])
      scales[c] = tail.out.scaleValue() / input.scaleValue();
  if (!llvm::all_of(scales, isLegal))
    return std::nullopt;

  Tensor steps(ElementType::I32, {channels});
  if (bias) {
    auto real = isPerChannel(shapeOf(bias), channels, inner) ? realConstant(bias) : std::nullopt;
    if (!real)
      return std::nullopt;
    for (int64_t c = 0; c < channels; ++c) {
      const double unit = static_cast<double>(input.scaleValue() * scales[scales.size() == 1 ? 0 : c]);
      const double wanted = (*real)[real->size() == 1 ? 0 : c];
      double value = std::nearbyint(wanted / unit);
      if (isDead[c])
        value = std::clamp(value, -kMostSteps, kMostSteps);
      else if (!(std::abs(value) <= std::numeric_limits<int32_t>::max()) ||
               !(std::abs(wanted - value * unit) <= kMostBiasError * static_cast<double>(tail.out.scaleValue())))
        return std::nullopt;
      steps.data<int32_t>()[c] = static_cast<int32_t>(value);
    }
  }
  auto constant = [&](Value like, const char *name, const Tensor &tensor) -> Value {
    auto names = nodeNames(like.getLoc());
    return makeConstant(rewriter, like.getLoc(), names.empty() ? name : names.front(), tensor);
  };
  if (hasDead) {
    forEachChannel(integers.shape, axis, [&](int64_t i, int64_t c) {
      if (isDead[c])
        integers.data<int8_t>()[i] = static_cast<int8_t>(zeros[zeros.size() == 1 ? 0 : c]);
    });
    weight.value = constant(weight.value, "weight", integers);
    weight.scale = constant(weight.scale, "scale", Tensor::of<float>({channels}, scales));
  }
  uniteZeros(rewriter, weight);
  return IntegerWeights{weight, bias ? constant(bias, "bias", steps) : Value()};
}

// The bias is [channels], or has `biasInner` dimensions behind the channels.
Value Fuser::fuseConv(ConvOp op, Value biasValue, size_t biasInner) {
  auto input = dequantized(op.getInput()), weight = dequantized(op.getWeight(), 0);
  if (!input || !weight || !isConstant(weight->value))
    return nullptr;
  auto integer = integerWeights(*input, *weight, 0, biasValue, biasInner);
  if (!integer)
    return nullptr;
  weight = integer->weight;
  return rewriter.create<QConvOp>(
      location, int8Type(shapeOf(op)), input->value, input->scale, input->zero, weight->value, weight->scale,
      weight->zero, integer->bias, tail.out.scale, tail.out.zero, Value(), Value(), Value(), Value(), Value(), Value(),
      op.getStridesAttr(), op.getPadsAttr(), op.getDilationsAttr(), op.getGroupAttr(), op.getLayoutAttr(), lo(), hi(),
      RoundingAttr::get(rewriter.getContext(), Rounding::HalfEven));
}

Value Fuser::createGemm(const Quantized &input, const Quantized &weight, Value bias) {
  Type type = int8Type({shapeOf(input.value)[0], shapeOf(weight.value)[0]});
  return rewriter.create<QGemmOp>(location, type, input.value, input.scale, input.zero, weight.value, weight.scale,
                                  weight.zero, bias, tail.out.scale, tail.out.zero, Value(), Value(), Value(), Value(),
                                  Value(), Value(), lo(), hi(),
                                  RoundingAttr::get(rewriter.getContext(), Rounding::HalfEven));
}

Value Fuser::fuseOp(GemmOp op) {
  if (op.getTransA() || op.getAlpha().convertToFloat() != 1.0f || (op.getC() && op.getBeta().convertToFloat() != 1.0f))
    return nullptr;
  const int64_t axis = op.getTransB() ? 0 : 1;
  auto input = dequantized(op.getA()), weight = dequantized(op.getB(), axis);
  if (!input || !weight || !isConstant(weight->value))
    return nullptr;
  auto integer = integerWeights(*input, *weight, axis, op.getC(), 0);
  if (!integer)
    return nullptr;
  if (!op.getTransB())
    turn(integer->weight);
  return createGemm(*input, integer->weight, integer->bias);
}

Value Fuser::fuseMatmul(MatmulOp op, Value biasValue) {
  auto a = dequantized(op.getA());
  Dims aShape = shapeOf(op.getA()), bShape = shapeOf(op.getB());
  auto b = dequantized(op.getB(), bShape.size() == 2 ? std::optional<int64_t>(1) : std::nullopt);
  if (!a || !b || isConstant(a->value)) // weights come second: FuseProducts.cpp
    return nullptr;
  if (!isConstant(b->value) || bShape.size() != 2) {
    if (biasValue || !b->perTensor() ||
        !isLegalMultiplier(requantMultiplier(a->scaleValue(), b->scaleValue(), tail.out.scaleValue())))
      return nullptr;
    return rewriter.create<QMatmulOp>(location, int8Type(shapeOf(op)), a->value, a->scale, a->zero, b->value, b->scale,
                                      b->zero, tail.out.scale, tail.out.zero, lo(), hi(),
                                      RoundingAttr::get(rewriter.getContext(), Rounding::HalfEven));
  }
  auto integer = integerWeights(*a, *b, 1, biasValue, 0);
  if (!integer)
    return nullptr;
  turn(integer->weight);
  a->value = reshape(a->value, {elementCount(aShape.drop_back()), aShape.back()});
  return reshape(createGemm(*a, integer->weight, integer->bias), shapeOf(op));
}

// MatMul or Conv whose bias stands in an Add of its own.
Value Fuser::fuseBiasAdd(AddOp op) {
  for (auto [product, bias] : {std::pair(op.getLhs(), op.getRhs()), std::pair(op.getRhs(), op.getLhs())}) {
    auto dequantize = bias.getDefiningOp<DequantizeOp>();
    if (!(isConstant(bias) || (dequantize && isConstant(dequantize.getInput()))) || product.getType() != op.getType())
      continue;
    if (auto matmul = product.getDefiningOp<MatmulOp>())
      return fuseMatmul(matmul, bias);
    auto conv = product.getDefiningOp<ConvOp>();
    if (conv && !conv.getBias())
      return fuseConv(conv, bias, 2);
  }
  return nullptr;
}

Value Fuser::createAveragePool(const Quantized &input, Type type, Dims kernel, Dims strides, Dims pads,
                               bool includePad) {
  const int64_t ones[] = {1, 1};
  auto pool = rewriter.create<QPoolOp>(location, type, input.value, input.scale, input.zero, tail.out.scale,
                                       tail.out.zero, PoolKind::Average, kernel, strides, pads, ones, includePad,
                                       Layout::NCHW, tail.clamp().lo, tail.clamp().hi, Rounding::HalfEven);
  if (averageParamsOf(pool, input.scaleValue(), tail.out.scaleValue()))
    return pool;
  rewriter.eraseOp(pool);
  return nullptr;
}

Value Fuser::fuseOp(AveragePoolOp op) {
  auto input = dequantized(op.getInput());
  if (!input || op.getLayout() != Layout::NCHW)
    return nullptr;
  return createAveragePool(*input, int8Type(shapeOf(op)), op.getKernel(), op.getStrides(), op.getPads(),
                           op.getCountIncludePad());
}

// The mean over height and width of an image is an average pool of one window.
Value Fuser::fuseOp(ReduceMeanOp op) {
  auto input = dequantized(op.getInput());
  Dims shape = shapeOf(op.getInput());
  if (!input || shape.size() != 4 || op.getAxes() != Dims{2, 3})
    return nullptr;
  Value pool =
      createAveragePool(*input, int8Type({shape[0], shape[1], 1, 1}), shape.drop_front(2), {1, 1}, {0, 0, 0, 0}, false);
  return pool ? reshape(pool, shapeOf(op)) : nullptr;
}

// Q and DQ are monotone: the maximum of the integers is the integer of the maximum. Another output scale is a table.
Value Fuser::fuseOp(MaxPoolOp op) {
  auto input = dequantized(op.getInput());
  if (!input)
    return nullptr;
  Value pool =
      rewriter.create<QPoolOp>(location, int8Type(shapeOf(op)), input->value, input->scale, input->zero, input->scale,
                               input->zero, PoolKind::Max, op.getKernel(), op.getStrides(), op.getPads(),
                               op.getDilations(), false, op.getLayout(), -128, 127, Rounding::HalfEven);
  Value real = rewriter.create<DequantizeOp>(location, op.getType(), pool, input->scale, input->zero);
  Value bounded = rewriter.create<ClipOp>(location, op.getType(), real, llvm::APFloat(tail.lo), llvm::APFloat(tail.hi));
  return rewriter.create<QuantizeOp>(location, int8Type(shapeOf(op)), bounded, tail.out.scale, tail.out.zero, 1,
                                     Rounding::HalfEven);
}

template <typename Op> Value Fuser::fuseEltwise(Op op, EltwiseKind kind) {
  auto lhs = dequantized(op.getLhs()), rhs = dequantized(op.getRhs());
  if (!lhs || !rhs)
    return nullptr;
  if (!eltwiseParams(eltwiseFunction(kind), lhs->scaleValue(), rhs->scaleValue(), tail.out.scaleValue()))
    return nullptr;
  return rewriter.create<QEltwiseOp>(location, int8Type(shapeOf(op)), lhs->value, lhs->scale, lhs->zero, rhs->value,
                                     rhs->scale, rhs->zero, tail.out.scale, tail.out.zero, kind, tail.clamp().lo,
                                     tail.clamp().hi, Rounding::HalfEven);
}

std::optional<Tail> tailOf(QuantizeOp op) {
  if (elementTypeOf(op.getType()) != ElementType::I8 || !isConstant(op.getScale()) || !isConstant(op.getZeroPoint()))
    return std::nullopt;
  Tail tail{op, {Value(), op.getScale(), op.getZeroPoint()}};
  return tail.out.perTensor() ? std::optional(tail) : std::nullopt;
}

struct FuseOperator : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    auto tail = tailOf(op);
    if (!tail)
      return failure();
    Value value = op.getInput();
    for (Operation *producer; (producer = value.getDefiningOp()); value = producer->getOperand(0)) {
      auto bounds = boundsOf(producer);
      if (!bounds)
        break;
      absorb(*tail, *bounds);
    }
    // Each quantiser of a value gets an operator of its own: that is cheaper than a value in float32.
    Operation *core = value.getDefiningOp();
    if (!core)
      return failure();
    Value fused = Fuser(rewriter, *tail).fuse(core);
    if (!fused)
      return failure();
    rewriter.replaceOp(op, fused);
    return success();
  }
};

// quantize(move(x)) -> move(quantize(x)) for operators that only move elements, unless somebody else reads them.
struct QuantizeAboveMove : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    auto tail = tailOf(op);
    Operation *move = op.getInput().getDefiningOp();
    if (!tail || !move || !llvm::all_of(op.getInput().getUsers(), llvm::IsaPred<QuantizeOp>))
      return failure();
    // A ReLU or Clip below the move works as well above it.
    if (boundsOf(move)) {
      Operation *inner = move->getOperand(0).getDefiningOp();
      if (!inner || !isMove(inner) || !move->getOperand(0).hasOneUse())
        return failure();
      rewriter.setInsertionPoint(move); // which other quantisers may read, too
      SmallVector<Value> bounded;
      for (Value operand : movedOperands(inner))
        bounded.push_back(cloneOn(rewriter, move, operand, operand.getType()));
      // The padding value passes the function, too.
      Operation *moved = cloneMove(rewriter, inner, bounded, inner->getResult(0).getType(),
                                   [&](float value) { return unaryFunction(move)(value); });
      rewriter.replaceOp(move, moved->getResult(0));
      return success();
    }
    // Of integers a part is taken before anything is computed of them.
    if (!isMove(move) || (isa<SliceOp, GatherOp>(move) && dequantized(move->getOperand(0))))
      return failure();
    SmallVector<Value> quantized;
    for (Value operand : movedOperands(move)) {
      auto type = RankedTensorType::get(shapeOf(operand), rewriter.getI8Type());
      quantized.push_back(rewriter.create<QuantizeOp>(op.getLoc(), type, operand, op.getScale(), op.getZeroPoint(), 1,
                                                      op.getRounding()));
    }
    Operation *moved = cloneMove(rewriter, move, quantized, op.getType(), [&](float value) {
      return quantizeToInt8(value, tail->out.scaleValue(), tail->out.zeroValue());
    });
    rewriter.replaceOp(op, moved->getResult(0));
    return success();
  }

private:
  static bool isMove(Operation *op) {
    if (auto resize = dyn_cast<ResizeOp>(op))
      return resize.getMode() == ResizeMode::Nearest;
    return isa<ReshapeOp, TransposeOp, ConcatOp, PadOp, SliceOp, GatherOp, ExpandOp>(op);
  }
  // Not the indices of a gather.
  static OperandRange movedOperands(Operation *move) {
    return isa<GatherOp>(move) ? move->getOperands().take_front(1) : move->getOperands();
  }
  static Value cloneOn(PatternRewriter &rewriter, Operation *unary, Value operand, Type type) {
    Operation *clone = rewriter.clone(*unary);
    clone->setOperand(0, operand);
    clone->getResult(0).setType(type);
    return clone->getResult(0);
  }
  template <typename Map>
  static Operation *cloneMove(PatternRewriter &rewriter, Operation *move, ValueRange operands, Type type,
                              const Map &map) {
    Operation *clone = rewriter.clone(*move);
    for (auto [index, operand] : llvm::enumerate(operands))
      clone->setOperand(static_cast<unsigned>(index), operand);
    clone->getResult(0).setType(type);
    if (auto pad = dyn_cast<PadOp>(clone))
      pad.setValue(llvm::APFloat(static_cast<float>(map(pad.getValue().convertToFloat()))));
    return clone;
  }
};

// move(dequantize(x)) -> dequantize(move(x)): operators below see through to the integers.
template <typename Move> struct DequantizeBelowMove : OpRewritePattern<Move> {
  using OpRewritePattern<Move>::OpRewritePattern;
  LogicalResult matchAndRewrite(Move op, PatternRewriter &rewriter) const override {
    auto source = dequantized(op.getInput());
    if (!source)
      return failure();
    Operation *moved = rewriter.clone(*op);
    moved->setOperand(0, source->value);
    moved->getResult(0).setType(RankedTensorType::get(op.getType().getShape(), rewriter.getI8Type()));
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, op.getType(), moved->getResult(0), source->scale, source->zero);
    return success();
  }
};

// Of larger integers larger numbers: extrema and their places are those of the integers.
bool isMonotone(const Quantized &source) { return source.scaleValue() >= std::numeric_limits<float>::min(); }

struct DequantizeBelowExtremum : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    auto source = dequantized(op.getInput());
    // Of nothing the extremum is infinite, which no integer is.
    if (!source || !isMonotone(*source) || (op.getKind() != ReduceKind::Min && op.getKind() != ReduceKind::Max) ||
        elementCount(shapeOf(op.getInput())) == 0)
      return failure();
    auto type = RankedTensorType::get(op.getType().getShape(), rewriter.getI8Type());
    Value integers =
        rewriter.create<ReduceOp>(op.getLoc(), type, op.getKind(), source->value, op.getAxes(), op.getKeepDims());
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, op.getType(), integers, source->scale, source->zero);
    return success();
  }
};

// One that is quantised at once is a pool by FuseOperator, too; of three dimensions the first of two is not.
struct DequantizeBelowMaxPool : OpRewritePattern<MaxPoolOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MaxPoolOp op, PatternRewriter &rewriter) const override {
    auto source = dequantized(op.getInput());
    if (!source || !isMonotone(*source))
      return failure();
    auto type = RankedTensorType::get(op.getType().getShape(), rewriter.getI8Type());
    Value integers =
        rewriter.create<QPoolOp>(op.getLoc(), type, source->value, source->scale, source->zero, source->scale,
                                 source->zero, PoolKind::Max, op.getKernel(), op.getStrides(), op.getPads(),
                                 op.getDilations(), false, op.getLayout(), -128, 127, Rounding::HalfEven);
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, op.getType(), integers, source->scale, source->zero);
    return success();
  }
};

struct PlaceOfIntegers : OpRewritePattern<ArgReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ArgReduceOp op, PatternRewriter &rewriter) const override {
    auto source = dequantized(op.getInput());
    if (!source || !isMonotone(*source))
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.getInputMutable().assign(source->value); });
    return success();
  }
};

// The same of a pad whose value is one of the integers'.
struct DequantizeBelowPad : OpRewritePattern<PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PadOp op, PatternRewriter &rewriter) const override {
    auto source = dequantized(op.getInput());
    if (!source)
      return failure();
    const float value = op.getValue().convertToFloat();
    const int8_t integer = quantizeToInt8(value, source->scaleValue(), source->zeroValue());
    if (dequantize(integer, source->scaleValue(), source->zeroValue()) != value)
      return failure();
    auto type = RankedTensorType::get(op.getType().getShape(), rewriter.getI8Type());
    Value moved = rewriter.create<PadOp>(op.getLoc(), type, source->value, op.getLo(), op.getHi(),
                                         llvm::APFloat(static_cast<float>(integer)));
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, op.getType(), moved, source->scale, source->zero);
    return success();
  }
};

struct FuseQdq : impl::FuseQdqBase<FuseQdq> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseOperator, QuantizeAboveMove, DequantizeBelowMove<ReshapeOp>, DequantizeBelowMove<TransposeOp>,
                 DequantizeBelowMove<SliceOp>, DequantizeBelowMove<GatherOp>, DequantizeBelowMove<ExpandOp>,
                 DequantizeBelowExtremum, DequantizeBelowMaxPool, PlaceOfIntegers, DequantizeBelowPad>(&getContext());
    addFunctionPatterns(patterns);
    addProductPatterns(patterns);
    addAffinePatterns(patterns);
    addSequencePatterns(patterns);
    addWideBiasPatterns(patterns);
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace tw::ir
