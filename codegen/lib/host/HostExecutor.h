// SPDX-License-Identifier: Apache-2.0
// What for: blocks on the host: each is one step of its code.
// Called by: Choose, the pipeline.
// Does not: write code (HostCode), or decide who runs a block.
#ifndef TW_CODEGEN_LIB_HOST_HOSTEXECUTOR_H
#define TW_CODEGEN_LIB_HOST_HOSTEXECUTOR_H

#include "Executors.h"
#include "Forms.h"
#include "host/DerivedBuffers.h"
#include "host/HostCode.h"

#include <vector>

namespace tw::codegen {

class HostExecutor final : public Executor {
public:
  HostExecutor(Plan &plan, Forms &forms, HostCode &code, const HostProcessor &processor, int lanes)
      : plan(plan), forms(forms), code(code), derived(plan), processor(processor), lanes(lanes) {}

  ExecutorId id() const override { return ExecutorId::Host; }
  std::variant<std::unique_ptr<Candidate>, Refusals> candidate(const BlockCall &call, const BlockLoops &loops) override;
  void take(int block, const BlockCall &call, std::unique_ptr<Candidate> candidate, PlacementRow &row) override;
  /// Of rows in their order and length, copies; else code that gives each row its own place.
  std::variant<std::unique_ptr<Candidate>, tensorize::Rejection> candidate(const Conversion &what) override;
  int take(const Conversion &what, std::unique_ptr<Candidate> candidate) override;
  /// Each step of its own, with the steps that copy; code is tiled when it is added, and always fits.
  llvm::Expected<std::variant<std::vector<RegionCost>, Misfit>> schedule() override;
  llvm::Error emit() override { return llvm::Error::success(); }
  llvm::Error link() override;

private:
  std::string nameOf(const Step &step) const;

  Plan &plan;
  Forms &forms;
  HostCode &code;
  DerivedBuffers derived;
  const HostProcessor &processor;
  int lanes; // of the accelerator whose forms it knows
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_HOSTEXECUTOR_H
