// SPDX-License-Identifier: Apache-2.0
#include "QuantisedState.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Interpreter.h"

namespace tw::ir {
namespace {

bool isResult(mlir::OpOperand &use, unsigned result) {
  return use.getOwner()->hasTrait<mlir::OpTrait::IsTerminator>() && use.getOperandNumber() == result;
}

// One scale for all.
bool isPlain(QuantizeOp op) {
  const auto scale = constantOf(op.getScale()), zero = constantOf(op.getZeroPoint());
  return elementTypeOf(op.getType()) == ElementType::I8 && scale && scale->size() == 1 && zero && zero->size() == 1;
}

// All readers of the value, through moves of its elements.
bool areAllQuantisers(mlir::Value value, QuantizeOp &first) {
  return llvm::all_of(value.getUsers(), [&](mlir::Operation *user) {
    if (mlir::isa<TransposeOp, ReshapeOp, SliceOp, ExpandOp>(user))
      return areAllQuantisers(user->getResult(0), first);
    auto quantiser = mlir::dyn_cast<QuantizeOp>(user);
    if (!quantiser || quantiser.getInput() != value || !isPlain(quantiser) || (first && !areAlike(first, quantiser)))
      return false;
    first = quantiser;
    return true;
  });
}

mlir::Type bytesOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).clone(mlir::IntegerType::get(value.getContext(), 8));
}

} // namespace

bool areAlike(QuantizeOp a, QuantizeOp b) {
  const auto same = [](mlir::Value mine, mlir::Value theirs) {
    return constantOf(mine)->bytes == constantOf(theirs)->bytes;
  };
  return same(a.getScale(), b.getScale()) && same(a.getZeroPoint(), b.getZeroPoint()) &&
         a.getRounding() == b.getRounding();
}

int64_t zeroByte(QuantizeOp quantiser) { return constantOf(quantiser.getZeroPoint())->integerAt(0) & 255; }

QuantizeOp quantiserOf(mlir::BlockArgument past, ConcatOp present, unsigned result) {
  QuantizeOp first;
  if (!past.hasOneUse())
    return {};
  for (mlir::OpOperand &use : present.getResult().getUses()) {
    if (isResult(use, result))
      continue;
    mlir::Operation *user = use.getOwner();
    if (auto quantiser = mlir::dyn_cast<QuantizeOp>(user)) {
      if (use.getOperandNumber() != 0 || !isPlain(quantiser) || (first && !areAlike(first, quantiser)))
        return {};
      first = quantiser;
    } else if (!mlir::isa<TransposeOp, ReshapeOp, SliceOp, ExpandOp>(user) ||
               !areAllQuantisers(user->getResult(0), first)) {
      return {};
    }
  }
  return first;
}

ConcatOp quantise(mlir::BlockArgument past, ConcatOp present, QuantizeOp quantiser, unsigned result) {
  mlir::OpBuilder builder(present);
  const mlir::Location location = present.getLoc();
  const mlir::Value scale = makeConstant(builder, location, "state_scale", *constantOf(quantiser.getScale())),
                    zero = makeConstant(builder, location, "state_zero", *constantOf(quantiser.getZeroPoint())),
                    fresh = present.getInputs()[1];
  auto quantised = mlir::cast<QuantizeOp>(builder.clone(*quantiser));
  quantised->setOperands({fresh, scale, zero});
  quantised->setLoc(location);
  quantised.getResult().setType(mlir::cast<mlir::RankedTensorType>(bytesOf(fresh)));
  past.setType(bytesOf(past));
  auto bytes = builder.create<ConcatOp>(location, bytesOf(present.getResult()), mlir::ValueRange{past, quantised},
                                        present.getAxis());
  const mlir::Value real = builder.create<DequantizeOp>(location, present.getType(), bytes, scale, zero);
  present.getResult().replaceUsesWithIf(real, [&](mlir::OpOperand &use) { return !isResult(use, result); });
  mlir::Operation *terminator = past.getOwner()->getTerminator();
  terminator->setOperand(result, bytes);
  present.erase();
  return bytes;
}

} // namespace tw::ir
