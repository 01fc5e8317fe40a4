// SPDX-License-Identifier: Apache-2.0
// What for: blocks on a GPU: each is one step that launches kernels; copies between its memory and the host's.
// Called by: Choose, the pipeline.
// Does not: write kernels (GpuCode), or decide who runs a block.
#ifndef TW_CODEGEN_LIB_GPU_GPUEXECUTOR_H
#define TW_CODEGEN_LIB_GPU_GPUEXECUTOR_H

#include "Executors.h"
#include "Forms.h"
#include "gpu/GpuCode.h"
#include "gpu/GpuMachine.h"
#include "host/DerivedBuffers.h"

namespace tw::codegen {

/// The GPU of the options: what code is made for, and what it is taken to be.
struct GpuTarget {
  GpuProcessor processor;
  GpuMachine machine;
};
llvm::Expected<GpuTarget> gpuTargetOf(const GpuOptions &options);

class GpuExecutor final : public Executor {
public:
  /// `host`: gets the code of what the GPU runs, if the package keeps that.
  GpuExecutor(mlir::MLIRContext *context, Plan &plan, Forms &forms, HostCode &host, const GpuTarget &target,
              const GpuOptions &options)
      : plan(plan), forms(forms), host(host), derived(plan), target(target), options(options),
        code(context, target.processor) {}

  ExecutorId id() const override { return ExecutorId::Gpu; }
  std::variant<std::unique_ptr<Candidate>, Refusals> candidate(const BlockCall &call, const BlockLoops &loops) override;
  void take(int block, const BlockCall &call, std::unique_ptr<Candidate> candidate, PlacementRow &row) override;
  /// Copies between its memory and the host's.
  std::variant<std::unique_ptr<Candidate>, tensorize::Rejection> candidate(const Conversion &what) override;
  int take(const Conversion &what, std::unique_ptr<Candidate> candidate) override;
  /// Each step of its own, with the steps that copy; kernels are mapped when they are added, and always fit.
  llvm::Expected<std::variant<std::vector<RegionCost>, Misfit>> schedule() override;
  llvm::Error emit() override { return llvm::Error::success(); }
  llvm::Error link() override;

  std::string text() const { return code.text(); }

private:
  std::vector<TensorId> copied(const BlockCall &call);
  std::vector<uint32_t> argumentsOf(const std::vector<HostStep::Buffer> &buffers, const BlockCall &call);

  Plan &plan;
  Forms &forms;
  HostCode &host;
  DerivedBuffers derived;
  const GpuTarget &target;
  const GpuOptions &options;
  GpuCode code;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_GPU_GPUEXECUTOR_H
