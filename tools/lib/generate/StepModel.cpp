// SPDX-License-Identifier: Apache-2.0
#include "StepModel.h"

#include "llvm/Support/FormatVariadic.h"

namespace tw::tools {

llvm::Expected<StepModel> StepModel::make(Tensors inputs, const Tensors &outputs, RunModel run, Reset reset,
                                          const std::string &file) {
  auto ports = findPorts(inputs, outputs, file);
  if (!ports)
    return ports.takeError();
  assert(ports->position && ports->mask && ports->positionIds && "state has them: keepState");
  if (ports->fresh != 1)
    return llvm::createStringError(llvm::formatv("{0}: reads {1} ids in a run, generate gives one after the other: "
                                                 "compile the model for one (--dim)",
                                                 file, ports->fresh)
                                       .str());
  StepModel model;
  model.file = file;
  model.ports = *ports;
  model.room = inputs[*ports->mask].tensor.shape[1];
  model.inputs = std::move(inputs);
  model.run = std::move(run);
  model.reset = std::move(reset);
  return std::move(model);
}

llvm::Expected<ir::Tensor> StepModel::read(int64_t id, int64_t position) {
  inputs[ports.ids].tensor.setInteger(0, id);
  inputs[*ports.positionIds].tensor.setInteger(0, position);
  inputs[*ports.position].tensor.setInteger(0, position);
  for (int64_t row = 0; row != room; ++row) // the newest is the last
    inputs[*ports.mask].tensor.setInteger(row, row >= room - 1 - position);
  auto outputs = run(inputs);
  if (!outputs)
    return outputs.takeError();
  return std::move((*outputs)[ports.logits].tensor);
}

llvm::Error StepModel::checkMask(int64_t id) {
  constexpr int64_t kOthers = 3;
  auto empty = read(id, 0);
  if (!empty)
    return empty.takeError();
  for (int64_t i = 1; i != std::min(room, 1 + kOthers); ++i)
    if (auto other = read((id + i) % ports.vocabulary, i); !other)
      return other.takeError();
  auto hidden = read(id, 0);
  if (!hidden)
    return hidden.takeError();
  if (empty->bytes != hidden->bytes)
    return llvm::createStringError(file + ": rows of the state that attention_mask hides change the logits: what a run "
                                          "before has left would be read: use a model that obeys its attention_mask");
  return reset();
}

llvm::Expected<std::vector<double>> StepModel::logits(llvm::ArrayRef<int64_t> ids) {
  assert(int64_t(ids.size()) > done && int64_t(ids.size()) <= room && "more ids than before, and no more than fit");
  if (done == 0)
    if (llvm::Error error = checkMask(ids[0]))
      return std::move(error);
  for (; done != int64_t(ids.size()); ++done) {
    auto now = read(ids[size_t(done)], done);
    if (!now)
      return now.takeError();
    last = std::move(*now);
  }
  return logitsAt(last, 0, done - 1, file);
}

} // namespace tw::tools
