// SPDX-License-Identifier: Apache-2.0
// Softmax and the parts of a layer norm between a dequantiser and a quantiser become the integers that the vector
// unit's sequences compute, where those are proved to be within a step of the nearest result (SequenceNumbers.h).
// Numbers that the values of a softmax are multiplied with and a constant mask are part of it. A layer norm that
// nothing quantises inside is one function, and its channels' numbers a convolution behind it.
#include "Fusion.h"

#include "../interpreter/Kernels.h"
#include "Quantized.h"
#include "tw/isa/SequenceNumbers.h"

#include <cmath>
#include <functional>
#include <limits>

using namespace mlir;

namespace tw::ir {
namespace {

// What is this far below everything else has no part in a sum: exp(-kFarBelow) is less than 2^-60.
constexpr double kFarBelow = 42;
constexpr int64_t kMostMaskBytes = int64_t(1) << 24;

struct Output {
  double scale;
  int8_t zero;
};

std::optional<Output> outputOf(QuantizeOp op) {
  if (elementTypeOf(op.getType()) != ElementType::I8 || !isConstant(op.getScale()) || !isConstant(op.getZeroPoint()) ||
      op.getRounding() != Rounding::HalfEven)
    return std::nullopt;
  const Quantized out{Value(), op.getScale(), op.getZeroPoint()};
  if (!out.perTensor())
    return std::nullopt;
  return Output{static_cast<double>(out.scaleValue()), static_cast<int8_t>(out.zeroValue())};
}

// The same number everywhere.
std::optional<double> numberOf(Value value) {
  auto real = realConstant(value);
  if (!real || real->empty() || !llvm::all_equal(*real) || !std::isfinite(real->front()))
    return std::nullopt;
  return real->front();
}

// Elements that take part, [rows, channels]; row r of the values has row r mod rows.
using Mask = Tensor;

// A constant, broadcast to `shape`, as one row for each of the last rows in which it differs.
std::optional<std::vector<double>> lastRows(llvm::ArrayRef<double> values, Dims own, Dims shape, int64_t &rows) {
  const size_t behind = shape.size() - own.size();
  size_t first = 0; // where it begins to differ
  while (first < own.size() && own[first] == 1)
    ++first;
  const Dims wide = shape.drop_front(std::min(behind + first, shape.size() - 1));
  rows = elementCount(wide.drop_back());
  if (elementCount(wide) > kMostMaskBytes)
    return std::nullopt;
  const Dims narrow = own.take_back(std::min(own.size(), wide.size()));
  std::vector<double> result;
  forEachIndex(wide, [&](int64_t, Dims index) {
    int64_t at = 0;
    for (size_t d = 0; d < narrow.size(); ++d)
      at = at * narrow[d] + (narrow[d] == 1 ? 0 : index[wide.size() - narrow.size() + d]);
    result.push_back(values[static_cast<size_t>(at)]);
  });
  return result;
}

// The int8 values in front of a softmax.
class SoftmaxInput {
public:
  // The softmax reads factor * value; what is masked is at most `masked` then.
  static std::optional<SoftmaxInput> of(SoftmaxOp op) {
    SoftmaxInput input;
    input.shape = Shape(shapeOf(op));
    if (input.shape.empty() || input.shape.back() == 1 || // that is 1, whatever it reads
        op.getAxis() != static_cast<int64_t>(input.shape.size()) - 1 || !input.visit(op.getInput(), 1))
      return std::nullopt;
    return input.isSound() ? std::optional(std::move(input)) : std::nullopt;
  }

  Quantized source;
  double scale = 0;
  Mask mask;

private:
  bool visit(Value value, double factor) {
    if (shapeOf(value) != Dims(shape))
      return false;
    if (auto found = dequantized(value)) {
      source = *found;
      scale = factor * static_cast<double>(found->scaleValue());
      return !isConstant(found->value) && scale > 0;
    }
    Operation *op = value.getDefiningOp();
    if (auto where = dyn_cast_or_null<WhereOp>(op))
      return visit(where, factor);
    if (!op || !llvm::isa<MulOp, DivOp, AddOp>(op))
      return false;
    const bool isFirst = llvm::isa<MulOp, AddOp>(op) && realConstant(op->getOperand(0)).has_value();
    Value constant = op->getOperand(isFirst ? 0 : 1), other = op->getOperand(isFirst ? 1 : 0);
    if (llvm::isa<MulOp, DivOp>(op)) {
      auto number = numberOf(constant);
      return number && *number > 0 && visit(other, llvm::isa<MulOp>(op) ? factor * *number : factor / *number);
    }
    auto added = realConstant(constant);
    return added && addMask(*added, shapeOf(constant), factor, /*isAdded=*/true) && visit(other, factor);
  }

  bool visit(WhereOp op, double factor) {
    const bool takesFirst = !realConstant(op.getLhs());
    Value kept = takesFirst ? op.getLhs() : op.getRhs(), dropped = takesFirst ? op.getRhs() : op.getLhs();
    auto condition = constantOf(op.getCondition());
    auto number = realConstant(dropped); // may be infinite
    if (!condition || !number || number->empty() || !llvm::all_equal(*number) || !(number->front() < 0))
      return false;
    std::vector<double> values;
    for (int64_t i = 0; i < condition->size(); ++i)
      values.push_back((condition->integerAt(i) != 0) == takesFirst ? 0 : number->front());
    return addMask(values, shapeOf(op.getCondition()), factor, /*isAdded=*/false) && visit(kept, factor);
  }

  // 0 for what stays, a number far below all others for what does not.
  bool addMask(llvm::ArrayRef<double> values, Dims own, double factor, bool isAdded) {
    if (!mask.bytes.empty() || own.size() > shape.size())
      return false; // two masks
    int64_t rows = 0;
    auto all = lastRows(values, own, shape, rows);
    if (!all)
      return false;
    mask = Tensor(ElementType::I8, {rows, shape.back()});
    for (int64_t i = 0; i < mask.size(); ++i) {
      const double number = (*all)[static_cast<size_t>(i)];
      if (std::isnan(number) || number > 0)
        return false;
      mask.data<int8_t>()[i] = number == 0;
      if (number != 0)
        (isAdded ? mostAdded : mostSet) = std::max(isAdded ? mostAdded : mostSet, factor * number);
    }
    return true;
  }

  // Is what is masked far below the rest, and is there something in each row?
  bool isSound() {
    if (mask.bytes.empty()) {
      mask = Tensor(ElementType::I8, {1, shape.back()});
      std::fill_n(mask.data<int8_t>(), mask.size(), int8_t(1));
    }
    const double least = scale * (-128 - source.zeroValue()), most = scale * (127 - source.zeroValue());
    if (mostSet > least - kFarBelow || mostAdded + most > least - kFarBelow)
      return false;
    for (int64_t row = 0; row < mask.shape[0]; ++row)
      if (llvm::all_of(llvm::ArrayRef(mask.data<int8_t>() + row * mask.shape[1], static_cast<size_t>(mask.shape[1])),
                       [](int8_t taken) { return taken == 0; }))
        return false;
    return true;
  }

  Shape shape;
  // The largest number that stands in place of a masked value, or is added to it, as the softmax reads it.
  double mostSet = -std::numeric_limits<double>::infinity(), mostAdded = mostSet;
};

bool isLastAxis(Dims axes, Dims shape) { return axes == Dims{static_cast<int64_t>(shape.size()) - 1}; }

bool isSame(const Quantized &a, const Quantized &b) {
  return a.value == b.value && a.scaleValue() == b.scaleValue() && a.zeroValue() == b.zeroValue();
}

// int8 values [.., n], perhaps less their mean along the last axis.
struct Centred {
  Quantized source;
  bool isCentred = false;

  static std::optional<Centred> of(Value value) {
    if (auto source = dequantized(value); source && !isConstant(source->value) && !shapeOf(value).empty())
      return Centred{*source, false};
    auto difference = value.getDefiningOp<SubOp>();
    auto source = difference ? dequantized(difference.getLhs()) : std::nullopt;
    auto mean = source ? difference.getRhs().getDefiningOp<ReduceMeanOp>() : nullptr;
    auto summed = mean ? dequantized(mean.getInput()) : std::nullopt;
    if (!summed || isConstant(source->value) || !isSame(*source, *summed) || !mean.getKeepDims() ||
        !isLastAxis(mean.getAxes(), shapeOf(value)))
      return std::nullopt;
    return Centred{*source, true};
  }

  // Of the mean no zero point matters; what has none is counted from it.
  tw::isa::MeanNumbers numbers() const {
    return tw::isa::meanNumbers(shapeOf(source.value).back(), isCentred,
                                isCentred ? int8_t(0) : static_cast<int8_t>(source.zeroValue()));
  }
};

SmallVector<int64_t> paramsOf(const tw::isa::MeanNumbers &mean) {
  return {mean.isCentred, mean.center, mean.inverse, mean.shift};
}

// Rows of the last dimension.
Value asRows(PatternRewriter &rewriter, Location location, Value value) {
  Dims shape = shapeOf(value);
  auto type = RankedTensorType::get({elementCount(shape.drop_back()), shape.back()}, rewriter.getI8Type());
  return rewriter.createOrFold<ReshapeOp>(location, type, value);
}

// mean((x - mean(x))^2) or mean(x^2).
struct FuseVariance : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    auto mean = op.getInput().getDefiningOp<ReduceMeanOp>();
    auto square = mean ? mean.getInput().getDefiningOp<MulOp>() : nullptr;
    auto out = square ? outputOf(op) : std::nullopt;
    if (!out || !isLastAxis(mean.getAxes(), shapeOf(square)))
      return failure();
    auto x = Centred::of(square.getLhs()), other = Centred::of(square.getRhs());
    if (!x || !other || !isSame(x->source, other->source) || x->isCentred != other->isCentred)
      return failure();
    const auto scale = static_cast<double>(x->source.scaleValue());
    auto numbers = tw::isa::varianceNumbers(scale * scale / out->scale, out->zero, x->numbers());
    if (!numbers)
      return failure();
    const Location location = mean.getLoc();
    Value rows = asRows(rewriter, location, x->source.value);
    SmallVector<int64_t> params = paramsOf(numbers->mean);
    params.append({numbers->factor, numbers->shift, numbers->zero});
    auto type = RankedTensorType::get({shapeOf(rows)[0], 1}, rewriter.getI8Type());
    Value result = rewriter.create<LibraryOp>(location, type, "variance_i8", rows, params);
    rewriter.replaceOp(op, rewriter.createOrFold<ReshapeOp>(location, op.getType(), result));
    return success();
  }
};

// A real function of one int8 value, by what the graph composes it of.
class RealFunction {
public:
  static std::optional<RealFunction> of(Value value) {
    RealFunction function;
    if (!function.visit(value) || isConstant(function.source.value))
      return std::nullopt;
    return function;
  }
  // In float64, whatever the graph computes in.
  double operator()(int value) const {
    double x = (value - source.zeroValue()) * static_cast<double>(source.scaleValue());
    for (const auto &step : llvm::reverse(steps))
      x = step(x);
    return x;
  }
  bool isIdentity() const { return steps.empty(); }
  Quantized source;

private:
  bool visit(Value value) {
    if (auto found = dequantized(value)) {
      source = *found;
      return true;
    }
    Operation *op = value.getDefiningOp();
    if (auto unary = dyn_cast_or_null<UnaryOp>(op)) {
      if (unary.getKind() != UnaryKind::Sqrt)
        return false;
      steps.push_back([](double x) { return std::sqrt(x); });
      return visit(unary.getInput());
    }
    if (!op || !llvm::isa<AddOp, MulOp, DivOp>(op))
      return false;
    auto first = numberOf(op->getOperand(0)), second = numberOf(op->getOperand(1));
    if (!first == !second)
      return false;
    const double number = first ? *first : *second;
    if (llvm::isa<AddOp>(op))
      steps.push_back([=](double x) { return x + number; });
    else if (llvm::isa<MulOp>(op))
      steps.push_back([=](double x) { return x * number; });
    else if (first)
      steps.push_back([=](double x) { return number / x; });
    else
      steps.push_back([=](double x) { return x / number; });
    return visit(op->getOperand(first ? 1 : 0));
  }

  std::vector<std::function<double(double)>> steps; // the last first
};

// (x - mean(x)) or x, times or by a function of one int8 of its row.
struct FuseNormalise : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    Operation *core = op.getInput().getDefiningOp();
    auto out = core && llvm::isa<MulOp, DivOp>(core) ? outputOf(op) : std::nullopt;
    if (!out)
      return failure();
    for (unsigned i : {0u, 1u}) {
      if (i == 1 && llvm::isa<DivOp>(core))
        break;
      Value rows = core->getOperand(i), factor = core->getOperand(1 - i);
      Dims shape = shapeOf(op), row = shapeOf(factor);
      if (shapeOf(rows) != shape || row.size() != shape.size() || row.empty() || row.back() != 1 ||
          row.drop_back() != shape.drop_back() || shape.back() == 1)
        continue;
      auto x = Centred::of(rows);
      auto function = x ? RealFunction::of(factor) : std::nullopt;
      if (!function || shapeOf(function->source.value) != row ||
          (!x->isCentred && function->isIdentity())) // a product of two int8
        continue;
      std::vector<double> factors;
      for (int v = -128; v <= 127; ++v) {
        const double value = (*function)(v), steps = static_cast<double>(x->source.scaleValue()) / out->scale;
        factors.push_back(llvm::isa<DivOp>(core) ? steps / value : steps * value);
      }
      auto numbers = tw::isa::normaliseNumbers(factors, out->zero, shape.back(), x->numbers());
      if (!numbers)
        continue;
      const Location location = core->getLoc();
      Tensor tables = Tensor::of<int8_t>({static_cast<int64_t>(numbers->tables.size()) / 256, 256}, numbers->tables);
      SmallVector<int64_t> params = paramsOf(numbers->mean);
      params.append({numbers->shift, numbers->farShift, numbers->zero});
      Value values = asRows(rewriter, location, x->source.value);
      Value result = rewriter.create<LibraryOp>(location, values.getType(), "normalise_i8",
                                                ValueRange{values, asRows(rewriter, location, function->source.value),
                                                           makeConstant(rewriter, location, "factors", tables)},
                                                params);
      rewriter.replaceOp(op, rewriter.createOrFold<ReshapeOp>(location, op.getType(), result));
      return success();
    }
    return failure();
  }
};

struct FuseSoftmax : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    auto softmax = op.getInput().getDefiningOp<SoftmaxOp>();
    auto out = softmax ? outputOf(op) : std::nullopt;
    auto in = out ? SoftmaxInput::of(softmax) : std::nullopt;
    if (!in)
      return failure();
    Dims shape = shapeOf(op);
    auto numbers = tw::isa::softmaxNumbers(in->scale, out->scale, out->zero, shape.back());
    if (!numbers)
      return failure();
    const Location location = softmax.getLoc();
    Tensor tables = Tensor::of<int8_t>({static_cast<int64_t>(numbers->tables.size()) / 256, 256}, numbers->tables);
    Value rows = asRows(rewriter, location, in->source.value);
    Value result = rewriter.create<LibraryOp>(location, rows.getType(), "softmax_i8",
                                              ValueRange{rows, makeConstant(rewriter, location, "exp", tables),
                                                         makeConstant(rewriter, location, "mask", in->mask)},
                                              ArrayRef<int64_t>{numbers->factor, numbers->shift, numbers->zero});
    rewriter.replaceOp(op, rewriter.createOrFold<ReshapeOp>(location, op.getType(), result));
    return success();
  }
};

// value = core * factor + offset, with one of each for each index of the last dimension.
struct Scaled {
  Value core;
  std::vector<double> factor, offset;

  explicit Scaled(Value value)
      : core(value), factor(static_cast<size_t>(channelsOf(value)), 1), offset(factor.size(), 0) {
    while (!factor.empty() && step())
      ;
  }

private:
  static int64_t channelsOf(Value value) { return shapeOf(value).empty() ? 0 : shapeOf(value).back(); }
  bool step() {
    Operation *op = core.getDefiningOp();
    if (!op || !llvm::isa<AddOp, MulOp>(op))
      return false;
    const bool isSecond = realConstant(op->getOperand(1)).has_value();
    Value inner = op->getOperand(isSecond ? 0 : 1), constant = op->getOperand(isSecond ? 1 : 0);
    auto numbers = realConstant(constant);
    if (!numbers || shapeOf(inner) != shapeOf(core) ||
        !isPerChannel(shapeOf(constant), static_cast<int64_t>(factor.size()), 0))
      return false;
    for (size_t c = 0; c < factor.size(); ++c) {
      const double number = (*numbers)[numbers->size() == 1 ? 0 : c];
      if (llvm::isa<AddOp>(op))
        offset[c] += factor[c] * number;
      else
        factor[c] *= number;
    }
    core = inner;
    return true;
  }
};

// (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps), or the same without a mean, in squared units of an int8 x.
struct Normalised {
  Centred x;
  double eps = 0;

  static std::optional<Normalised> of(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !llvm::isa<MulOp, DivOp>(op))
      return std::nullopt;
    if (llvm::isa<DivOp>(op))
      return of(op->getOperand(0), op->getOperand(1));
    for (unsigned i : {0u, 1u}) {
      auto inverse = op->getOperand(1 - i).getDefiningOp<DivOp>();
      if (inverse && numberOf(inverse.getLhs()) == 1.0)
        if (auto found = of(op->getOperand(i), inverse.getRhs()))
          return found;
    }
    return std::nullopt;
  }

private:
  static std::optional<Normalised> of(Value deviation, Value divisor) {
    auto root = divisor.getDefiningOp<UnaryOp>();
    auto x = root && root.getKind() == UnaryKind::Sqrt ? Centred::of(deviation) : std::nullopt;
    if (!x)
      return std::nullopt;
    Value variance = root.getInput();
    double eps = 0;
    if (auto sum = variance.getDefiningOp<AddOp>()) {
      const bool isSecond = numberOf(sum.getRhs()).has_value();
      auto number = numberOf(isSecond ? sum.getRhs() : sum.getLhs());
      if (!number)
        return std::nullopt;
      eps = *number;
      variance = isSecond ? sum.getLhs() : sum.getRhs();
    }
    auto mean = variance.getDefiningOp<ReduceMeanOp>();
    auto square = mean ? mean.getInput().getDefiningOp<MulOp>() : nullptr;
    if (!square || !mean.getKeepDims() || !isLastAxis(mean.getAxes(), shapeOf(square)))
      return std::nullopt;
    for (Value side : {square.getLhs(), square.getRhs()}) {
      auto other = Centred::of(side);
      if (!other || !isSame(x->source, other->source) || x->isCentred != other->isCentred)
        return std::nullopt;
    }
    const auto scale = static_cast<double>(x->source.scaleValue());
    return Normalised{*x, eps / (scale * scale)};
  }
};

// A norm that nothing quantises in between keeps 14 bits, as two int8; what scales and moves its channels is a
// depthwise convolution of both.
struct FuseNorm : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    auto out = outputOf(op);
    if (!out)
      return failure();
    const Scaled scaled(op.getInput());
    auto norm = scaled.factor.empty() ? std::nullopt : Normalised::of(scaled.core);
    if (!norm)
      return failure();
    const Shape shape(shapeOf(op));
    const int64_t channels = shape.back(), rows = elementCount(Dims(shape).drop_back());
    auto numbers = tw::isa::normNumbers(norm->eps, channels, norm->x.numbers());
    if (!numbers || boundOf(*numbers, scaled, out->scale) >= tw::isa::kStepBound)
      return failure();
    const Location location = scaled.core.getLoc();
    SmallVector<int64_t> params = paramsOf(numbers->mean);
    params.append({numbers->means, numbers->varianceShift, numbers->eps, numbers->rootShift, numbers->factor,
                   numbers->factorShift, numbers->shift});
    Value parts = rewriter.create<LibraryOp>(location, RankedTensorType::get({rows, 2, channels}, rewriter.getI8Type()),
                                             "norm_i8", asRows(rewriter, location, norm->x.source.value), params);
    const Shape image{1, rows, 2, channels};
    parts = rewriter.createOrFold<ReshapeOp>(location, RankedTensorType::get(image, rewriter.getI8Type()), parts);
    Tensor taps(ElementType::I8, {channels, 1, 2, 1}), scales(ElementType::F32, {channels}),
        bias(ElementType::F32, {channels});
    for (int64_t c = 0; c < channels; ++c) {
      const double factor = scaled.factor[static_cast<size_t>(c)];
      const auto sign = static_cast<int8_t>(factor < 0 ? -1 : factor > 0);
      taps.data<int8_t>()[2 * c] = static_cast<int8_t>(sign * (1 << tw::isa::NormNumbers::kLowBits));
      taps.data<int8_t>()[2 * c + 1] = sign;
      scales.data<float>()[c] = factor == 0 ? kNoScale : static_cast<float>(std::abs(factor));
      bias.data<float>()[c] = static_cast<float>(scaled.offset[static_cast<size_t>(c)]);
    }
    auto floats = [&](Dims dims) { return RankedTensorType::get(dims, rewriter.getF32Type()); };
    auto dequantised = [&](Value value, const Tensor &scale, int64_t axis) {
      return rewriter.create<DequantizeOp>(location, floats(shapeOf(value)), value,
                                           makeConstant(rewriter, location, "scale", scale),
                                           makeConstant(rewriter, location, "zero", Tensor(ElementType::I8, {})), axis);
    };
    Value x = dequantised(parts, Tensor::of<float>({}, {static_cast<float>(numbers->unit)}), 0);
    Value weight = dequantised(makeConstant(rewriter, location, "factor", taps), scales, 0);
    const int64_t ones[] = {1, 1}, zeros[] = {0, 0, 0, 0};
    Value result = rewriter.create<ConvOp>(location, floats({1, rows, 1, channels}), x, weight,
                                           makeConstant(rewriter, location, "offset", bias), ones, zeros, ones,
                                           channels, Layout::NHWC);
    result = rewriter.create<ReshapeOp>(location, floats(shape), result);
    rewriter.modifyOpInPlace(op, [&] { op.getInputMutable().set(result); });
    return success();
  }

  // Of a channel that is its offset alone: below what any multiplier may be, which fusion takes for a constant.
  static constexpr float kNoScale = 1e-30f;

  // Steps between a result and the real value. Beyond `reach` of them it is at the end of its range.
  static double boundOf(const tw::isa::NormNumbers &numbers, const Scaled &scaled, double outScale) {
    double steps = 0, most = 0;
    for (size_t c = 0; c < scaled.factor.size(); ++c) {
      steps = std::max(steps, std::abs(scaled.factor[c]) / outScale);
      most = std::max(most, std::abs(scaled.offset[c]) / outScale);
    }
    const double reach = std::min(steps * std::sqrt(static_cast<double>(scaled.factor.size())), 256 + most);
    constexpr double kBias = 0.5, kFloats = 1e-3; // the offset in units; what float32 rounds in the last product
    const double bound = 0.5 + reach * numbers.relative + steps * numbers.unit * (numbers.absolute + kBias) + kFloats;
    return std::isfinite(bound) ? bound : std::numeric_limits<double>::infinity();
  }
};

} // namespace

void addSequencePatterns(RewritePatternSet &patterns) {
  patterns.add<FuseSoftmax, FuseVariance, FuseNormalise, FuseNorm>(patterns.getContext());
}

} // namespace tw::ir
