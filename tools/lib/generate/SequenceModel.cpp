// SPDX-License-Identifier: Apache-2.0
#include "SequenceModel.h"

#include "llvm/Support/FormatVariadic.h"

#include <cstring>

namespace tw::tools {

llvm::Expected<SequenceModel> SequenceModel::make(Tensors inputs, const Tensors &outputs, RunModel run,
                                                  const std::string &file) {
  auto ports = findPorts(inputs, outputs, false, file);
  if (!ports)
    return ports.takeError();
  SequenceModel model;
  model.file = file;
  model.ports = *ports;
  model.inputs = std::move(inputs);
  model.run = std::move(run);
  return std::move(model);
}

llvm::Expected<ir::Tensor> SequenceModel::runWith(llvm::ArrayRef<int64_t> ids,
                                                  llvm::function_ref<int64_t(int64_t)> padding) {
  const auto count = int64_t(ids.size());
  for (int64_t i = 0; i != ports.fresh; ++i) {
    inputs[ports.ids].tensor.setInteger(i, i < count ? ids[size_t(i)] : padding(i));
    if (ports.mask)
      inputs[*ports.mask].tensor.setInteger(i, i < count);
    if (ports.positionIds)
      inputs[*ports.positionIds].tensor.setInteger(i, i);
  }
  auto outputs = run(inputs);
  if (!outputs)
    return outputs.takeError();
  return std::move((*outputs)[ports.logits].tensor);
}

llvm::Error SequenceModel::compareRows(const ir::Tensor &a, const ir::Tensor &b, int64_t count) const {
  const int64_t width = ir::byteWidth(a.type), idCount = ports.vocabulary;
  for (int64_t i = 0; i != count * idCount; ++i)
    if (std::memcmp(&a.bytes[size_t(i * width)], &b.bytes[size_t(i * width)], size_t(width)) != 0)
      return errorAt(
          file, llvm::formatv(
                    "at position {0} the logit of id {1} is {2} or {3}, by the ids behind that position: a sequence "
                    "that is padded to {4} positions would give other ids: use a model that looks at earlier ids only",
                    i / idCount, i % idCount, shortNumber(a.numberAt(i)), shortNumber(b.numberAt(i)), ports.fresh));
  return llvm::Error::success();
}

llvm::Expected<std::vector<double>> SequenceModel::logits(llvm::ArrayRef<int64_t> ids) {
  assert(!ids.empty() && int64_t(ids.size()) <= ports.fresh && "the caller knows how many positions there are");
  const auto count = int64_t(ids.size());
  auto now = runWith(ids, [](int64_t) { return 0; });
  if (!now)
    return now.takeError();
  if (lastIds.empty() && count != ports.fresh) {
    // Other ids than before at each position, and not one all over.
    auto other = runWith(ids, [&](int64_t i) { return 1 + i * 7919 % (ports.vocabulary - 1); });
    if (!other)
      return other.takeError();
    if (llvm::Error error = compareRows(*now, *other, count))
      return std::move(error);
  }
  const auto [mine, theirs] = std::mismatch(ids.begin(), ids.end(), lastIds.begin(), lastIds.end());
  if (llvm::Error error = compareRows(lastLogits, *now, mine - ids.begin()))
    return std::move(error);
  auto result = logitsAt(*now, count - 1, count - 1, file);
  if (!result)
    return result.takeError();
  lastIds.assign(ids.begin(), ids.end());
  lastLogits = std::move(*now);
  return std::move(*result);
}

} // namespace tw::tools
