// SPDX-License-Identifier: Apache-2.0
#include "NextLogits.h"

#include "tw/ir/State.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

namespace tw::tools {
namespace {

bool isIntegers(const ir::Tensor &tensor) {
  return tensor.type == ir::ElementType::I64 || tensor.type == ir::ElementType::I32;
}

std::string described(const Tensors &tensors) {
  std::string text;
  for (const ir::NamedTensor &tensor : tensors)
    text += (text.empty() ? "" : ", ") + tensor.name + " " + std::string(ir::elementTypeName(tensor.tensor.type)) +
            " " + ir::shapeText(tensor.tensor.shape);
  return text;
}

} // namespace

llvm::Expected<TextPorts> findPorts(const Tensors &inputs, const Tensors &outputs, bool hasState,
                                    const std::string &file) {
  TextPorts ports;
  std::vector<size_t> ids;
  bool fits = true;
  for (size_t i = 0; i != inputs.size(); ++i) {
    const ir::NamedTensor &input = inputs[i];
    const bool isPosition = hasState && input.name == ir::kPosition;
    if (input.name == "attention_mask")
      ports.mask = i;
    else if (input.name == "position_ids")
      ports.positionIds = i;
    else if (isPosition)
      ports.position = i;
    else
      ids.push_back(i);
    fits &= isIntegers(input.tensor) && (isPosition || (input.tensor.rank() == 2 && input.tensor.shape[0] == 1));
  }
  fits &= ids.size() == 1;
  if (fits) {
    ports.ids = ids[0];
    ports.fresh = inputs[ids[0]].tensor.shape[1];
    fits = (!ports.positionIds || inputs[*ports.positionIds].tensor.shape[1] == ports.fresh) &&
           (!ports.mask || hasState || inputs[*ports.mask].tensor.shape[1] == ports.fresh);
  }
  if (!fits)
    return errorAt(file, "generate needs ids, int64 or int32 of 1 x positions, and takes an attention_mask and "
                         "position_ids of the same shape beside them: the inputs are " +
                             described(inputs));
  std::vector<size_t> logits;
  for (size_t i = 0; i != outputs.size(); ++i) {
    const ir::Tensor &tensor = outputs[i].tensor;
    if (tensor.rank() == 3 && tensor.shape[0] == 1 && tensor.shape[1] == ports.fresh && tensor.shape[2] > 1 &&
        tensor.type != ir::ElementType::Bool)
      logits.push_back(i);
  }
  if (logits.size() > 1)
    llvm::erase_if(logits, [&](size_t i) { return outputs[i].name != "logits"; });
  if (logits.size() != 1)
    return errorAt(file, llvm::formatv("generate needs logits of 1 x {0} x vocabulary, named logits if there are "
                                       "several such outputs: the outputs are {1}",
                                       ports.fresh, described(outputs)));
  ports.logits = logits[0];
  ports.vocabulary = outputs[logits[0]].tensor.shape[2];
  return ports;
}

llvm::Expected<std::vector<double>> logitsAt(const ir::Tensor &logits, int64_t row, int64_t position,
                                             const std::string &file) {
  std::vector<double> result;
  const int64_t count = logits.shape.back();
  for (int64_t id = 0; id != count; ++id) {
    result.push_back(logits.numberAt(row * count + id));
    if (std::isnan(result.back()))
      return errorAt(file, llvm::formatv("at position {0} the logit of id {1} is not a number: look for the layer in "
                                         "which they begin: verify --layers",
                                         position, id));
  }
  return result;
}

} // namespace tw::tools
