// SPDX-License-Identifier: Apache-2.0
#include "host/HostExecutor.h"

#include "host/HostCost.h"
#include "tw/ir/Constants.h"
#include "tw/isa/DiagError.h"

namespace tw::codegen {

std::variant<std::unique_ptr<Candidate>, Refusals> HostExecutor::candidate(const BlockCall &call, const BlockLoops &) {
  auto needs = code.needsOf(call.function, constantOperands(call));
  if (!needs)
    return Refusals{{id(), {"", "body", diagOf(needs.takeError()).str()}}};
  auto candidate = std::make_unique<Candidate>();
  for (mlir::Value operand : call.call->getOperands())
    if (const FormOf wanted{plan.table.of(operand), Form::RowMajor};
        !ir::isConstant(operand) && !llvm::is_contained(candidate->wanted, wanted))
      candidate->wanted.push_back(wanted);
  for (mlir::Value result : call.call->getResults())
    candidate->given.push_back({plan.table.of(result), Form::RowMajor});
  candidate->leastBytes = needs->scratchBytes;
  candidate->boundNs = estimatedNs(processor, {call.facts.macs, call.facts.macsInt8, needs->bufferBytes});
  return candidate;
}

void HostExecutor::take(int, const BlockCall &call, std::unique_ptr<Candidate>, PlacementRow &row) {
  const HostStep &step = *llvm::cantFail(code.add(call.function, constantOperands(call)));
  std::vector<int> arguments;
  for (const HostStep::Buffer &buffer : step.buffers) {
    if (buffer.kind == HostArray::Derived) {
      arguments.push_back(derived.of(*buffer.constant, call));
    } else if (buffer.kind == HostArray::Argument) {
      arguments.push_back(forms.rowForm(plan.table.of(call.call->getOperand(buffer.argument))));
    } else {
      arguments.push_back(forms.newRowForm(plan.table.of(call.call->getResult(buffer.argument))));
    }
  }
  row.executor = ExecutorId::Host;
  plan.addHostStep(call.facts.node, step, arguments, int(plan.report.rows.size()));
}

std::variant<std::unique_ptr<Candidate>, tensorize::Rejection> HostExecutor::candidate(const Conversion &what) {
  const TensorId id = what.to.tensor;
  const bool isPacked = what.to.form == Form::LaneRows;
  if (what.isOnGpu || what.to.form == Form::OnGpu)
    return tensorize::Rejection{"", tensorize::Rejection::kMoves,
                                "'" + plan.table[id].name + "': the host does not see the GPU's memory"};
  auto candidate = std::make_unique<Candidate>();
  candidate->wanted = {{id, isPacked ? Form::RowMajor : Form::LaneRows}};
  candidate->given = {what.to};
  candidate->boundNs = estimatedNs(processor, {0, 0, plan.table.rowBytes(id) + plan.table.chipBytes(id, lanes)});
  return candidate;
}

int HostExecutor::take(const Conversion &what, std::unique_ptr<Candidate>) {
  const TensorId id = what.to.tensor;
  const TensorInfo &tensor = plan.table[id];
  const bool isPacked = what.to.form == Form::LaneRows;
  const int to = isPacked ? plan.chipBuffer(id) : plan.addTemp(plan.table.rowBytes(id), tensor.name);
  if (plan.table.hasWholeRows(id, lanes)) {
    plan.addCopy(what.from, to, uint64_t(plan.table.rowBytes(id)));
    return to;
  }
  const HostStep &step =
      isPacked ? *llvm::cantFail(code.pack(tensor.shape, lanes, what.beside))
               : *llvm::cantFail(code.unpack(
                     llvm::cast<mlir::RankedTensorType>(tensor.value.getType()).getElementType(), tensor.shape, lanes));
  std::vector<int> arguments;
  for (const HostStep::Buffer &buffer : step.buffers)
    arguments.push_back(buffer.kind == HostArray::Result ? to : what.from);
  plan.addHostStep(std::string(isPacked ? "pack " : "unpack ") + tensor.name, step, arguments, -1);
  return to;
}

llvm::Expected<std::variant<std::vector<RegionCost>, Misfit>> HostExecutor::schedule() {
  CompileReport &report = plan.report;
  report.hostCpu = processor.cpu;
  std::vector<RegionCost> regions;
  for (size_t s = 0; s != plan.steps.size(); ++s) {
    const Step &step = plan.steps[s];
    if (step.segment >= 0 || step.isGpu)
      continue;
    HostWork work;
    for (uint32_t buffer : step.package.arguments)
      work.bytes += int64_t(plan.buffers[buffer].package.size);
    RegionCost region{.executor = id(), .what = nameOf(step), .peakBytes = step.package.sharedBytes};
    region.leastPeakBytes = region.peakBytes;
    PlacementRow *row = step.row >= 0 ? &report.rows[size_t(step.row)] : nullptr;
    if (row) {
      work.macs = row->macs;
      work.macsInt8 = row->macsInt8;
      region.rows = {step.row};
    }
    region.ns = region.boundNs = estimatedNs(processor, work);
    region.bytes = uint64_t(work.bytes);
    if (row) {
      row->hostNs = region.ns;
      row->step = int(s);
    }
    report.hostNs += region.ns;
    report.hostBytes += region.bytes;
    regions.push_back(std::move(region));
  }
  return regions;
}

// What the step does, and to which tensor.
std::string HostExecutor::nameOf(const Step &step) const {
  if (step.package.op != TW_PKG_STEP_COPY)
    return step.package.name;
  for (uint32_t argument : step.package.arguments) {
    const isa::PackageBuffer &buffer = plan.buffers[argument].package;
    const std::string &name = buffer.tensor == TW_PKG_NONE ? buffer.name : plan.tensors[buffer.tensor].name;
    if (!name.empty())
      return "copy " + name;
  }
  return "copy";
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
