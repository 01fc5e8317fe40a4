// SPDX-License-Identifier: Apache-2.0
// The pipeline: fuse and outline, lower blocks to loops, place each, make the streams, write the package.
#include "tw/codegen/Compile.h"

#include "Place.h"
#include "Streams.h"
#include "host/Processor.h"
#include "tw/ir/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cassert>

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

llvm::Error fuse(mlir::ModuleOp module, const CompileOptions &options) {
  mlir::PassManager manager(module.getContext());
  ir::GraphPipelineOptions pipeline;
  pipeline.fuseResidual = options.fuseResidual;
  ir::buildGraphPipeline(manager, pipeline);
  if (mlir::failed(manager.run(module)))
    return llvm::createStringError("the graph could not be fused: see the errors above");
  return llvm::Error::success();
}

llvm::Expected<Compiled> pack(Plan plan, HostCode &host, const HostProcessor &processor, const isa::HwConfig &config) {
  Compiled compiled;
  isa::Package &package = compiled.package;
  package.config = config;
  for (size_t tag = 0; tag != plan.tagNames.size(); ++tag)
    plan.program.tags[uint16_t(tag)] = plan.tagNames[tag];
  package.program = std::move(plan.program);
  plan.constants.resize(size_t(roundUp(int64_t(plan.constants.size()), kAlign)));
  package.constants = std::move(plan.constants);
  package.tensors = std::move(plan.tensors);
  for (Buffer &buffer : plan.buffers)
    package.buffers.push_back(std::move(buffer.package));
  for (Step &step : plan.steps)
    package.steps.push_back(std::move(step.package));
  plan.entry.name = "main";
  plan.entry.stepCount = uint32_t(package.steps.size());
  package.entries.push_back(std::move(plan.entry));
  package.arenaBytes = plan.report.arenaBytes;
  package.counts = std::move(plan.stepCounts);
  if (!host.isEmpty()) {
    auto object = host.link();
    if (!object)
      return object.takeError();
    package.hostCode = std::move(*object);
    package.hostTarget = targetOf(processor);
    package.hostFeatures = featuresOf(processor);
  }
  plan.report.constantBytes = package.constants.size();
  compiled.report = std::move(plan.report);
  compiled.schedule = std::move(plan.scheduleText);
  return compiled;
}

/// Cycles of the report's rows and of the package's steps, by the jobs that `measure` ran.
llvm::Error measure(Compiled &compiled, const CompileOptions &options) {
  auto jobs = options.measure(compiled.package);
  if (!jobs)
    return jobs.takeError();
  assert(jobs->size() == compiled.package.counts.size() && "each NPU step is a job and has its counts");
  CompileReport &report = compiled.report;
  for (size_t i = 0; i != jobs->size(); ++i) {
    const JobTime &job = (*jobs)[i];
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
  dump(options, "imported", module);
  if (auto error = fuse(module, options))
    return std::move(error);
  dump(options, "blocks", module);
  Blocks blocks(module);
  dump(options, "loops", blocks.loops());

  const tensorize::Target target = tensorize::makeTwTarget(options.config);
  auto processor = processorOf(options.hostCpu);
  if (!processor)
    return processor.takeError();
  HostCode host(module.getContext(), *processor);
  Plan plan;
  plan.report.executors = options.executors;
  Forms forms(plan, host, target.lanes);
  Placer placer(plan, forms, host, blocks, target);
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  forms.bindArguments(main);
  llvm::Error refused = llvm::Error::success();
  for (const BlockCall &call : blocks.calls())
    refused = llvm::joinErrors(std::move(refused), placer.place(call));
  if (refused)
    return std::move(refused);
  if (options.placeOnly)
    return Compiled{.package = {}, .report = std::move(plan.report), .schedule = {}};
  plan.closeSegment();
  forms.bindResults(main);

  if (auto error = makeStreams(plan, target, options))
    return std::move(error);
  if (options.dump) {
    options.dump("schedule", plan.scheduleText);
    options.dump("host", host.text());
  }
  auto compiled = pack(std::move(plan), host, *processor, options.config);
  if (compiled && options.measure)
    if (auto error = measure(*compiled, options))
      return std::move(error);
  return compiled;
}

} // namespace tw::codegen
