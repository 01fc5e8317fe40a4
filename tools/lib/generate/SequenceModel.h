// SPDX-License-Identifier: Apache-2.0
// What for: the logits behind a list of ids, from a model that reads whole sequences: ids [1, S] in, [1, S, V] out.
// Called by: generate.
// Does not: know what runs the model.
#ifndef TW_TOOLS_LIB_GENERATE_SEQUENCEMODEL_H
#define TW_TOOLS_LIB_GENERATE_SEQUENCEMODEL_H

#include "NextLogits.h"

namespace tw::tools {

/// The ids are padded to S, which is right only where ids do not change the logits before them. This is looked at, not
/// believed: the first logits are computed with two paddings, and all of each run are compared with those of the run
/// before it, at the positions where both have the same ids up to there.
class SequenceModel final : public NextLogits {
public:
  /// What the model wants and gives, contents ignored. `file` is named in errors.
  static llvm::Expected<SequenceModel> make(Tensors inputs, const Tensors &outputs, RunModel run,
                                            const std::string &file);

  int64_t positions() const override { return ports.fresh; }
  int64_t vocabulary() const override { return ports.vocabulary; }
  llvm::Expected<std::vector<double>> logits(llvm::ArrayRef<int64_t> ids) override;

private:
  /// The logits as they came, ids padded with what `padding` gives for a position.
  llvm::Expected<ir::Tensor> runWith(llvm::ArrayRef<int64_t> ids, llvm::function_ref<int64_t(int64_t)> padding);
  /// An error where the first `count` positions of two runs are not the same bytes.
  llvm::Error compareRows(const ir::Tensor &a, const ir::Tensor &b, int64_t count) const;

  std::string file;
  Tensors inputs;
  TextPorts ports;
  RunModel run;
  std::vector<int64_t> lastIds; // and logits of the last run
  ir::Tensor lastLogits;
};

} // namespace tw::tools

#endif // TW_TOOLS_LIB_GENERATE_SEQUENCEMODEL_H
