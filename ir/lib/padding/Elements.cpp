// SPDX-License-Identifier: Apache-2.0
#include "Elements.h"

#include "tw/ir/Constants.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

namespace tw::ir::padding {
namespace {

using Ranges = llvm::ArrayRef<Range>;
using Function = std::function<Range(Ranges)>;

ElementType typeOf(mlir::Value value) { return elementTypeOf(value.getType()); }

bool isAt(const Range &range, double number) { return range.lo == number && range.hi == number && !range.mayBeNan; }

Range product(const Range &a, const Range &b) {
  return ofCorners(a, b, [](double x, double y) { return x * y; });
}

// A comparison that cannot be otherwise.
Range compared(CompareKind kind, const Range &a, const Range &b) {
  const Range either = Range::between(0, 1), yes = Range::exactly(1), no = Range::exactly(0);
  if (a.mayBeNan || b.mayBeNan)
    return either;
  switch (kind) {
  case CompareKind::Less:
    return a.hi < b.lo ? yes : a.lo >= b.hi ? no : either;
  case CompareKind::LessOrEqual:
    return a.hi <= b.lo ? yes : a.lo > b.hi ? no : either;
  case CompareKind::Greater:
    return compared(CompareKind::Less, b, a);
  case CompareKind::GreaterOrEqual:
    return compared(CompareKind::LessOrEqual, b, a);
  case CompareKind::Equal:
    return a.lo == a.hi && b.lo == b.hi && a.lo == b.lo ? yes : a.hi < b.lo || b.hi < a.lo ? no : either;
  case CompareKind::NotEqual: {
    const Range equal = compared(CompareKind::Equal, a, b);
    return Range::between(1 - equal.hi, 1 - equal.lo);
  }
  }
  llvm_unreachable("all relations are listed");
}

Range unary(UnaryKind kind, const Range &x, ElementType type) {
  const auto monotone = [&](double (*function)(double)) {
    return rounded(ofEnds(x, [&](double value) { return function(value); }), type, 16);
  };
  switch (kind) {
  case UnaryKind::Abs:
    return rounded({x.lo > 0   ? x.lo
                    : x.hi < 0 ? -x.hi
                               : 0,
                    std::max(std::fabs(x.lo), std::fabs(x.hi)), x.mayBeNan},
                   type, 0);
  case UnaryKind::Neg:
    return rounded({-x.hi, -x.lo, x.mayBeNan}, type, 0);
  case UnaryKind::Not:
    return type == ElementType::Bool ? Range::between(1 - x.hi, 1 - x.lo) : anyOf(type);
  case UnaryKind::Sqrt:
    return x.lo < 0 ? anyOf(type) : monotone([](double value) { return std::sqrt(value); });
  case UnaryKind::Exp:
    return monotone([](double value) { return std::exp(value); });
  case UnaryKind::Erf:
    return {-1.0001, 1.0001, x.mayBeNan};
  case UnaryKind::Ceil:
    return monotone([](double value) { return std::ceil(value); });
  case UnaryKind::Floor:
    return monotone([](double value) { return std::floor(value); });
  case UnaryKind::Round:
    return monotone([](double value) { return std::nearbyint(value); });
  case UnaryKind::Sign:
    return {-1, 1, x.mayBeNan};
  case UnaryKind::Sin:
  case UnaryKind::Cos: // of an infinite one there is none
    return {-1.0001, 1.0001, !x.isFinite()};
  case UnaryKind::Log:
  case UnaryKind::Tan:
  case UnaryKind::Asin:
  case UnaryKind::Acos:
  case UnaryKind::Atan:
  case UnaryKind::Sinh:
  case UnaryKind::Cosh:
  case UnaryKind::Asinh:
  case UnaryKind::Acosh:
  case UnaryKind::Atanh:
  case UnaryKind::Log1p:
  case UnaryKind::Expm1:
    return anyOf(type);
  }
  llvm_unreachable("all functions are listed");
}

Range binary(BinaryKind kind, const Range &a, const Range &b, ElementType type) {
  switch (kind) {
  case BinaryKind::Pow: // squares, as norms have them
    if (!isAt(b, 2) || !isReal(type))
      return anyOf(type);
    return rounded(
        ofCorners(Range::between(0, 0), unary(UnaryKind::Abs, a, type), [](double, double x) { return x * x; }), type,
        16);
  case BinaryKind::And:
    return type == ElementType::Bool ? Range::between(std::min(a.lo, b.lo), std::min(a.hi, b.hi)) : anyOf(type);
  case BinaryKind::Or:
    return type == ElementType::Bool ? Range::between(std::max(a.lo, b.lo), std::max(a.hi, b.hi)) : anyOf(type);
  case BinaryKind::Mod:
  case BinaryKind::Fmod:
  case BinaryKind::Xor:
  case BinaryKind::ShiftLeft:
  case BinaryKind::ShiftRight:
    return anyOf(type);
  }
  llvm_unreachable("all functions are listed");
}

Range cast(const Range &x, ElementType from, ElementType to) {
  if (to == ElementType::Bool)
    return x.mayBeNan || (x.lo <= 0 && x.hi >= 0 && x.lo != x.hi) ? Range::between(0, 1)
           : isAt(x, 0)                                           ? Range::exactly(0)
                                                                  : Range::exactly(1);
  if (isReal(to))
    return rounded(x, to);
  if (!isReal(from))
    return rounded(x, to, 0);
  return rounded(ofEnds(x, [](double value) { return std::trunc(value); }), to, 0);
}

// Least and greatest of a quantiser's numbers, which are constants.
std::optional<Range> numbersOf(mlir::Value value) {
  const auto tensor = constantOf(value);
  if (!tensor || tensor->size() == 0)
    return std::nullopt;
  Range range = Range::exactly(tensor->numberAt(0));
  for (int64_t i = 1; i < tensor->size(); ++i)
    range = hull(range, Range::exactly(tensor->numberAt(i)));
  return range;
}

Function quantizer(QuantizeOp op) {
  const auto scale = numbersOf(op.getScale()), zero = numbersOf(op.getZeroPoint());
  const ElementType type = typeOf(op.getResult());
  return [=](Ranges x) {
    const Range all = anyOf(type);
    if (!scale || !zero || !(scale->lo > 0) || x[0].mayBeNan)
      return all;
    const Range quotient = ofCorners(x[0], *scale, [](double value, double step) { return value / step; });
    const Range steps = ofEnds(rounded(quotient, ElementType::F32), [](double value) { return std::nearbyint(value); });
    const Range sum = ofCorners(steps, *zero, [](double value, double offset) { return value + offset; });
    return Range::between(std::clamp(sum.lo, all.lo, all.hi), std::clamp(sum.hi, all.lo, all.hi));
  };
}

Function dequantizer(DequantizeOp op) {
  const auto scale = numbersOf(op.getScale()), zero = numbersOf(op.getZeroPoint());
  const ElementType type = typeOf(op.getResult());
  return [=](Ranges x) {
    if (!scale || !zero)
      return anyOf(type);
    const Range steps = ofCorners(x[0], *zero, [](double value, double offset) { return value - offset; });
    return rounded(product(steps, *scale), type);
  };
}

Function arithmetic(mlir::Operation *op) {
  const ElementType type = typeOf(op->getResult(0));
  const auto made = [&](double (*function)(double, double)) -> Function {
    return [=](Ranges x) { return rounded(ofCorners(x[0], x[1], function), type); };
  };
  return llvm::TypeSwitch<mlir::Operation *, Function>(op)
      .Case([&](AddOp) { return made([](double x, double y) { return x + y; }); })
      .Case([&](SubOp) { return made([](double x, double y) { return x - y; }); })
      .Case([&](MulOp) { return made([](double x, double y) { return x * y; }); })
      .Case([&](MinOp) { return made([](double x, double y) { return std::min(x, y); }); })
      .Case([&](MaxOp) { return made([](double x, double y) { return std::max(x, y); }); })
      .Case([&](DivOp) -> Function {
        return [=](Ranges x) {
          if (!isReal(type) || (x[1].lo <= 0 && x[1].hi >= 0))
            return anyOf(type);
          return rounded(ofCorners(x[0], x[1], [](double a, double b) { return a / b; }), type);
        };
      })
      .Default([](mlir::Operation *) { return Function(); });
}

} // namespace

std::function<Range(Ranges)> elementFunction(mlir::Operation *op) {
  if (Function function = arithmetic(op))
    return function;
  const auto always = [](double lo, double hi) -> Function {
    return [=](Ranges x) { return Range{lo, hi, x[0].mayBeNan}; };
  };
  const ElementType type = op->getNumResults() == 1 ? typeOf(op->getResult(0)) : ElementType::F32;
  return llvm::TypeSwitch<mlir::Operation *, Function>(op)
      .Case([&](QuantizeOp quantize) { return quantizer(quantize); })
      .Case([&](DequantizeOp dequantize) { return dequantizer(dequantize); })
      .Case([&](FlipSignOp flip) -> Function {
        const double by = typeOf(flip.getInput()) == ElementType::U8 ? -128 : 128;
        return [=](Ranges x) { return Range::between(x[0].lo + by, x[0].hi + by); };
      })
      .Case([&](ReluOp) -> Function {
        return [](Ranges x) { return Range{std::max(x[0].lo, 0.0), std::max(x[0].hi, 0.0), x[0].mayBeNan}; };
      })
      .Case([&](ClipOp clip) -> Function {
        const double lo = clip.getLo().convertToFloat(), hi = clip.getHi().convertToFloat();
        return [=](Ranges x) {
          return Range{std::min(std::max(x[0].lo, lo), hi), std::min(std::max(x[0].hi, lo), hi), x[0].mayBeNan};
        };
      })
      .Case([&](LeakyReluOp leaky) -> Function {
        const double alpha = leaky.getAlpha().convertToFloat();
        return [=](Ranges x) {
          return rounded(hull(x[0], ofEnds(x[0], [&](double value) { return alpha * value; })), type);
        };
      })
      .Case<HardSigmoidOp>([&](auto) { return always(0, 1); })
      .Case<SigmoidOp>([&](auto) { return always(0, 1.0001); })
      .Case<TanhOp>([&](auto) { return always(-1.0001, 1.0001); })
      .Case([&](UnaryOp its) -> Function {
        return [=, kind = its.getKind()](Ranges x) { return unary(kind, x[0], type); };
      })
      .Case([&](BinaryOp its) -> Function {
        return [=, kind = its.getKind()](Ranges x) { return binary(kind, x[0], x[1], type); };
      })
      .Case([&](CompareOp its) -> Function {
        return [kind = its.getKind()](Ranges x) { return compared(kind, x[0], x[1]); };
      })
      .Case<WhereOp>([&](auto) -> Function {
        return [](Ranges x) { return isAt(x[0], 1) ? x[1] : isAt(x[0], 0) ? x[2] : hull(x[1], x[2]); };
      })
      .Case([&](CastOp its) -> Function {
        return [=, from = typeOf(its.getInput())](Ranges x) { return cast(x[0], from, type); };
      })
      .Case<ExpandOp>([&](auto) -> Function { return [](Ranges x) { return x[0]; }; })
      .Default([](mlir::Operation *) { return Function(); });
}

} // namespace tw::ir::padding
