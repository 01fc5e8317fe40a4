// SPDX-License-Identifier: Apache-2.0
// Loops of operators that choose elements: slice, gather.
#include "Lowering.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cstdlib>

using namespace mlir;

namespace tw::ir {
namespace {

// With steps forward it is a part of the tensor in place. What runs backward is turned around in that part.
Value lower(Lowering &lowering, LinalgBuilder &l, SliceOp op) {
  Value x = lowering.given("input", op.getInput());
  const Type element = lowering.type(elementTypeOf(op.getType()));
  Dims shape = shapeOf(op);
  const unsigned rank = static_cast<unsigned>(shape.size());
  SmallVector<OpFoldResult> offsets, sizes, strides;
  SmallVector<AffineExpr> turned;
  bool isTurned = false;
  for (unsigned d = 0; d < rank; ++d) {
    const int64_t start = op.getStarts()[d], step = op.getSteps()[d], last = std::max<int64_t>(shape[d] - 1, 0);
    const bool isBackward = step < 0 && last > 0;
    offsets.push_back(l.builder.getIndexAttr(isBackward ? start + last * step : start));
    sizes.push_back(l.builder.getIndexAttr(shape[d]));
    strides.push_back(l.builder.getIndexAttr(last > 0 ? std::abs(step) : 1));
    turned.push_back(isBackward ? l.builder.getAffineConstantExpr(last) - l.dim(d) : l.dim(d));
    isTurned |= isBackward;
  }
  x = l.builder.create<tensor::ExtractSliceOp>(l.location, RankedTensorType::get(shape, element), x, offsets, sizes,
                                               strides);
  if (!isTurned)
    return x;
  return l.generic({{x, turned}}, {l.empty(shape, element), l.dims(0, rank)}, rank, 0,
                   [](LinalgBuilder &, ValueRange in) { return in[0]; });
}

Value lower(Lowering &lowering, LinalgBuilder &l, GatherOp op) {
  Value x = lowering.given("input", op.getInput()), indices = lowering.given("indices", op.getIndices());
  Dims shape = shapeOf(op);
  const unsigned rank = static_cast<unsigned>(shape.size()), axis = static_cast<unsigned>(op.getAxis()),
                 count = static_cast<unsigned>(shapeOf(indices).size()),
                 inputRank = static_cast<unsigned>(shapeOf(x).size());
  const int64_t extent = shapeOf(x)[axis];
  Access init{l.empty(shape, lowering.type(elementTypeOf(op.getType()))), l.dims(0, rank)};
  return l.generic(
      {{indices, l.dims(axis, axis + count)}}, init, rank, 0, [&](LinalgBuilder &b, ValueRange in) -> Value {
        Type type = in[0].getType();
        auto number = [&](int64_t value) -> Value {
          return b.builder.create<arith::ConstantOp>(b.location, b.builder.getIntegerAttr(type, value));
        };
        // A negative one counts from the end: its sign is -1, and what is taken away is -extent.
        Value sign = b.builder.create<arith::ShRSIOp>(b.location, in[0], number(type.getIntOrFloatBitWidth() - 1));
        Value place = b.builder.create<arith::SubIOp>(
            b.location, in[0], b.builder.create<arith::MulIOp>(b.location, sign, number(extent)));
        place = b.builder.create<arith::MaxSIOp>(b.location, place, number(0));
        place = b.builder.create<arith::MinSIOp>(b.location, place, number(extent - 1));
        SmallVector<Value> places;
        for (unsigned d = 0; d < inputRank; ++d)
          if (d == axis)
            places.push_back(b.builder.create<arith::IndexCastOp>(b.location, b.builder.getIndexType(), place));
          else
            places.push_back(b.builder.create<linalg::IndexOp>(b.location, d < axis ? d : d + count - 1));
        return b.builder.create<tensor::ExtractOp>(b.location, x, places);
      });
}

} // namespace

Value lowerMove(Lowering &lowering, LinalgBuilder &l, Operation *op) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<SliceOp, GatherOp>([&](auto typed) { return lower(lowering, l, typed); })
      .Default([](Operation *) { return Value(); });
}

} // namespace tw::ir
