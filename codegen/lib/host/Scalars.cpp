// SPDX-License-Identifier: Apache-2.0
// The scalar operations of `tw` as arithmetic that vectors have (the rules stand in ir/QuantParams.h), and conversions
// that a processor lacks: LLVM would call functions of a library.
#include "host/Emit.h"

#include "tw/ir/GraphDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

#include <algorithm>
#include <optional>

namespace tw::codegen {
namespace {

using namespace mlir;

struct Bounds {
  double least, largest;
};

// A sum of products of int64 in double, where every intermediate result is an integer that double holds exactly.
struct Exact {
  Value value;
  Bounds bounds;
};

class Expander {
public:
  explicit Expander(Operation *op) : b(op), at(op->getLoc()) {}

  // sat8(RNE(fl32(fl32_rne(acc) * multiplier)) + zero)
  Value requantize(ir::RequantizeOp op) {
    Value real = b.create<arith::SIToFPOp>(at, b.getF32Type(), op.getAcc());
    return saturated(b.create<arith::MulFOp>(at, real, op.getMultiplier()), op.getZero());
  }

  // sat8(RNE(sum / 2^shift) + zero): scaling by a power of two is exact in double.
  Value rescale(ir::RescaleOp op) {
    if (auto exact = exactly(op.getSum())) {
      // 2^-shift by its bits.
      Value exponent = b.create<arith::SubIOp>(at, integer(1023), wide(op.getShift()));
      Value bits = b.create<arith::ShLIOp>(at, exponent, integer(52));
      Value scale = b.create<arith::BitcastOp>(at, b.getF64Type(), bits);
      return saturated(b.create<arith::MulFOp>(at, exact->value, scale), op.getZero());
    }
    // Halves go to the even neighbour: add half less one, and one if the quotient is odd.
    Value shift = wide(op.getShift()), sum = op.getSum();
    Value odd = b.create<arith::AndIOp>(at, b.create<arith::ShRSIOp>(at, sum, shift), integer(1));
    Value half = b.create<arith::ShRUIOp>(at, b.create<arith::ShLIOp>(at, integer(1), shift), integer(1));
    Value more = b.create<arith::SubIOp>(at, b.create<arith::AddIOp>(at, half, odd), integer(1));
    Value none = b.create<arith::CmpIOp>(at, arith::CmpIPredicate::eq, shift, integer(0));
    more = b.create<arith::SelectOp>(at, none, integer(0), more);
    // The sum may be near the end of its range: what is added is limited before.
    Value q = b.create<arith::ShRSIOp>(at, b.create<arith::AddIOp>(at, limited(sum), more), shift);
    q = b.create<arith::AddIOp>(at, q, wide(op.getZero()));
    q = b.create<arith::MinSIOp>(at, b.create<arith::MaxSIOp>(at, q, integer(-128)), integer(127));
    return b.create<arith::TruncIOp>(at, b.getI8Type(), q);
  }

  // float16 as float32. A denormal one is made normal by a multiplication, which is exact.
  Value fromHalf(arith::ExtFOp op) {
    Value bits =
        b.create<arith::ExtUIOp>(at, b.getI32Type(), b.create<arith::BitcastOp>(at, b.getI16Type(), op.getIn()));
    Value size = b.create<arith::AndIOp>(at, bits, int32(0x7fff));
    Value sign = shifted<arith::ShLIOp>(b.create<arith::AndIOp>(at, bits, int32(0x8000)), 16);
    Value moved = shifted<arith::ShLIOp>(size, 13);
    Value scaled = asInteger(b.create<arith::MulFOp>(at, asReal(moved), asReal(int32(0x77800000)))); // 2^112
    Value noNumber = b.create<arith::OrIOp>(at, moved, int32(0x7fc00000)), infinity = int32(0x7f800000);
    Value large = choose(arith::CmpIPredicate::ugt, size, 0x7c00, noNumber, infinity);
    Value result = choose(arith::CmpIPredicate::uge, size, 0x7c00, large, scaled);
    return asReal(b.create<arith::OrIOp>(at, result, sign));
  }

  // float32 as float16, half to even. What becomes denormal is rounded by an addition: its last bit is then that of
  // 0.5.
  Value toHalf(arith::TruncFOp op) {
    Value bits = asInteger(op.getIn()), size = b.create<arith::AndIOp>(at, bits, int32(0x7fffffff));
    Value sign = b.create<arith::AndIOp>(at, shifted<arith::ShRUIOp>(bits, 16), int32(0x8000));
    Value half = int32(0x3f000000), upper = shifted<arith::ShRUIOp>(size, 13);
    Value small = b.create<arith::SubIOp>(at, asInteger(b.create<arith::AddFOp>(at, asReal(size), asReal(half))), half);
    Value odd = b.create<arith::AndIOp>(at, upper, int32(1));
    Value rounded = b.create<arith::AddIOp>(at, size, int32(int32_t(0xc8000fff))); // 112 less in the exponent
    Value normal = shifted<arith::ShRUIOp>(b.create<arith::AddIOp>(at, rounded, odd), 13);
    Value payload = b.create<arith::AndIOp>(at, upper, int32(0x3ff));
    Value noNumber = b.create<arith::OrIOp>(at, payload, int32(0x7e00));
    Value large = choose(arith::CmpIPredicate::ugt, size, 0x7f800000, noNumber, int32(0x7c00));
    Value result = choose(arith::CmpIPredicate::ult, size, 0x38800000, small, normal);
    result = choose(arith::CmpIPredicate::uge, size, 0x47800000, large, result);
    result = b.create<arith::TruncIOp>(at, b.getI16Type(), b.create<arith::OrIOp>(at, result, sign));
    return b.create<arith::BitcastOp>(at, b.getF16Type(), result);
  }

private:
  Value int32(int32_t value) { return b.create<arith::ConstantIntOp>(at, value, 32); }
  Value asInteger(Value real) { return b.create<arith::BitcastOp>(at, b.getI32Type(), real); }
  Value asReal(Value bits) { return b.create<arith::BitcastOp>(at, b.getF32Type(), bits); }
  template <typename Op> Value shifted(Value value, int32_t count) { return b.create<Op>(at, value, int32(count)); }
  Value choose(arith::CmpIPredicate predicate, Value x, int32_t bound, Value yes, Value no) {
    return b.create<arith::SelectOp>(at, b.create<arith::CmpIOp>(at, predicate, x, int32(bound)), yes, no);
  }
  Value integer(int64_t value) { return b.create<arith::ConstantIntOp>(at, value, 64); }
  Value wide(Value value) {
    return value.getType().isInteger(64) ? value : b.create<arith::ExtSIOp>(at, b.getI64Type(), value).getResult();
  }
  // Far beyond what saturates, and far from overflow.
  Value limited(Value sum) {
    const int64_t far = int64_t(1) << 62;
    return b.create<arith::MinSIOp>(at, b.create<arith::MaxSIOp>(at, sum, integer(-far)), integer(far));
  }

  // Limits and rounds a float or double, adds the zero point. Limits are integers: they may come before rounding.
  Value saturated(Value real, Value zero) {
    auto type = cast<FloatType>(real.getType());
    APInt known;
    const bool isKnown = matchPattern(zero, m_ConstantInt(&known));
    const double offset = isKnown ? double(known.getSExtValue()) : 0, slack = isKnown ? 0 : 65536;
    auto number = [&](double value) -> Value { return b.create<arith::ConstantOp>(at, FloatAttr::get(type, value)); };
    Value least = number(-128 - offset - slack), largest = number(127 - offset + slack);
    auto choose = [&](arith::CmpFPredicate predicate, Value limit) {
      Value isBeyond = b.create<arith::CmpFOp>(at, predicate, real, limit);
      real = b.create<arith::SelectOp>(at, isBeyond, limit, real);
    };
    choose(arith::CmpFPredicate::OLT, least);
    choose(arith::CmpFPredicate::OGT, largest);
    Value q = b.create<arith::FPToSIOp>(at, b.getI32Type(), b.create<math::RoundEvenOp>(at, real));
    q = b.create<arith::AddIOp>(at, q, zero);
    if (!isKnown) {
      auto limit = [&](int64_t value) { return b.create<arith::ConstantIntOp>(at, value, 32); };
      q = b.create<arith::MinSIOp>(at, b.create<arith::MaxSIOp>(at, q, limit(-128)), limit(127));
    }
    return b.create<arith::TruncIOp>(at, b.getI8Type(), q);
  }

  std::optional<Exact> exactly(Value value) {
    constexpr double kMost = 9007199254740992.0; // 2^53
    APInt known;
    if (matchPattern(value, m_ConstantInt(&known))) {
      const double number = double(known.getSExtValue());
      return Exact{b.create<arith::ConstantOp>(at, b.getF64FloatAttr(number)), {number, number}};
    }
    Operation *op = value.getDefiningOp();
    if (auto extend = dyn_cast_or_null<arith::ExtSIOp>(op)) {
      Value from = extend.getIn();
      const Bounds bounds = boundsOf(from);
      return Exact{b.create<arith::SIToFPOp>(at, b.getF64Type(), from), bounds};
    }
    if (!isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::MinSIOp, arith::MaxSIOp>(op))
      return std::nullopt;
    auto left = exactly(op->getOperand(0)), right = exactly(op->getOperand(1));
    if (!left || !right)
      return std::nullopt;
    const Bounds l = left->bounds, r = right->bounds;
    Exact result;
    if (isa<arith::AddIOp>(op)) {
      result = {b.create<arith::AddFOp>(at, left->value, right->value), {l.least + r.least, l.largest + r.largest}};
    } else if (isa<arith::SubIOp>(op)) {
      result = {b.create<arith::SubFOp>(at, left->value, right->value), {l.least - r.largest, l.largest - r.least}};
    } else if (isa<arith::MulIOp>(op)) {
      auto [least, largest] =
          std::minmax({l.least * r.least, l.least * r.largest, l.largest * r.least, l.largest * r.largest});
      result = {b.create<arith::MulFOp>(at, left->value, right->value), {least, largest}};
    } else {
      const bool isMin = isa<arith::MinSIOp>(op);
      Value isLess = b.create<arith::CmpFOp>(at, arith::CmpFPredicate::OLT, left->value, right->value);
      result = {
          b.create<arith::SelectOp>(at, isLess, isMin ? left->value : right->value, isMin ? right->value : left->value),
          {std::min(l.least, r.least), std::max(l.largest, r.largest)}};
    }
    if (result.bounds.least < -kMost || result.bounds.largest > kMost)
      return std::nullopt;
    return result;
  }

  // Of an integer that is extended: by its type.
  static Bounds boundsOf(Value value) {
    const unsigned bits = value.getType().getIntOrFloatBitWidth();
    const double half = double(uint64_t(1) << (bits - 1));
    return {-half, half - 1};
  }

  OpBuilder b;
  Location at;
};

} // namespace

void expandScalars(func::FuncOp block, const HostProcessor &processor) {
  block.walk([&](Operation *op) {
    Value value;
    if (auto requantize = dyn_cast<ir::RequantizeOp>(op))
      value = Expander(op).requantize(requantize);
    else if (auto rescale = dyn_cast<ir::RescaleOp>(op))
      value = Expander(op).rescale(rescale);
    else if (auto extend = dyn_cast<arith::ExtFOp>(op);
             extend && !processor.hasHalf && extend.getIn().getType().isF16())
      value = Expander(op).fromHalf(extend);
    else if (auto narrow = dyn_cast<arith::TruncFOp>(op); narrow && !processor.hasHalf && narrow.getType().isF16())
      value = Expander(op).toHalf(narrow);
    else
      return;
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
  });
}

} // namespace tw::codegen
