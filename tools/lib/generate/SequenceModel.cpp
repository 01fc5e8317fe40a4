// SPDX-License-Identifier: Apache-2.0
#include "SequenceModel.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <cstring>

namespace tw::tools {
namespace {

bool isIds(const ir::NamedTensor &tensor) {
  return (tensor.tensor.type == ir::ElementType::I64 || tensor.tensor.type == ir::ElementType::I32) &&
         tensor.tensor.rank() == 2 && tensor.tensor.shape[0] == 1;
}

std::string described(const Tensors &tensors) {
  std::string text;
  for (const ir::NamedTensor &tensor : tensors)
    text += (text.empty() ? "" : ", ") + tensor.name + " " + std::string(ir::elementTypeName(tensor.tensor.type)) +
            " " + ir::shapeText(tensor.tensor.shape);
  return text;
}

} // namespace

llvm::Expected<SequenceModel> SequenceModel::make(Tensors inputs, const Tensors &outputs, RunModel run,
                                                  const std::string &file) {
  SequenceModel model;
  model.file = file;
  model.run = std::move(run);
  std::vector<size_t> ids;
  for (size_t i = 0; i != inputs.size(); ++i) {
    const std::string &name = inputs[i].name;
    if (name == "attention_mask")
      model.maskInput = i;
    else if (name == "position_ids")
      model.positionInput = i;
    else
      ids.push_back(i);
  }
  const bool fits = ids.size() == 1 && isIds(inputs[ids[0]]) && llvm::all_of(inputs, [&](const ir::NamedTensor &input) {
                      return input.tensor.shape == inputs[ids[0]].tensor.shape && isIds(input);
                    });
  if (!fits)
    return llvm::createStringError(
        file +
        ": generate needs ids, int64 or int32 of 1 x positions, and takes an attention_mask and position_ids of "
        "the same shape beside them: the inputs are " +
        described(inputs));
  model.idsInput = ids[0];
  model.length = inputs[ids[0]].tensor.shape[1];
  std::vector<size_t> logits;
  for (size_t i = 0; i != outputs.size(); ++i) {
    const ir::Tensor &tensor = outputs[i].tensor;
    if (tensor.rank() == 3 && tensor.shape[0] == 1 && tensor.shape[1] == model.length && tensor.shape[2] > 1 &&
        tensor.type != ir::ElementType::Bool)
      logits.push_back(i);
  }
  if (logits.size() > 1)
    llvm::erase_if(logits, [&](size_t i) { return outputs[i].name != "logits"; });
  if (logits.size() != 1)
    return llvm::createStringError(
        llvm::formatv("{0}: generate needs logits of 1 x {1} x vocabulary, named logits if there are several such "
                      "outputs: the outputs are {2}",
                      file, model.length, described(outputs))
            .str());
  model.logitsOutput = logits[0];
  model.idCount = outputs[logits[0]].tensor.shape[2];
  model.inputs = std::move(inputs);
  return std::move(model);
}

llvm::Expected<ir::Tensor> SequenceModel::runWith(llvm::ArrayRef<int64_t> ids,
                                                  llvm::function_ref<int64_t(int64_t)> padding) {
  const auto count = int64_t(ids.size());
  for (int64_t i = 0; i != length; ++i) {
    inputs[idsInput].tensor.setInteger(i, i < count ? ids[size_t(i)] : padding(i));
    if (maskInput)
      inputs[*maskInput].tensor.setInteger(i, i < count);
    if (positionInput)
      inputs[*positionInput].tensor.setInteger(i, i);
  }
  auto outputs = run(inputs);
  if (!outputs)
    return outputs.takeError();
  return std::move((*outputs)[logitsOutput].tensor);
}

llvm::Error SequenceModel::compareRows(const ir::Tensor &a, const ir::Tensor &b, int64_t count) const {
  const int64_t width = ir::byteWidth(a.type);
  for (int64_t i = 0; i != count * idCount; ++i)
    if (std::memcmp(&a.bytes[size_t(i * width)], &b.bytes[size_t(i * width)], size_t(width)) != 0)
      return llvm::createStringError(
          llvm::formatv("{0}: at position {1} the logit of id {2} is {3} or {4}, by the ids behind that position: a "
                        "sequence that is padded to {5} positions would give other ids: use a model that looks at "
                        "earlier ids only",
                        file, i / idCount, i % idCount, shortNumber(a.numberAt(i)), shortNumber(b.numberAt(i)), length)
              .str());
  return llvm::Error::success();
}

llvm::Expected<std::vector<double>> SequenceModel::logits(llvm::ArrayRef<int64_t> ids) {
  assert(!ids.empty() && int64_t(ids.size()) <= length && "the caller knows how many positions there are");
  const auto count = int64_t(ids.size());
  auto now = runWith(ids, [](int64_t) { return 0; });
  if (!now)
    return now.takeError();
  if (lastIds.empty() && count != length) {
    // Other ids than before at each position, and not one all over.
    auto other = runWith(ids, [&](int64_t i) { return 1 + i * 7919 % (idCount - 1); });
    if (!other)
      return other.takeError();
    if (llvm::Error error = compareRows(*now, *other, count))
      return std::move(error);
  }
  const auto [mine, theirs] = std::mismatch(ids.begin(), ids.end(), lastIds.begin(), lastIds.end());
  if (llvm::Error error = compareRows(lastLogits, *now, mine - ids.begin()))
    return std::move(error);
  std::vector<double> result;
  for (int64_t id = 0; id != idCount; ++id) {
    result.push_back(now->numberAt((count - 1) * idCount + id));
    if (std::isnan(result.back()))
      return llvm::createStringError(llvm::formatv("{0}: at position {1} the logit of id {2} is not a number: look for "
                                                   "the layer in which they begin: verify --layers",
                                                   file, count - 1, id)
                                         .str());
  }
  lastIds.assign(ids.begin(), ids.end());
  lastLogits = std::move(*now);
  return result;
}

} // namespace tw::tools
