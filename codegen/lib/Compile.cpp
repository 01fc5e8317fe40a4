// SPDX-License-Identifier: Apache-2.0
// The pipeline: fuse and outline, lower blocks to loops, give each to an executor, emit, write the package.
#include "tw/codegen/Entries.h"
#include "tw/ir/DiagCollector.h"

#include "Arena.h"
#include "Choose.h"
#include "Timeline.h"
#include "gpu/GpuExecutor.h"
#include "host/HostExecutor.h"
#include "host/Processor.h"
#include "npu/NpuExecutor.h"
#include "tw/ir/Constants.h"
#include "tw/ir/Interpreter.h"
#include "tw/ir/Passes.h"
#include "tw/ir/State.h"
#include "tw/isa/DiagError.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace tw::codegen {
namespace {

void dump(const CompileOptions &options, std::string_view stage, mlir::ModuleOp module) {
  if (!options.dump)
    return;
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, mlir::OpPrintingFlags().elideLargeElementsAttrs(16).elideLargeResourceString(16));
  options.dump(stage, text);
}

llvm::Error fuse(mlir::ModuleOp module, const CompileOptions &options, std::vector<ir::PassCount> &counts) {
  ir::DiagCollector said(*module.getContext());
  mlir::PassManager manager(module.getContext());
  ir::countPasses(manager, counts);
  ir::GraphPipelineOptions pipeline;
  pipeline.fuseResidual = options.fuseResidual;
  ir::buildGraphPipeline(manager, pipeline);
  if (mlir::failed(manager.run(module)))
    return errorOf({"", "the graph could not be fused (a defect of the compiler)", said.take()});
  return llvm::Error::success();
}

/// The dimensions that arguments bind, in the order of the steps that do it.
std::vector<isa::PackageDim> dimsOf(llvm::ArrayRef<mlir::func::FuncOp> mains) {
  std::vector<isa::PackageDim> dims;
  for (mlir::func::FuncOp main : mains)
    for (unsigned i = 0; i != main.getNumArguments(); ++i)
      if (auto bounds = main.getArgAttrOfType<mlir::DenseI64ArrayAttr>(i, ir::kBounds))
        dims.push_back({ir::argumentName(main, i), bounds[0], bounds[1]});
  return dims;
}

// Dimensions and inputs that the importer was told.
std::vector<std::pair<std::string, std::string>> fixedBy(mlir::ModuleOp module) {
  std::vector<std::pair<std::string, std::string>> fixed;
  if (auto dims = module->getAttrOfType<mlir::DictionaryAttr>("tw.dims"))
    for (mlir::NamedAttribute dim : dims)
      fixed.emplace_back(dim.getName().str(), std::to_string(mlir::cast<mlir::IntegerAttr>(dim.getValue()).getInt()));
  if (auto constants = module->getAttrOfType<mlir::DictionaryAttr>("tw.constants"))
    for (mlir::NamedAttribute constant : constants)
      fixed.emplace_back(constant.getName().str(), mlir::cast<mlir::StringAttr>(constant.getValue()).str());
  return fixed;
}

const EntryDim &dimOf(const EntryGraph &graph, llvm::StringRef name) {
  return *llvm::find_if(graph.dims, [&](const EntryDim &dim) { return dim.name == name; });
}

/// The number of a dimension of an entry, from 1. Equal ones of entries are one; the first `bound` are those that steps
/// bind.
size_t numberOf(const EntryGraph &graph, const EntryDim &dim, size_t bound, std::vector<isa::PackageDim> &dims) {
  const size_t follows =
      dim.follows.empty() ? 0 : numberOf(graph, dimOf(graph, dim.follows), bound, dims); // that one first
  for (size_t i = bound; i != dims.size(); ++i)
    if (dims[i].name == dim.name && dims[i].least == dim.least && dims[i].most == dim.most &&
        dims[i].follows == follows)
      return i + 1;
  dims.push_back({dim.name, dim.least, dim.most, uint32_t(follows)});
  return dims.size();
}

/// Writes to the tensors of an entry which sizes a run may have.
llvm::Error bindDims(const isa::PackageEntry &entry, const EntryGraph &graph, size_t bound, isa::Package &package) {
  std::vector<uint32_t> buffers = entry.inputs;
  llvm::append_range(buffers, entry.outputs);
  for (const EntryDim &dim : graph.dims)
    for (uint32_t buffer : buffers) {
      isa::PackageTensor &tensor = package.tensors[package.buffers[buffer].tensor];
      for (const auto &[name, axis] : dim.axes) {
        if (tensor.name != name)
          continue;
        const size_t number = numberOf(graph, dim, bound, package.dims);
        if (number > std::numeric_limits<uint8_t>::max())
          return errorAt("dimension '" + dim.name + "' of entry '" + graph.name + "'",
                         "is number " + llvm::Twine(number) + " of the package, which names " +
                             llvm::Twine(int(std::numeric_limits<uint8_t>::max())) + " at most: give fewer values");
        tensor.dims.resize(tensor.shape.size());
        tensor.dims[axis] = uint8_t(number);
      }
    }
  if (graph.shown)
    for (uint32_t buffer : entry.inputs)
      if (isa::PackageTensor &tensor = package.tensors[package.buffers[buffer].tensor];
          tensor.name == graph.shown->mask)
        tensor.shown = uint32_t(graph.shown->place) + 1;
  return llvm::Error::success();
}

// What a caller sees has its shape written in the package.
llvm::Error checkRank(mlir::Value value, llvm::StringRef kind, const std::string &name) {
  const size_t rank = ir::shapeOf(value).size();
  if (rank <= TW_PKG_MAX_RANK)
    return llvm::Error::success();
  return errorAt("", kind + " '" + name + "' has " + llvm::Twine(rank) + " dimensions, a package holds " +
                         llvm::Twine(TW_PKG_MAX_RANK) + ": reshape it in the model");
}

llvm::Error checkRanks(mlir::func::FuncOp main) {
  llvm::Error error = llvm::Error::success();
  for (mlir::BlockArgument argument : main.getArguments())
    error = llvm::joinErrors(std::move(error),
                             checkRank(argument, "input", ir::argumentName(main, argument.getArgNumber())));
  for (auto [i, value] : llvm::enumerate(main.front().getTerminator()->getOperands()))
    error = llvm::joinErrors(std::move(error), checkRank(value, "output", ir::resultName(main, unsigned(i))));
  return error;
}

/// What was attempted is given away.
llvm::Expected<Compiled> pack(Attempt &attempt, llvm::ArrayRef<EntryGraph> graphs,
                              llvm::ArrayRef<mlir::func::FuncOp> mains, const HostProcessor &processor,
                              const isa::HwConfig &config) {
  Plan &plan = attempt.plan;
  Compiled compiled;
  isa::Package &package = compiled.package;
  package.config = config;
  for (size_t tag = 0; tag != plan.tagNames.size(); ++tag)
    plan.program.tags[uint16_t(tag)] = plan.tagNames[tag];
  package.program = std::move(plan.program);
  plan.constants.resize(size_t(roundUp(int64_t(plan.constants.size()), kAlign)));
  package.constants = std::move(plan.constants);
  package.fixed = plan.report.fixed;
  package.tensors = std::move(plan.tensors);
  package.dims = dimsOf(mains);
  const size_t bound = package.dims.size();
  for (Buffer &buffer : plan.buffers) {
    if (buffer.package.kind == TW_PKG_STATE)
      package.stateBytes = std::max(package.stateBytes, buffer.package.offset + buffer.package.size);
    package.buffers.push_back(std::move(buffer.package));
  }
  for (auto [entry, graph] : llvm::zip_equal(attempt.entries, graphs)) {
    entry.name = graph.name;
    if (auto error = bindDims(entry, graph, bound, package))
      return std::move(error);
    for (Step &step : llvm::MutableArrayRef(plan.steps).slice(entry.firstStep, entry.stepCount))
      if (step.package.op == TW_PKG_STEP_SIZE)
        step.package.target = uint32_t(numberOf(graph, dimOf(graph, step.dim), bound, package.dims)) - 1;
    package.entries.push_back(std::move(entry));
  }
  for (Step &step : plan.steps)
    package.steps.push_back(std::move(step.package));
  package.arenaBytes = plan.report.arenaBytes;
  package.counts = std::move(plan.stepCounts);
  package.others = std::move(plan.gpuImages);
  package.gpuBytes = plan.report.gpuBytes;
  if (!plan.hostObject.empty()) {
    package.hostCode = std::move(plan.hostObject);
    package.hostTarget = targetOf(processor);
    package.hostFeatures = featuresOf(processor);
  }
  plan.report.constantBytes = package.constants.size();
  for (auto [graph, main] : llvm::zip_equal(graphs, mains)) {
    plan.report.dims.push_back(graph.dims);
    plan.report.hostOnly.push_back(graph.hostOnly);
    auto positions = main->getAttrOfType<mlir::IntegerAttr>(ir::kPositions);
    plan.report.positions.push_back(positions ? positions.getInt() : 0);
  }
  compiled.report = std::move(plan.report);
  compiled.schedule = std::move(plan.scheduleText);
  return std::move(compiled);
}

/// Cycles of the report's rows and of the package's steps, by the jobs that `measure` ran.
llvm::Error measure(Compiled &compiled, const CompileOptions &options) {
  auto jobs = options.measure(compiled.package);
  if (!jobs)
    return jobs.takeError();
  assert(jobs->size() == compiled.package.counts.size() && "each NPU step is a job and has its counts");
  CompileReport &report = compiled.report;
  auto region = report.regions.begin();
  for (size_t i = 0; i != jobs->size(); ++i) {
    const JobTime &job = (*jobs)[i];
    region = std::ranges::find(region, report.regions.end(), ExecutorId::Npu, &RegionCost::executor);
    region++->cycles = job.cycles;
    compiled.package.counts[i].cycles = job.cycles;
    report.cycles += job.cycles;
    for (const JobTime::Share &share : job.shares) {
      auto row = std::ranges::find_if(report.rows, [&](const PlacementRow &placed) {
        return placed.executor == ExecutorId::Npu && placed.tag == share.tag;
      });
      assert(row != report.rows.end() && "every tag of the program is a row's");
      row->cycles = share.cycles;
      row->boundBy = share.boundBy;
    }
  }
  return llvm::Error::success();
}

} // namespace

llvm::Expected<Compiled> compile(mlir::ModuleOp module, const CompileOptions &options) {
  return compileEntries({{"main", module}}, options);
}

llvm::Expected<Compiled> compileEntries(llvm::ArrayRef<EntryGraph> graphs, const CompileOptions &options) {
  std::vector<mlir::ModuleOp> modules;
  std::vector<std::pair<std::string, std::string>> fixed;
  std::vector<ir::PassCount> passes;
  for (const EntryGraph &graph : graphs) {
    modules.push_back(graph.module);
    dump(options, "imported", graph.module);
    for (auto &its : fixedBy(graph.module))
      if (!llvm::is_contained(fixed, its)) // entries have most of it in common
        fixed.push_back(std::move(its));
    if (auto error = checkRanks(modules.back().lookupSymbol<mlir::func::FuncOp>("main")))
      return std::move(error);
    if (auto error = fuse(graph.module, options, passes))
      return std::move(error);
    dump(options, "blocks", graph.module);
    if (options.fused)
      options.fused(graph.module);
  }
  const Blocks blocks(modules);
  for (mlir::ModuleOp module : modules)
    dump(options, "loops", module);

  const tensorize::Target target = tensorize::makeTwTarget(options.config);
  auto processor = processorOf(options.hostCpu);
  if (!processor)
    return processor.takeError();
  std::optional<GpuTarget> gpu;
  if (llvm::is_contained(options.executors, ExecutorId::Gpu)) {
    auto target = gpuTargetOf(options.gpu);
    if (!target)
      return target.takeError();
    gpu = std::move(*target);
  }
  auto strikes = strikesByHand(blocks, graphs, options);
  if (!strikes)
    return strikes.takeError();
  auto chosen = choose(blocks, std::move(*strikes), [&] {
    auto attempt = std::make_unique<Attempt>();
    attempt->objective = options.objective;
    attempt->plan.report.executors = options.executors;
    attempt->plan.report.fixed = fixed;
    attempt->plan.report.passes = passes;
    for (auto [e, graph] : llvm::enumerate(graphs))
      if (!graph.hostOnly.empty())
        attempt->uncounted.push_back(e);
    attempt->code = std::make_unique<HostCode>(modules.front().getContext(), *processor);
    attempt->forms = std::make_unique<Forms>(attempt->plan, attempt->executors, target.lanes);
    for (ExecutorId id : options.executors)
      switch (id) {
      case ExecutorId::Npu:
        attempt->executors.push_back(std::make_unique<NpuExecutor>(attempt->plan, *attempt->forms, target, options));
        break;
      case ExecutorId::Host:
        attempt->executors.push_back(
            std::make_unique<HostExecutor>(attempt->plan, *attempt->forms, *attempt->code, *processor, target.lanes));
        break;
      case ExecutorId::Gpu:
        attempt->executors.push_back(std::make_unique<GpuExecutor>(modules.front().getContext(), attempt->plan,
                                                                   *attempt->forms, *attempt->code, *gpu, options.gpu));
        break;
      }
    return attempt;
  });
  if (!chosen)
    return chosen.takeError();
  Attempt &attempt = **chosen;
  if (options.scheduleOnly)
    return Compiled{.package = {}, .report = std::move(attempt.plan.report), .schedule = {}};

  for (auto &executor : attempt.executors)
    if (auto error = executor->emit())
      return std::move(error);
  layOutArena(attempt.plan);
  if (options.dump) {
    options.dump("schedule", attempt.plan.scheduleText);
    options.dump("host", attempt.code->text());
    for (auto &executor : attempt.executors)
      if (executor->id() == ExecutorId::Gpu)
        options.dump("gpu", static_cast<GpuExecutor &>(*executor).text());
  }
  for (auto &executor : attempt.executors)
    if (auto error = executor->link())
      return std::move(error);
  auto compiled = pack(attempt, graphs, blocks.entries(), *processor, options.config);
  if (!compiled)
    return compiled.takeError();
  if (options.measure)
    if (auto error = measure(*compiled, options))
      return std::move(error);
  compiled->report.timeline = timelineOf(compiled->package, compiled->report);
  return compiled;
}

} // namespace tw::codegen
