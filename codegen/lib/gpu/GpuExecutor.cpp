// SPDX-License-Identifier: Apache-2.0
#include "gpu/GpuExecutor.h"

#include "gpu/Nvvm.h"
#include "tw/ir/Constants.h"
#include "tw/isa/DiagError.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Transforms/Utils/Cloning.h"

namespace tw::codegen {

namespace {

// The images of a package by their targets; the second is the emulator's.
constexpr const char *kEmulated = "emulated";

struct GpuCandidate final : Candidate {
  std::string how;
};

std::vector<uint8_t> ended(std::vector<uint8_t> bytes) {
  bytes.push_back(0);
  return bytes;
}

} // namespace

llvm::Expected<GpuTarget> gpuTargetOf(const GpuOptions &options) {
  auto processor = gpuProcessorOf(options.arch);
  if (!processor)
    return processor.takeError();
  GpuTarget target{std::move(*processor), gpuMachineOf(options.arch)};
  if (options.machine) {
    auto machine = readGpuMachine(*options.machine);
    if (!machine)
      return machine.takeError();
    target.machine = std::move(*machine);
  }
  target.processor.multiprocessors = target.machine.multiprocessors;
  return std::move(target);
}

std::variant<std::unique_ptr<Candidate>, Refusals> GpuExecutor::candidate(const BlockCall &call, const BlockLoops &) {
  auto refuse = [&](std::string kind, std::string text) {
    return Refusals{{id(), {"", std::move(kind), std::move(text)}}};
  };
  auto needs = code.needsOf(call.function, constantOperands(call));
  if (!needs)
    return refuse("body", diagOf(needs.takeError()).str());
  auto candidate = std::make_unique<GpuCandidate>();
  for (TensorId id : copied(call))
    if (const FormOf wanted{plan.table.original(id), Form::OnGpu}; !llvm::is_contained(candidate->wanted, wanted))
      candidate->wanted.push_back(wanted);
  for (mlir::Value result : call.call->getResults())
    candidate->given.push_back({plan.table.of(result), Form::OnGpu});
  candidate->leastBytes = needs->scratchBytes;
  candidate->how = needs->how;
  candidate->boundNs = estimatedNs(target.machine, {call.facts.macs, needs->bufferBytes, needs->launches});
  return candidate;
}

// Operands that code of the block may read: none reads an empty one.
std::vector<TensorId> GpuExecutor::copied(const BlockCall &call) {
  std::vector<TensorId> ids;
  for (mlir::Value operand : call.call->getOperands())
    if (const TensorId id = plan.table.of(operand); !ir::isConstant(operand) && plan.table.rowBytes(id) != 0)
      ids.push_back(id);
  return ids;
}

// Where the buffers of code lie; what it makes is there already.
std::vector<uint32_t> GpuExecutor::argumentsOf(const std::vector<HostStep::Buffer> &buffers, const BlockCall &call) {
  std::vector<uint32_t> arguments;
  for (const HostStep::Buffer &buffer : buffers)
    if (buffer.kind == HostArray::Derived)
      arguments.push_back(uint32_t(derived.of(*buffer.constant, call)));
    else if (buffer.kind == HostArray::Argument)
      arguments.push_back(uint32_t(forms.gpuForm(plan.table.of(call.call->getOperand(buffer.argument)))));
    else
      arguments.push_back(uint32_t(forms.gpuForm(plan.table.of(call.call->getResult(buffer.argument)))));
  return arguments;
}

void GpuExecutor::take(int, const BlockCall &call, std::unique_ptr<Candidate> candidate, PlacementRow &row) {
  const GpuStep &its = *llvm::cantFail(code.add(call.function, constantOperands(call)));
  for (TensorId id : copied(call)) // before the step, those for its host code, too
    forms.gpuForm(id);
  for (mlir::Value result : call.call->getResults())
    forms.newGpuForm(plan.table.of(result));
  Step step;
  step.row = int(plan.report.rows.size());
  step.isGpu = true;
  std::vector<uint32_t> arguments = argumentsOf(its.buffers, call);
  const auto scratch = uint32_t(arguments.size());
  if (its.scratchBytes != 0)
    arguments.push_back(uint32_t(plan.addDevice(int64_t(its.scratchBytes), "")));
  std::vector<isa::PackageLaunch> launches;
  for (const GpuLaunch &launch : its.launches) {
    isa::PackageLaunch &packaged = launches.emplace_back(isa::PackageLaunch{
        launch.kernel, uint32_t(launch.blocks), uint32_t(launch.threads), uint32_t(launch.sharedBytes), {}});
    for (const GpuLaunch::Memory &memory : launch.arguments)
      packaged.pointers.push_back(memory.isScratch ? isa::PackageLaunch::Pointer{scratch, memory.place}
                                                   : isa::PackageLaunch::Pointer{uint32_t(memory.place), 0});
  }
  step.package = isa::runGpuCode(std::move(launches), std::move(arguments));
  step.package.name = call.facts.node;
  plan.steps.push_back(std::move(step));
  ++plan.report.gpuSteps;
  row.executor = ExecutorId::Gpu;
  row.how = static_cast<GpuCandidate &>(*candidate).how;
  if (!options.keepsHostCode)
    return;
  const HostStep &instead = *llvm::cantFail(host.add(call.function, constantOperands(call)));
  Step other;
  other.isGpu = true;
  other.package = isa::runHostCode(instead.phases, argumentsOf(instead.buffers, call));
  other.package.op = TW_PKG_STEP_INSTEAD;
  other.package.name = call.facts.node;
  other.package.sharedBytes = instead.sharedBytes;
  other.package.privateBytes = instead.privateBytes;
  plan.steps.push_back(std::move(other));
}

std::variant<std::unique_ptr<Candidate>, tensorize::Rejection> GpuExecutor::candidate(const Conversion &what) {
  const bool isUp = what.to.form == Form::OnGpu, isDown = what.isOnGpu && what.to.form == Form::RowMajor;
  if (!isUp && !isDown)
    return tensorize::Rejection{"", tensorize::Rejection::kMoves,
                                "'" + plan.table[what.to.tensor].name +
                                    "': a GPU's copies leave the form, and lead to its memory or from there"};
  auto candidate = std::make_unique<Candidate>();
  candidate->wanted = {{what.to.tensor, isUp ? Form::RowMajor : Form::OnGpu}};
  candidate->given = {what.to};
  candidate->boundNs = copyNs(target.machine, uint64_t(plan.table.rowBytes(what.to.tensor)));
  return candidate;
}

int GpuExecutor::take(const Conversion &what, std::unique_ptr<Candidate>) {
  const TensorId id = what.to.tensor;
  const int64_t bytes = plan.table.rowBytes(id);
  const std::string name = plan.table[id].name;
  const int to = what.to.form == Form::OnGpu ? plan.addDevice(bytes, name) : plan.addTemp(bytes, name);
  plan.addCopy(what.from, to, uint64_t(bytes));
  plan.steps.back().package.name = name;
  return to;
}

llvm::Expected<std::variant<std::vector<RegionCost>, Misfit>> GpuExecutor::schedule() {
  CompileReport &report = plan.report;
  report.gpuMachine = textOf(target.machine);
  std::vector<RegionCost> regions;
  for (size_t s = 0; s != plan.steps.size(); ++s) {
    const Step &step = plan.steps[s];
    if (!step.isGpu || step.package.op == TW_PKG_STEP_INSTEAD)
      continue;
    RegionCost region{.executor = id(), .what = step.package.name};
    if (step.package.op == TW_PKG_STEP_COPY) {
      region.what = (step.package.toSpace != 0 ? "to GPU " : "from GPU ") + region.what;
      region.bytes = step.package.bytes;
      region.ns = copyNs(target.machine, region.bytes);
      report.linkBytes += region.bytes;
    } else {
      for (uint32_t buffer : step.package.arguments)
        region.bytes += plan.buffers[buffer].package.size;
      PlacementRow &row = report.rows[size_t(step.row)];
      region.rows = {step.row};
      region.ns = estimatedNs(target.machine, {row.macs, int64_t(region.bytes), int64_t(step.package.launches.size())});
      region.peakBytes = region.leastPeakBytes = row.leastBytes;
      row.gpuNs = region.ns;
      row.step = int(s);
    }
    region.boundNs = region.ns;
    report.gpuNs += region.ns;
    regions.push_back(std::move(region));
  }
  return regions;
}

llvm::Error GpuExecutor::link() {
  if (code.isEmpty())
    return llvm::Error::success();
  llvm::LLVMContext context;
  auto module = code.link(context);
  if (!module)
    return module.takeError();
  std::vector<uint8_t> emulated;
  if (options.isEmulated)
    emulated = bitcodeOf(**module);
  auto ptx = ptxOf(**module, target.processor);
  if (!ptx)
    return ptx.takeError();
  plan.gpuImages.push_back({TW_PKG_GPU, target.processor.chip, ended({ptx->begin(), ptx->end()})});
  if (options.isEmulated)
    plan.gpuImages.push_back({TW_PKG_GPU, kEmulated, ended(std::move(emulated))});
  return llvm::Error::success();
}

} // namespace tw::codegen
