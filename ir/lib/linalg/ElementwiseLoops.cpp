// SPDX-License-Identifier: Apache-2.0
// Loops of functions, relations and conversions of any element type. Scalars are as heldType has them: whether an
// integer has a sign, and how 16 bits are read, is asked of the operator. What is written here must compute what
// interpreter/ElementwiseOps.cpp does.
#include "Lowering.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;

namespace tw::ir {
namespace {

unsigned widthOf(Value x) { return x.getType().getIntOrFloatBitWidth(); }

// Shorthand for scalar arithmetic in bodies.
struct S {
  LinalgBuilder &b;

  template <typename Op, typename... Args> Value make(Args... args) {
    return b.builder.create<Op>(b.location, args...);
  }
  Type integer(unsigned width) { return b.builder.getIntegerType(width); }
  Type f32() { return b.builder.getF32Type(); }
  Type f64() { return b.builder.getF64Type(); }

  Value real(Type type, double value) { return make<arith::ConstantOp>(b.builder.getFloatAttr(type, value)); }
  Value whole(Type type, int64_t value) { return make<arith::ConstantOp>(b.builder.getIntegerAttr(type, value)); }
  // The number as a constant of the type that x has.
  Value like(Value x, double value) {
    return isa<FloatType>(x.getType()) ? real(x.getType(), value) : whole(x.getType(), static_cast<int64_t>(value));
  }
  Value holds(arith::CmpFPredicate predicate, Value x, Value y) { return make<arith::CmpFOp>(predicate, x, y); }
  Value holds(arith::CmpIPredicate predicate, Value x, Value y) { return make<arith::CmpIOp>(predicate, x, y); }
  Value choose(Value condition, Value yes, Value no) { return make<arith::SelectOp>(condition, yes, no); }
  Value isZero(Value x) { return holds(arith::CmpIPredicate::eq, x, like(x, 0)); }
  Value isNegative(Value x) { return holds(arith::CmpIPredicate::slt, x, like(x, 0)); }
  Value negative(Value x) { return make<arith::SubIOp>(like(x, 0), x); }
};

//===--------------------------------------------------------------------------------------------------------------===//
// Conversions
//===--------------------------------------------------------------------------------------------------------------===//

bool isNarrow(ElementType type) { return type == ElementType::F16 || type == ElementType::BF16; }
bool hasSign(ElementType type) { return !isUnsignedInteger(type) && type != ElementType::Bool; }

// A narrow real as float32, which holds it exactly; any other number as it is. Of bfloat16 they are the upper bits.
Value widened(S s, Value x, ElementType type) {
  if (type == ElementType::F16)
    return s.make<arith::ExtFOp>(s.f32(), s.make<arith::BitcastOp>(s.b.builder.getF16Type(), x));
  if (type != ElementType::BF16)
    return x;
  Value bits = s.make<arith::ExtUIOp>(s.integer(32), x);
  return s.make<arith::BitcastOp>(s.f32(), s.make<arith::ShLIOp>(bits, s.whole(s.integer(32), 16)));
}

// A float64 as float32 such that rounding it again is as rounding once: of the neighbours of what is no float32, the
// one whose last bit is set.
Value roundedToOdd(S s, Value x) {
  Type i32 = s.integer(32);
  Value near = s.make<arith::TruncFOp>(s.f32(), x), back = s.make<arith::ExtFOp>(s.f64(), near);
  Value bits = s.make<arith::BitcastOp>(i32, near);
  Value isLess = s.holds(arith::CmpFPredicate::OLT, s.make<math::AbsFOp>(back), s.make<math::AbsFOp>(x));
  Value other = s.make<arith::AddIOp>(bits, s.choose(isLess, s.whole(i32, 1), s.whole(i32, -1)));
  Value isOdd = s.make<arith::TruncIOp>(s.integer(1), bits);
  Value isExact = s.holds(arith::CmpFPredicate::UEQ, back, x); // or no number
  return s.make<arith::BitcastOp>(s.f32(), s.choose(s.make<arith::OrIOp>(isOdd, isExact), bits, other));
}

// Half to even, by the bits: no processor of the list has an instruction for it.
Value toBFloat16(S s, Value x) {
  Type i32 = s.integer(32);
  Value bits = s.make<arith::BitcastOp>(i32, x), shift = s.whole(i32, 16);
  Value odd = s.make<arith::AndIOp>(s.make<arith::ShRUIOp>(bits, shift), s.whole(i32, 1));
  Value rounded = s.make<arith::AddIOp>(s.make<arith::AddIOp>(bits, s.whole(i32, 0x7fff)), odd);
  Value quiet = s.make<arith::OrIOp>(bits, s.whole(i32, 0x400000));
  rounded = s.choose(s.holds(arith::CmpFPredicate::UNO, x, x), quiet, rounded);
  return s.make<arith::TruncIOp>(s.integer(16), s.make<arith::ShRUIOp>(rounded, shift));
}

// A float32 or float64 in another real type.
Value toReal(S s, Value x, ElementType to) {
  if (to == ElementType::F64)
    return widthOf(x) == 64 ? x : s.make<arith::ExtFOp>(s.f64(), x);
  if (to == ElementType::F32)
    return widthOf(x) == 32 ? x : s.make<arith::TruncFOp>(s.f32(), x);
  if (widthOf(x) == 64)
    x = roundedToOdd(s, x);
  if (to == ElementType::BF16)
    return toBFloat16(s, x);
  return s.make<arith::BitcastOp>(s.integer(16), s.make<arith::TruncFOp>(s.b.builder.getF16Type(), x));
}

// The integer without the fraction of a float32 or float64; outside the range of int64 (of uint64) the end of it, of
// what is no number 0.
Value truncated(S s, Value x, bool isUnsigned64) {
  Type i64 = s.integer(64);
  auto whole = [&](Value real, Value isInside) {
    return s.make<arith::FPToSIOp>(i64, s.choose(isInside, real, s.like(real, 0)));
  };
  Value isLow = s.holds(arith::CmpFPredicate::OLE, x, s.like(x, -0x1p63));
  Value isHigh = s.holds(arith::CmpFPredicate::OGE, x, s.like(x, 0x1p63));
  Value isInside = s.make<arith::AndIOp>(s.holds(arith::CmpFPredicate::OGT, x, s.like(x, -0x1p63)),
                                         s.holds(arith::CmpFPredicate::OLT, x, s.like(x, 0x1p63)));
  Value most = s.whole(i64, std::numeric_limits<int64_t>::max()),
        least = s.whole(i64, std::numeric_limits<int64_t>::min());
  if (isUnsigned64) { // what lies above 2^63 is a multiple of 2
    Value above = s.make<arith::SubFOp>(x, s.like(x, 0x1p63));
    Value isAbove = s.make<arith::AndIOp>(isHigh, s.holds(arith::CmpFPredicate::OLT, x, s.like(x, 0x1p64)));
    most = s.choose(isAbove, s.make<arith::XOrIOp>(whole(above, isAbove), least), s.whole(i64, -1));
  }
  return s.choose(isHigh, most, s.choose(isLow, least, whole(x, isInside)));
}

Value resized(S s, Value x, unsigned width, bool isSigned) {
  if (widthOf(x) == width)
    return x;
  if (widthOf(x) > width)
    return s.make<arith::TruncIOp>(s.integer(width), x);
  return isSigned ? s.make<arith::ExtSIOp>(s.integer(width), x) : s.make<arith::ExtUIOp>(s.integer(width), x);
}

Value converted(S s, Value x, ElementType from, ElementType to) {
  if (from == to)
    return x;
  x = widened(s, x, from);
  if (isReal(from)) {
    if (isReal(to))
      return toReal(s, x, to);
    if (to == ElementType::Bool)
      return s.holds(arith::CmpFPredicate::UNE, x, s.like(x, 0));
    return resized(s, truncated(s, x, to == ElementType::U64), static_cast<unsigned>(byteWidth(to) * 8), true);
  }
  if (to == ElementType::Bool)
    return s.holds(arith::CmpIPredicate::ne, x, s.like(x, 0));
  if (!isReal(to))
    return resized(s, x, static_cast<unsigned>(byteWidth(to) * 8), hasSign(from));
  // Float32 holds integers of 16 bits; of wider ones float64 comes first where the result is narrow.
  Type type = to == ElementType::F64 || (isNarrow(to) && byteWidth(from) > 2) ? s.f64() : s.f32();
  Value real = hasSign(from) ? s.make<arith::SIToFPOp>(type, x) : s.make<arith::UIToFPOp>(type, x);
  return toReal(s, real, to);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Functions of one number and of two
//===--------------------------------------------------------------------------------------------------------------===//

// What IEEE 754 has, in the type itself; null for other functions.
Value exactFunction(S s, UnaryKind kind, Value x) {
  switch (kind) {
  case UnaryKind::Abs:
    return s.make<math::AbsFOp>(x);
  case UnaryKind::Neg:
    return s.make<arith::NegFOp>(x);
  case UnaryKind::Sign: {
    Value isAbove = s.holds(arith::CmpFPredicate::OGT, x, s.like(x, 0)),
          isBelow = s.holds(arith::CmpFPredicate::OLT, x, s.like(x, 0));
    return s.choose(isAbove, s.like(x, 1), s.choose(isBelow, s.like(x, -1), x));
  }
  case UnaryKind::Ceil:
    return s.make<math::CeilOp>(x);
  case UnaryKind::Floor:
    return s.make<math::FloorOp>(x);
  case UnaryKind::Round:
    return s.make<math::RoundEvenOp>(x);
  case UnaryKind::Sqrt:
    return s.make<math::SqrtOp>(x);
  default: // float64Function lists the others
    return nullptr;
  }
}

Value float64Function(S s, UnaryKind kind, Value x) {
  switch (kind) {
  case UnaryKind::Exp:
    return s.make<math::ExpOp>(x);
  case UnaryKind::Log:
    return s.make<math::LogOp>(x);
  case UnaryKind::Sin:
    return s.make<math::SinOp>(x);
  case UnaryKind::Cos:
    return s.make<math::CosOp>(x);
  case UnaryKind::Tan:
    return s.make<math::TanOp>(x);
  case UnaryKind::Asin:
    return s.make<math::AsinOp>(x);
  case UnaryKind::Acos:
    return s.make<math::AcosOp>(x);
  case UnaryKind::Atan:
    return s.make<math::AtanOp>(x);
  case UnaryKind::Sinh:
    return s.make<math::SinhOp>(x);
  case UnaryKind::Cosh:
    return s.make<math::CoshOp>(x);
  case UnaryKind::Asinh:
    return s.make<math::AsinhOp>(x);
  case UnaryKind::Acosh:
    return s.make<math::AcoshOp>(x);
  case UnaryKind::Atanh:
    return s.make<math::AtanhOp>(x);
  case UnaryKind::Erf:
    return s.make<math::ErfOp>(x);
  case UnaryKind::Log1p:
    return s.make<math::Log1pOp>(x);
  case UnaryKind::Expm1:
    return s.make<math::ExpM1Op>(x);
  case UnaryKind::Abs:
  case UnaryKind::Neg:
  case UnaryKind::Sign:
  case UnaryKind::Ceil:
  case UnaryKind::Floor:
  case UnaryKind::Round:
  case UnaryKind::Sqrt:
  case UnaryKind::Not:
    break;
  }
  llvm_unreachable("these are exact, or of integers");
}

Value integerFunction(S s, UnaryKind kind, Value x, ElementType type) {
  switch (kind) {
  case UnaryKind::Abs:
    return hasSign(type) ? s.choose(s.isNegative(x), s.negative(x), x) : x;
  case UnaryKind::Neg:
    return s.negative(x);
  case UnaryKind::Sign: {
    Value sign = s.choose(s.isZero(x), x, s.like(x, 1));
    return hasSign(type) ? s.choose(s.isNegative(x), s.like(x, -1), sign) : sign;
  }
  case UnaryKind::Not:
    return s.make<arith::XOrIOp>(x, s.like(x, -1));
  case UnaryKind::Ceil:
  case UnaryKind::Floor:
  case UnaryKind::Round:
  case UnaryKind::Sqrt:
  case UnaryKind::Exp:
  case UnaryKind::Log:
  case UnaryKind::Sin:
  case UnaryKind::Cos:
  case UnaryKind::Tan:
  case UnaryKind::Asin:
  case UnaryKind::Acos:
  case UnaryKind::Atan:
  case UnaryKind::Sinh:
  case UnaryKind::Cosh:
  case UnaryKind::Asinh:
  case UnaryKind::Acosh:
  case UnaryKind::Atanh:
  case UnaryKind::Erf:
  case UnaryKind::Log1p:
  case UnaryKind::Expm1:
    break;
  }
  llvm_unreachable("these are of reals");
}

// f(x) of float32 is f of float64, rounded.
Value inFloat64(S s, ArrayRef<Value> operands, ElementType type, llvm::function_ref<Value(ArrayRef<Value>)> function) {
  SmallVector<Value> wide;
  for (Value x : operands)
    wide.push_back(toReal(s, x, ElementType::F64));
  return toReal(s, function(wide), type);
}

Value functionOf(S s, UnaryKind kind, Value x, ElementType type) {
  if (!isReal(type))
    return integerFunction(s, kind, x, type);
  if (Value exact = exactFunction(s, kind, x))
    return exact;
  return inFloat64(s, x, type, [&](ArrayRef<Value> wide) { return float64Function(s, kind, wide[0]); });
}

// a / b or the rest of it; of a division by 0 it is 0, by -1 nothing overflows.
Value quotient(S s, Value a, Value b, bool isSigned, bool isRest) {
  Value isZero = s.isZero(b), isUnsafe = isZero;
  if (isSigned)
    isUnsafe = s.make<arith::OrIOp>(isZero, s.holds(arith::CmpIPredicate::eq, b, s.like(b, -1)));
  Value divisor = s.choose(isUnsafe, s.like(b, 1), b), none = s.like(a, 0);
  if (isRest) {
    Value rest = isSigned ? s.make<arith::RemSIOp>(a, divisor) : s.make<arith::RemUIOp>(a, divisor);
    return rest; // by 1 there is none
  }
  if (!isSigned)
    return s.choose(isZero, none, s.make<arith::DivUIOp>(a, divisor));
  return s.choose(isUnsafe, s.choose(isZero, none, s.negative(a)), s.make<arith::DivSIOp>(a, divisor));
}

Value integerFunction(S s, BinaryKind kind, Value a, Value b, ElementType type) {
  const bool isSigned = hasSign(type);
  switch (kind) {
  case BinaryKind::Fmod:
    return quotient(s, a, b, isSigned, true);
  case BinaryKind::Mod: {
    Value rest = quotient(s, a, b, isSigned, true);
    if (!isSigned)
      return rest;
    Value differs = s.isNegative(s.make<arith::XOrIOp>(rest, b));
    Value other = s.choose(differs, s.make<arith::AddIOp>(rest, b), rest);
    return s.choose(s.isZero(rest), rest, other);
  }
  case BinaryKind::And:
    return s.make<arith::AndIOp>(a, b);
  case BinaryKind::Or:
    return s.make<arith::OrIOp>(a, b);
  case BinaryKind::Xor:
    return s.make<arith::XOrIOp>(a, b);
  case BinaryKind::ShiftLeft:
  case BinaryKind::ShiftRight: {
    Value isInside = s.holds(arith::CmpIPredicate::ult, b, s.like(b, widthOf(b)));
    Value count = s.choose(isInside, b, s.like(b, 0));
    if (kind == BinaryKind::ShiftLeft)
      return s.choose(isInside, s.make<arith::ShLIOp>(a, count), s.like(a, 0));
    if (!isSigned)
      return s.choose(isInside, s.make<arith::ShRUIOp>(a, count), s.like(a, 0));
    Value most = s.choose(isInside, b, s.like(b, widthOf(b) - 1));
    return s.make<arith::ShRSIOp>(a, most);
  }
  case BinaryKind::Pow:
    break; // a loop of its own
  }
  llvm_unreachable("all kinds are listed");
}

Value functionOf(S s, BinaryKind kind, Value a, Value b, ElementType type) {
  if (!isReal(type))
    return integerFunction(s, kind, a, b, type);
  return inFloat64(s, {a, b}, type, [&](ArrayRef<Value> wide) {
    return kind == BinaryKind::Pow ? s.make<math::PowFOp>(wide[0], wide[1]) : s.make<arith::RemFOp>(wide[0], wide[1]);
  });
}

// Where a relation holds: of reals ordered ones but for "not equal", of integers by their sign.
Value relation(S s, CompareKind kind, Value a, Value b, ElementType type) {
  using Real = arith::CmpFPredicate;
  using Integer = arith::CmpIPredicate;
  struct Row {
    CompareKind kind;
    Real real;
    Integer withSign, without;
  };
  static constexpr Row kRows[] = {
      {CompareKind::Equal, Real::OEQ, Integer::eq, Integer::eq},
      {CompareKind::NotEqual, Real::UNE, Integer::ne, Integer::ne},
      {CompareKind::Less, Real::OLT, Integer::slt, Integer::ult},
      {CompareKind::LessOrEqual, Real::OLE, Integer::sle, Integer::ule},
      {CompareKind::Greater, Real::OGT, Integer::sgt, Integer::ugt},
      {CompareKind::GreaterOrEqual, Real::OGE, Integer::sge, Integer::uge},
  };
  const Row &row = *llvm::find_if(kRows, [&](const Row &r) { return r.kind == kind; });
  if (isReal(type))
    return s.holds(row.real, widened(s, a, type), widened(s, b, type));
  return s.holds(hasSign(type) ? row.withSign : row.without, a, b);
}

Value arithmetic(S s, Operation *op, Value a, Value b, ElementType type) {
  const bool isSigned = hasSign(type);
  if (isReal(type))
    return llvm::TypeSwitch<Operation *, Value>(op)
        .Case([&](AddOp) { return s.make<arith::AddFOp>(a, b); })
        .Case([&](SubOp) { return s.make<arith::SubFOp>(a, b); })
        .Case([&](MulOp) { return s.make<arith::MulFOp>(a, b); })
        .Case([&](DivOp) { return s.make<arith::DivFOp>(a, b); })
        .Case([&](MinOp) { return s.make<arith::MinimumFOp>(a, b); })
        .Case([&](MaxOp) { return s.make<arith::MaximumFOp>(a, b); });
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](AddOp) { return s.make<arith::AddIOp>(a, b); })
      .Case([&](SubOp) { return s.make<arith::SubIOp>(a, b); })
      .Case([&](MulOp) { return s.make<arith::MulIOp>(a, b); })
      .Case([&](DivOp) { return quotient(s, a, b, isSigned, false); })
      .Case([&](MinOp) { return isSigned ? s.make<arith::MinSIOp>(a, b) : s.make<arith::MinUIOp>(a, b); })
      .Case([&](MaxOp) { return isSigned ? s.make<arith::MaxSIOp>(a, b) : s.make<arith::MaxUIOp>(a, b); });
}

//===--------------------------------------------------------------------------------------------------------------===//
// Loops
//===--------------------------------------------------------------------------------------------------------------===//

// One loop per dimension of the result; operands are broadcast to it.
Value elementwise(Lowering &lowering, LinalgBuilder &l, Operation *op, ArrayRef<StringRef> roles,
                  llvm::function_ref<Value(S, ValueRange)> body) {
  Value result = op->getResult(0);
  Dims shape = shapeOf(result);
  unsigned rank = static_cast<unsigned>(shape.size());
  SmallVector<Access> inputs;
  for (auto [role, operand] : llvm::zip(roles, op->getOperands()))
    inputs.push_back({lowering.given(role, operand), l.broadcast(shapeOf(operand), shape)});
  Access init{l.empty(shape, lowering.type(elementTypeOf(result.getType()))), l.dims(0, rank)};
  return l.generic(inputs, init, rank, 0, [&](LinalgBuilder &b, ValueRange in) { return body(S{b}, in); });
}

// Integers: squares and multiplies, one bit of the exponent after the other, the highest first. A negative exponent
// leaves 0 of all bases but 1 and -1.
Value integerPower(Lowering &lowering, LinalgBuilder &l, BinaryOp op, ElementType type) {
  Dims shape = shapeOf(op);
  unsigned rank = static_cast<unsigned>(shape.size());
  const int64_t width = byteWidth(type) * 8;
  Access base{lowering.given("lhs", op.getLhs()), l.broadcast(shapeOf(op.getLhs()), shape)},
      exponent{lowering.given("rhs", op.getRhs()), l.broadcast(shapeOf(op.getRhs()), shape)};
  Value places = lowering.computed("bit", ElementType::I64, {width}, [width](func::CallOp) {
    Tensor tensor(ElementType::I64, {width});
    for (int64_t i = 0; i < width; ++i)
      tensor.data<int64_t>()[i] = width - 1 - i;
    return tensor;
  });
  Type scalar = lowering.type(type);
  Access init{l.filled(shape, scalar, 1), l.dims(0, rank)};
  Value power = l.generic(
      {base, exponent, {places, {l.dim(rank)}}}, init, rank, 1, [&](LinalgBuilder &b, ValueRange in) -> Value {
        S s{b};
        Value bit = s.make<arith::ShRUIOp>(in[1], resized(s, in[2], widthOf(in[1]), false));
        Value square = s.make<arith::MulIOp>(in[3], in[3]);
        return s.choose(s.make<arith::TruncIOp>(s.integer(1), bit), s.make<arith::MulIOp>(square, in[0]), square);
      });
  if (!hasSign(type))
    return power;
  return l.generic({{power, l.dims(0, rank)}, base, exponent}, {l.empty(shape, scalar), l.dims(0, rank)}, rank, 0,
                   [&](LinalgBuilder &b, ValueRange in) -> Value {
                     S s{b};
                     Value isUnit = s.make<arith::OrIOp>(s.holds(arith::CmpIPredicate::eq, in[1], s.like(in[1], 1)),
                                                         s.holds(arith::CmpIPredicate::eq, in[1], s.like(in[1], -1)));
                     Value isOdd = s.make<arith::TruncIOp>(s.integer(1), in[2]);
                     Value unit = s.choose(isOdd, in[1], s.like(in[1], 1));
                     return s.choose(s.isNegative(in[2]), s.choose(isUnit, unit, s.like(in[1], 0)), in[0]);
                   });
}

} // namespace

Value lowerElementwise(Lowering &lowering, LinalgBuilder &l, Operation *op) {
  const ElementType to = elementTypeOf(op->getResult(0).getType());
  auto from = [&](unsigned index) { return elementTypeOf(op->getOperand(index).getType()); };
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](UnaryOp unary) {
        return elementwise(lowering, l, op, {"input"},
                           [&](S s, ValueRange in) { return functionOf(s, unary.getKind(), in[0], to); });
      })
      .Case([&](BinaryOp binary) {
        if (binary.getKind() == BinaryKind::Pow && !isReal(to))
          return integerPower(lowering, l, binary, to);
        return elementwise(lowering, l, op, {"lhs", "rhs"},
                           [&](S s, ValueRange in) { return functionOf(s, binary.getKind(), in[0], in[1], to); });
      })
      .Case([&](CompareOp compare) {
        return elementwise(lowering, l, op, {"lhs", "rhs"},
                           [&](S s, ValueRange in) { return relation(s, compare.getKind(), in[0], in[1], from(0)); });
      })
      .Case([&](WhereOp) {
        return elementwise(lowering, l, op, {"condition", "lhs", "rhs"},
                           [](S s, ValueRange in) { return s.choose(in[0], in[1], in[2]); });
      })
      .Case([&](CastOp) {
        return elementwise(lowering, l, op, {"input"},
                           [&](S s, ValueRange in) { return converted(s, in[0], from(0), to); });
      })
      .Case([&](ExpandOp) { return elementwise(lowering, l, op, {"input"}, [](S, ValueRange in) { return in[0]; }); })
      .Case<AddOp, SubOp, MulOp, DivOp, MinOp, MaxOp>([&](Operation *) -> Value {
        if (isNarrow(to) || to == ElementType::Bool)
          return nullptr;
        return elementwise(lowering, l, op, {"lhs", "rhs"},
                           [&](S s, ValueRange in) { return arithmetic(s, op, in[0], in[1], to); });
      })
      .Default([](Operation *) { return Value(); });
}

} // namespace tw::ir
