// SPDX-License-Identifier: Apache-2.0
// A library function has no loops: it stays as it is, on the tensors of the new body.
#include "Lowering.h"

#include "tw/ir/GraphDialect.h"

using namespace mlir;

namespace tw::ir {
namespace {

// Loops hold integers without a sign; a library function is told which it computes in.
Value withType(LinalgBuilder &l, Value value, Type type) {
  return value.getType() == type ? value : l.builder.create<tensor::BitcastOp>(l.location, type, value);
}

} // namespace

Value lowerLibrary(Lowering &lowering, LinalgBuilder &l, Operation *op) {
  auto library = dyn_cast<LibraryOp>(op);
  if (!library)
    return nullptr;
  SmallVector<Value> inputs;
  for (Value input : library.getInputs())
    inputs.push_back(withType(l, lowering.given("input", input), input.getType()));
  auto type = cast<RankedTensorType>(library.getResult().getType());
  Value result = l.builder.create<LibraryOp>(l.location, type, library.getName(), inputs, library.getParams());
  return withType(l, result, type.clone(lowering.type(elementTypeOf(type))));
}

} // namespace tw::ir
