// SPDX-License-Identifier: Apache-2.0
#include "StepModel.h"

#include "llvm/Support/FormatVariadic.h"

namespace tw::tools {

llvm::Expected<StepModel> StepModel::make(std::vector<Entry> entries, Reset reset, const std::string &file) {
  StepModel model;
  model.file = file;
  model.reset = std::move(reset);
  for (Entry &entry : entries) {
    auto ports = findPorts(entry.inputs, entry.outputs, true, file);
    if (!ports)
      return ports.takeError();
    if (!ports->position || !ports->mask || !ports->positionIds)
      return errorAt(file, "has state and no inputs attention_mask, position_ids and position beside it: compile the "
                           "model with --state");
    const int64_t room = entry.inputs[*ports->mask].tensor.shape[1];
    model.parts.push_back({std::move(entry), *ports, room});
    model.room = std::max(model.room, room);
  }
  llvm::stable_sort(model.parts, [](const Part &a, const Part &b) { return a.ports.fresh > b.ports.fresh; });
  const Part &last = model.parts.back();
  const bool isAnyLonger = llvm::any_of(
      model.parts, [&](const Part &part) { return part.room - part.ports.fresh > last.room - last.ports.fresh; });
  if (last.ports.fresh != 1 || isAnyLonger)
    return errorAt(file, llvm::formatv("no entry reads one id with all {0} positions, the one that reads least reads "
                                       "{1} with {2}: compile the model with such an entry (--dim)",
                                       model.room, last.ports.fresh, last.room));
  model.room = last.room;
  for (const Part &part : model.parts)
    if (part.ports.vocabulary != model.vocabulary() || part.room < part.ports.fresh)
      return errorAt(file, llvm::formatv("an entry reads {0} ids with {1} positions and has {2} logits, another has "
                                         "{3}: they are of different models",
                                         part.ports.fresh, part.room, part.ports.vocabulary, model.vocabulary()));
  return std::move(model);
}

llvm::Expected<ir::Tensor> StepModel::read(Part &part, llvm::ArrayRef<int64_t> ids, int64_t position) {
  Tensors inputs = part.entry.inputs;
  const auto count = int64_t(ids.size());
  const int64_t rows = part.room - part.ports.fresh + count;
  const auto shorten = [](ir::Tensor &tensor, int64_t size) {
    ir::Shape shape = tensor.shape;
    shape[1] = size;
    tensor = ir::Tensor(tensor.type, shape);
  };
  shorten(inputs[part.ports.ids].tensor, count);
  shorten(inputs[*part.ports.positionIds].tensor, count);
  shorten(inputs[*part.ports.mask].tensor, rows);
  for (int64_t i = 0; i != count; ++i) {
    inputs[part.ports.ids].tensor.setInteger(i, ids[size_t(i)]);
    inputs[*part.ports.positionIds].tensor.setInteger(i, position + i);
  }
  inputs[*part.ports.position].tensor.setInteger(0, position);
  for (int64_t row = 0; row != rows; ++row) // the newest is the last
    inputs[*part.ports.mask].tensor.setInteger(row, row >= rows - count - position);
  auto outputs = part.entry.run(inputs);
  if (!outputs)
    return outputs.takeError();
  return std::move((*outputs)[part.ports.logits].tensor);
}

llvm::Error StepModel::checkMasks() {
  constexpr int64_t kFills = 4; // runs of other ids, each of which leaves its rows in the state
  for (Part &part : parts) {
    const int64_t count = part.ports.fresh;
    auto ids = [&](int64_t first) {
      std::vector<int64_t> list;
      for (int64_t i = 0; i != count; ++i)
        list.push_back((first + i * 7919) % vocabulary());
      return list;
    };
    auto empty = read(part, ids(0), 0);
    if (!empty)
      return empty.takeError();
    for (int64_t fill = 1; fill <= kFills; ++fill)
      if (auto other = read(part, ids(fill), std::min(fill * count, part.room - count)); !other)
        return other.takeError();
    auto hidden = read(part, ids(0), 0);
    if (!hidden)
      return hidden.takeError();
    if (empty->bytes != hidden->bytes)
      return errorAt(file, "rows of the state that attention_mask hides change the logits: what a run before has left "
                           "would be read: use a model that obeys its attention_mask");
    reset();
  }
  return llvm::Error::success();
}

// All that are left by the smallest part that can, or as many as a part has: the fewest runs, each of which reads all
// weights.
std::pair<StepModel::Part *, int64_t> StepModel::next(int64_t left) {
  for (Part &part : llvm::reverse(parts))
    if (part.ports.fresh >= left && (part.ports.fresh == left || (part.entry.least != 0 && part.entry.least <= left)) &&
        done + part.ports.fresh <= part.room)
      return {&part, left};
  Part &part = *llvm::find_if(parts, [&](const Part &it) { // the last one can always
    return it.ports.fresh <= left && done + it.ports.fresh <= it.room;
  });
  return {&part, part.ports.fresh};
}

llvm::Expected<std::vector<double>> StepModel::logits(llvm::ArrayRef<int64_t> ids) {
  assert(int64_t(ids.size()) > done && int64_t(ids.size()) <= room && "more ids than before, and no more than fit");
  if (done == 0)
    if (llvm::Error error = checkMasks())
      return std::move(error);
  for (;;) {
    const auto [part, count] = next(int64_t(ids.size()) - done);
    auto logits = read(*part, ids.slice(size_t(done), size_t(count)), done);
    if (!logits)
      return logits.takeError();
    done += count;
    if (done == int64_t(ids.size()))
      return logitsAt(*logits, count - 1, done - 1, file);
  }
}

} // namespace tw::tools
