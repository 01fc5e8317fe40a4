// SPDX-License-Identifier: Apache-2.0
#include "SequenceBuckets.h"

#include "llvm/Support/FormatVariadic.h"

namespace tw::tools {

llvm::Expected<SequenceBuckets> SequenceBuckets::make(std::vector<SequenceModel> models, const std::string &file) {
  SequenceBuckets buckets;
  buckets.models = std::move(models);
  llvm::stable_sort(buckets.models,
                    [](const SequenceModel &a, const SequenceModel &b) { return a.positions() < b.positions(); });
  for (const SequenceModel &model : buckets.models)
    if (model.vocabulary() != buckets.vocabulary())
      return errorAt(
          file,
          llvm::formatv("the entry of {0} positions has {1} logits, that of {2} has {3}: they are of different models",
                        model.positions(), model.vocabulary(), buckets.positions(), buckets.vocabulary()));
  return std::move(buckets);
}

llvm::Expected<std::vector<double>> SequenceBuckets::logits(llvm::ArrayRef<int64_t> ids) {
  auto holds = [&](const SequenceModel &model) { return model.positions() >= int64_t(ids.size()); };
  return llvm::find_if(models, holds)->logits(ids);
}

} // namespace tw::tools
