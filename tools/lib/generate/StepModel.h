// SPDX-License-Identifier: Apache-2.0
// What for: the logits behind a list of ids, from a model that reads one id after the other and keeps its past as
// state. Called by: generate. Does not: know what runs the model, or what the state holds.
#ifndef TW_TOOLS_LIB_GENERATE_STEPMODEL_H
#define TW_TOOLS_LIB_GENERATE_STEPMODEL_H

#include "NextLogits.h"

namespace tw::tools {

/// Each run reads ids at the next positions and adds their rows to the state, behind those of the runs before
/// (keepState): the attention_mask hides the rows in front that no run has made. That it does so is looked at, for each
/// entry, before the first id is read: a run at position 0 with an empty state and one with a state that other ids have
/// filled and the mask hides must give the same logits.
class StepModel final : public NextLogits {
public:
  /// Makes the state empty.
  using Reset = std::function<void()>;

  /// An entry of a package, which reads so many ids in a run as its input has.
  struct Entry {
    Tensors inputs, outputs;
    RunModel run;
    int64_t least = 0; // ids that a run may give, in inputs that are as much shorter; 0: no fewer than there are
  };
  /// The entries share their state. One of them must read one id.
  static llvm::Expected<StepModel> make(std::vector<Entry> entries, Reset reset, const std::string &file);

  int64_t positions() const override { return room; }
  int64_t vocabulary() const override { return parts.front().ports.vocabulary; }
  llvm::Expected<std::vector<double>> logits(llvm::ArrayRef<int64_t> ids) override;

private:
  struct Part {
    Entry entry;
    TextPorts ports;
    int64_t room = 0; // its positions
  };
  /// What reads the next ids of so many, and how many.
  std::pair<Part *, int64_t> next(int64_t left);
  /// The logits as they came, for ids from a position on: as many as the part reads, or fewer that it may.
  static llvm::Expected<ir::Tensor> read(Part &part, llvm::ArrayRef<int64_t> ids, int64_t position);
  llvm::Error checkMasks();

  std::string file;
  std::vector<Part> parts; // that read most first
  Reset reset;
  int64_t room = 0, done = 0; // positions that there are; that were read
};

} // namespace tw::tools

#endif // TW_TOOLS_LIB_GENERATE_STEPMODEL_H
