// SPDX-License-Identifier: Apache-2.0
// Loops of reductions over axes. The order in which reals are summed stands in FloatFunctions.h.
#include "Lowering.h"

#include "llvm/ADT/TypeSwitch.h"

#include <limits>
#include <numeric>

using namespace mlir;

namespace tw::ir {
namespace {

// What leaves every number as it is.
TypedAttr identityOf(LinalgBuilder &l, ReduceKind kind, ElementType type, Type element) {
  if (isReal(type)) {
    const double infinity = std::numeric_limits<double>::infinity();
    const double value = kind == ReduceKind::Sum    ? 0
                         : kind == ReduceKind::Prod ? 1
                         : kind == ReduceKind::Min  ? infinity
                                                    : -infinity;
    return l.builder.getFloatAttr(element, value);
  }
  const unsigned width = element.getIntOrFloatBitWidth();
  const bool isUnsigned = isUnsignedInteger(type) || type == ElementType::Bool;
  if (kind == ReduceKind::Min)
    return l.builder.getIntegerAttr(element, isUnsigned ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width));
  if (kind == ReduceKind::Max)
    return l.builder.getIntegerAttr(element, isUnsigned ? APInt::getMinValue(width) : APInt::getSignedMinValue(width));
  return l.builder.getIntegerAttr(element, kind == ReduceKind::Prod ? 1 : 0);
}

Value combined(LinalgBuilder &b, ReduceKind kind, ElementType type, Value sum, Value x) {
  auto make = [&]<typename Real, typename Signed, typename Unsigned>() -> Value {
    if (isReal(type))
      return b.builder.create<Real>(b.location, sum, x);
    if (isUnsignedInteger(type) || type == ElementType::Bool)
      return b.builder.create<Unsigned>(b.location, sum, x);
    return b.builder.create<Signed>(b.location, sum, x);
  };
  switch (kind) {
  case ReduceKind::Sum:
    return make.template operator()<arith::AddFOp, arith::AddIOp, arith::AddIOp>();
  case ReduceKind::Prod:
    return make.template operator()<arith::MulFOp, arith::MulIOp, arith::MulIOp>();
  case ReduceKind::Min:
    return make.template operator()<arith::MinimumFOp, arith::MinSIOp, arith::MinUIOp>();
  case ReduceKind::Max:
    return make.template operator()<arith::MaximumFOp, arith::MaxSIOp, arith::MaxUIOp>();
  }
  llvm_unreachable("all kinds are listed");
}

// The kept dimensions are the loops of the result, the reduced ones follow.
struct Loops {
  unsigned kept = 0, reduced = 0;
  Shape result;
  SmallVector<AffineExpr> indices; // of the input
};
Loops loopsOf(LinalgBuilder &l, Dims shape, Dims axes) {
  Loops loops;
  loops.kept = static_cast<unsigned>(shape.size() - axes.size());
  unsigned next = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    const bool isReduced = llvm::is_contained(axes, static_cast<int64_t>(d));
    loops.indices.push_back(l.dim(isReduced ? loops.kept + loops.reduced++ : next++));
    if (!isReduced)
      loops.result.push_back(shape[d]);
  }
  return loops;
}

Value filled(LinalgBuilder &l, Dims shape, TypedAttr value) {
  Value scalar = l.builder.create<arith::ConstantOp>(l.location, value);
  return l.builder.create<linalg::FillOp>(l.location, scalar, l.empty(shape, value.getType())).getResult(0);
}

// Over dimensions that are not in the result.
Value reduced(LinalgBuilder &l, Value x, ReduceKind kind, ElementType type, Dims axes) {
  Loops loops = loopsOf(l, shapeOf(x), axes);
  TypedAttr identity = identityOf(l, kind, type, cast<RankedTensorType>(x.getType()).getElementType());
  Access init{filled(l, loops.result, identity), l.dims(0, loops.kept)};
  return l.generic({{x, loops.indices}}, init, loops.kept, loops.reduced,
                   [&](LinalgBuilder &b, ValueRange in) { return combined(b, kind, type, in[1], in[0]); });
}

Value lower(Lowering &lowering, LinalgBuilder &l, ReduceOp op) {
  Value x = lowering.given("input", op.getInput());
  return l.reshape(reduced(l, x, op.getKind(), elementTypeOf(op.getType()), op.getAxes()), shapeOf(op));
}

// The extremum, then the least (or greatest) place of what equals it. What is no number is the extremum where it
// stands.
Value lower(Lowering &lowering, LinalgBuilder &l, ArgReduceOp op) {
  const ElementType type = elementTypeOf(op.getInput().getType());
  if (type == ElementType::F16 || type == ElementType::BF16)
    return nullptr;
  Value x = lowering.given("input", op.getInput());
  const int64_t axis = static_cast<int64_t>(op.getAxis());
  Value top = reduced(l, x, op.getKind(), type, axis);
  Loops loops = loopsOf(l, shapeOf(x), axis);
  const bool takesLast = op.getLastIndex();
  auto i64 = [&](LinalgBuilder &b, int64_t value) -> Value {
    return b.builder.create<arith::ConstantOp>(b.location, b.builder.getI64IntegerAttr(value));
  };
  const int64_t extent = shapeOf(x)[axis], none = takesLast ? -1 : extent;
  Tensor numbers(ElementType::I64, {extent});
  std::iota(numbers.data<int64_t>(), numbers.data<int64_t>() + extent, 0);
  Value places = lowering.computed("place", ElementType::I64, numbers.shape, [=](func::CallOp) { return numbers; });
  Access init{filled(l, loops.result, l.builder.getI64IntegerAttr(none)), l.dims(0, loops.kept)};
  Value place =
      l.generic({{x, loops.indices}, {top, l.dims(0, loops.kept)}, {places, {l.dim(loops.kept)}}}, init, loops.kept, 1,
                [&](LinalgBuilder &b, ValueRange in) -> Value {
                  auto hereIf = [&](Value condition, Value otherwise) -> Value {
                    return b.builder.create<arith::SelectOp>(b.location, condition, in[2], otherwise);
                  };
                  Value found;
                  if (isReal(type)) {
                    using P = arith::CmpFPredicate;
                    found = hereIf(b.builder.create<arith::CmpFOp>(b.location, P::OEQ, in[0], in[1]), i64(b, none));
                    found = hereIf(b.builder.create<arith::CmpFOp>(b.location, P::UNO, in[0], in[0]), found);
                  } else {
                    found = hereIf(b.builder.create<arith::CmpIOp>(b.location, arith::CmpIPredicate::eq, in[0], in[1]),
                                   i64(b, none));
                  }
                  if (takesLast)
                    return b.builder.create<arith::MaxSIOp>(b.location, in[3], found);
                  return b.builder.create<arith::MinSIOp>(b.location, in[3], found);
                });
  return l.reshape(place, shapeOf(op));
}

} // namespace

Value lowerReduction(Lowering &lowering, LinalgBuilder &l, Operation *op) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<ReduceOp, ArgReduceOp>([&](auto typed) { return lower(lowering, l, typed); })
      .Default([](Operation *) { return Value(); });
}

} // namespace tw::ir
