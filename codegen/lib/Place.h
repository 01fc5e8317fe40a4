// SPDX-License-Identifier: Apache-2.0
// Placement: each block of @main goes to the accelerator if it has proved mappings and fits on chip, else to the host
// with the reason. Neighbours on the accelerator form a segment.
#ifndef TW_CODEGEN_LIB_PLACE_H
#define TW_CODEGEN_LIB_PLACE_H

#include "Blocks.h"
#include "Forms.h"

#include <variant>

namespace tw::codegen {

class Placer {
public:
  Placer(Plan &plan, Forms &forms, HostCode &host, Blocks &blocks, const tensorize::Target &target)
      : plan(plan), forms(forms), host(host), blocks(blocks), target(target), chains(tensorize::chainsOf(target)) {}

  llvm::Error place(BlockCall call);

private:
  using Rejections = std::vector<tensorize::Rejection>;

  // What a block is tried with: its values by number, and tensors between its parts. Nothing is promised yet.
  struct Trial {
    std::vector<mlir::Value> values;
    std::vector<std::vector<int64_t>> between;
    std::vector<bool> needsOwnForm{}; // per value: the form it has cannot be read
    bool mayFold = true;              // an image of few channels may lie as bytes of its rows
  };

  bool placeOnNpu(BlockCall call, const std::vector<mlir::Operation *> &operators, PlacementRow &row);
  // All of the block in one host step.
  llvm::Error placeOnHost(BlockCall call);

  std::vector<tensorize::Task> fittingTasks(const tensorize::Block &block, Trial &trial, Rejections &rejections) const;
  std::vector<tensorize::Task> tasksFor(const tensorize::Block &block, Trial &trial, Rejections &rejections) const;
  void match(const tensorize::Block &block, tensorize::Task &task, Rejections &rejections) const;
  std::optional<tensorize::Block> foldThin(const tensorize::Block &block, const Trial &trial) const;
  void readKnownForms(tensorize::Block &block, Trial &trial) const;
  std::optional<tensorize::Rejection> tryAlone(const std::vector<tensorize::Task> &tasks, const Trial &trial) const;
  int64_t bytesOf(int number, const Trial &trial) const;
  void commit(BlockCall call, std::vector<tensorize::Task> tasks, const Trial &trial, PlacementRow &row);

  Plan &plan;
  Forms &forms;
  HostCode &host;
  Blocks &blocks;
  const tensorize::Target &target;
  std::vector<tensorize::Chain> chains;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_PLACE_H
