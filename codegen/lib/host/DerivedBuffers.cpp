// SPDX-License-Identifier: Apache-2.0
#include "host/DerivedBuffers.h"

#include "tw/ir/Constants.h"

namespace tw::codegen {

std::vector<bool> constantOperands(const BlockCall &call) {
  std::vector<bool> isConstant;
  for (mlir::Value operand : call.call->getOperands())
    isConstant.push_back(ir::isConstant(operand));
  return isConstant;
}

int DerivedBuffers::of(const DerivedConstant &derived, const BlockCall &call) {
  std::vector<mlir::ElementsAttr> from;
  std::vector<const void *> names;
  for (unsigned argument : derived.arguments) {
    from.push_back(call.call->getOperand(argument).getDefiningOp<ir::ConstantOp>().getValue());
    names.push_back(from.back().getAsOpaquePointer());
  }
  auto [its, isNew] = known.try_emplace({&derived, std::move(names)}, -1);
  if (isNew) {
    std::vector<ir::Tensor> constants;
    for (mlir::ElementsAttr attribute : from)
      constants.push_back(ir::readConstant(attribute));
    const ir::Tensor bytes = derived.compute(constants);
    its->second = plan.addConstant(bytes.bytes.data(), bytes.bytes.size());
  }
  return its->second;
}

} // namespace tw::codegen
