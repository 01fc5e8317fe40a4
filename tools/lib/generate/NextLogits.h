// SPDX-License-Identifier: Apache-2.0
// What for: the logits behind a list of ids, whatever kind of model gives them, and where in a model ids and logits
// are. Called by: generate. Does not: know what runs the model; choose the next id.
#ifndef TW_TOOLS_LIB_GENERATE_NEXTLOGITS_H
#define TW_TOOLS_LIB_GENERATE_NEXTLOGITS_H

#include "../Common.h"

#include <functional>

namespace tw::tools {

/// One run of a model: inputs and outputs in its order.
using RunModel = std::function<llvm::Expected<Tensors>(const Tensors &inputs)>;

class NextLogits {
public:
  virtual ~NextLogits() = default;
  virtual int64_t positions() const = 0;  // that ids may have
  virtual int64_t vocabulary() const = 0; // ids are 0 to this - 1
  /// The logits of all ids at the position behind the last one. There are 1 to positions() ids, and those of the call
  /// before come first.
  virtual llvm::Expected<std::vector<double>> logits(llvm::ArrayRef<int64_t> ids) = 0;
};

/// Inputs and outputs by number. Ids are [1, T]; beside them there may be an attention_mask and position_ids [1, T].
/// With state the mask is [1, C], and there is position [1]. Logits are [1, T, V].
struct TextPorts {
  size_t ids = 0, logits = 0;
  std::optional<size_t> mask, positionIds, position;
  int64_t fresh = 0, vocabulary = 0; // T, V
};

/// An error says what is there instead. `file` is named in it.
llvm::Expected<TextPorts> findPorts(const Tensors &inputs, const Tensors &outputs, bool hasState,
                                    const std::string &file);

/// The numbers of row `row` of logits; an error if one is none.
llvm::Expected<std::vector<double>> logitsAt(const ir::Tensor &logits, int64_t row, int64_t position,
                                             const std::string &file);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_GENERATE_NEXTLOGITS_H
