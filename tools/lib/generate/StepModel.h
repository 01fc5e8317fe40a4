// SPDX-License-Identifier: Apache-2.0
// What for: the logits behind a list of ids, from a model that reads one id after the other and keeps its past as
// state. Called by: generate. Does not: know what runs the model, or what the state holds.
#ifndef TW_TOOLS_LIB_GENERATE_STEPMODEL_H
#define TW_TOOLS_LIB_GENERATE_STEPMODEL_H

#include "NextLogits.h"

namespace tw::tools {

/// Each run reads one id at its position and adds a row to the state, behind those of the runs before (keepState): the
/// attention_mask hides the rows in front that no run has made. That it does so is looked at: before the first id is
/// read, its logits are computed with an empty state and with one that other ids have filled and the mask hides.
class StepModel final : public NextLogits {
public:
  /// Makes the state empty.
  using Reset = std::function<llvm::Error()>;

  static llvm::Expected<StepModel> make(Tensors inputs, const Tensors &outputs, RunModel run, Reset reset,
                                        const std::string &file);

  int64_t positions() const override { return room; }
  int64_t vocabulary() const override { return ports.vocabulary; }
  llvm::Expected<std::vector<double>> logits(llvm::ArrayRef<int64_t> ids) override;

private:
  /// The logits as they came, for an id at a position.
  llvm::Expected<ir::Tensor> read(int64_t id, int64_t position);
  llvm::Error checkMask(int64_t id);

  std::string file;
  Tensors inputs;
  TextPorts ports;
  RunModel run;
  Reset reset;
  int64_t room = 0, done = 0; // positions that there are; that were read
  ir::Tensor last;            // logits of the last one
};

} // namespace tw::tools

#endif // TW_TOOLS_LIB_GENERATE_STEPMODEL_H
