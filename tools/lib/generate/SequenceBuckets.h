// SPDX-License-Identifier: Apache-2.0
// What for: a model of whole sequences that was compiled for several lengths: the shortest that holds the ids is run.
// Called by: generate.
// Does not: believe that ids may be padded: each SequenceModel looks.
#ifndef TW_TOOLS_LIB_GENERATE_SEQUENCEBUCKETS_H
#define TW_TOOLS_LIB_GENERATE_SEQUENCEBUCKETS_H

#include "SequenceModel.h"

namespace tw::tools {

class SequenceBuckets final : public NextLogits {
public:
  /// At least one. An error if they differ in more than their length.
  static llvm::Expected<SequenceBuckets> make(std::vector<SequenceModel> models, const std::string &file);

  int64_t positions() const override { return models.back().positions(); }
  int64_t vocabulary() const override { return models.back().vocabulary(); }
  llvm::Expected<std::vector<double>> logits(llvm::ArrayRef<int64_t> ids) override;

private:
  std::vector<SequenceModel> models; // the shortest first
};

} // namespace tw::tools

#endif // TW_TOOLS_LIB_GENERATE_SEQUENCEBUCKETS_H
