// SPDX-License-Identifier: Apache-2.0
// What for: blocks on the accelerator: matched with instructions, whole or cut in parts, where each part fits on chip
// alone. Neighbours form a region: a segment.
// Called by: Choose, the pipeline.
// Does not: decide who runs a block, or write instructions (Streams).
#ifndef TW_CODEGEN_LIB_NPU_NPUEXECUTOR_H
#define TW_CODEGEN_LIB_NPU_NPUEXECUTOR_H

#include "Executors.h"
#include "Forms.h"
#include "npu/ByteMoves.h"
#include "npu/Streams.h"

namespace tw::codegen {

class NpuExecutor final : public Executor {
public:
  NpuExecutor(Plan &plan, Forms &forms, const tensorize::Target &target, const CompileOptions &options)
      : plan(plan), forms(forms), target(target), config(options.config), chains(tensorize::chainsOf(target)),
        streams(plan, target, options) {}

  ExecutorId id() const override { return ExecutorId::Npu; }
  std::variant<std::unique_ptr<Candidate>, Refusals> candidate(const BlockCall &call, const BlockLoops &loops) override;
  void take(int block, const BlockCall &call, std::unique_ptr<Candidate> candidate, PlacementRow &row) override;
  /// A tensor of the caller whose rows are whole: the loads of each reader fetch it from where it lies.
  std::variant<std::unique_ptr<Candidate>, tensorize::Rejection> candidate(const Conversion &what) override;
  int take(const Conversion &what, std::unique_ptr<Candidate> candidate) override;
  llvm::Expected<std::variant<std::vector<RegionCost>, Misfit>> schedule() override { return streams.schedule(); }
  llvm::Error emit() override { return streams.emit(); }
  llvm::Error link() override { return streams.link(); }

private:
  using Tasks = std::vector<tensorize::Task>;
  using Rejections = std::vector<tensorize::Rejection>;

  // What a block is tried with.
  struct Trial {
    const std::string &node;
    const std::vector<TensorId> &tensors; // of the call
    bool mayFold = true;                  // an image of few channels may lie as bytes of its rows
  };

  Tasks fittingTasks(const tensorize::Block &block, Trial trial, uint64_t &leastBytes, Rejections &rejections);
  Tasks tasksFor(const tensorize::Block &block, const Trial &trial, Rejections &rejections);
  void match(const tensorize::Block &block, tensorize::Task &task, Rejections &rejections) const;
  bool multipliesLanesBeside(const tensorize::Mapping &mapping) const;
  std::optional<int8_t> besideResult(const tensorize::Block &block) const;
  std::optional<tensorize::Block> foldThin(const tensorize::Block &block, const Trial &trial);
  void readKnownForms(tensorize::Block &block, const Trial &trial) const;
  void takeMoves(int block, const BlockCall &call, ByteMoves moves, PlacementRow &row);
  void takeSequence(int block, const BlockCall &call, SequencePlan sequence, PlacementRow &row);
  SegmentPlan &beginAlone(int block, TensorId result, PlacementRow &row);
  uint32_t regionOf(int buffer) const;
  std::optional<tensorize::Rejection> tryAlone(const Tasks &tasks, uint64_t &leastBytes) const;

  Plan &plan;
  Forms &forms;
  const tensorize::Target &target;
  const isa::HwConfig &config;
  std::vector<tensorize::Chain> chains;
  Streams streams;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_NPU_NPUEXECUTOR_H
