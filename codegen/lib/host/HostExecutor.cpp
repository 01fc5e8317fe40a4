// SPDX-License-Identifier: Apache-2.0
#include "host/HostExecutor.h"

#include "tw/ir/Constants.h"

namespace tw::codegen {

namespace {

struct HostCandidate final : Candidate {
  const HostStep *step;
  explicit HostCandidate(const HostStep *step) : step(step) {}
};

} // namespace

std::variant<std::unique_ptr<Candidate>, Refusals> HostExecutor::candidate(const BlockCall &call, const BlockLoops &) {
  std::vector<bool> isConstant;
  for (mlir::Value operand : call.call->getOperands())
    isConstant.push_back(ir::isConstant(operand));
  auto step = code.add(call.function, isConstant);
  if (!step)
    return Refusals{{id(), {"", "body", llvm::toString(step.takeError())}}};
  return std::make_unique<HostCandidate>(*step);
}

int HostExecutor::derive(const DerivedConstant &derived, const BlockCall &call) {
  std::vector<mlir::ElementsAttr> from;
  std::vector<const void *> names;
  for (unsigned argument : derived.arguments) {
    from.push_back(call.call->getOperand(argument).getDefiningOp<ir::ConstantOp>().getValue());
    names.push_back(from.back().getAsOpaquePointer());
  }
  auto [known, isNew] = derivedBuffers.try_emplace({&derived, std::move(names)}, -1);
  if (isNew) {
    std::vector<ir::Tensor> constants;
    for (mlir::ElementsAttr attribute : from)
      constants.push_back(ir::readConstant(attribute));
    const ir::Tensor bytes = derived.compute(constants);
    known->second = plan.addConstant(bytes.bytes.data(), bytes.bytes.size());
  }
  return known->second;
}

void HostExecutor::take(int, const BlockCall &call, std::unique_ptr<Candidate> candidate, PlacementRow &row) {
  const HostStep &step = *static_cast<HostCandidate &>(*candidate).step;
  std::vector<int> arguments;
  for (const HostStep::Buffer &buffer : step.buffers) {
    if (buffer.kind == HostArray::Derived) {
      arguments.push_back(derive(*buffer.constant, call));
    } else if (buffer.kind == HostArray::Argument) {
      arguments.push_back(forms.rowForm(plan.table.of(call.call->getOperand(buffer.argument))));
    } else {
      arguments.push_back(forms.newRowForm(plan.table.of(call.call->getResult(buffer.argument))));
    }
  }
  row.executor = ExecutorId::Host;
  plan.addHostStep(call.facts.node, step, arguments, int(plan.report.rows.size()));
}

llvm::Error HostExecutor::link() {
  if (code.isEmpty())
    return llvm::Error::success();
  auto object = code.link();
  if (!object)
    return object.takeError();
  plan.hostObject = std::move(*object);
  return llvm::Error::success();
}

} // namespace tw::codegen
