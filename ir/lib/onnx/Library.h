// SPDX-License-Identifier: Apache-2.0
// Operators whose values decide the shape of their result, when no constant gives them: the model's own shape of the
// result is taken (Node::declaredShape), and another one is an error when the model runs.
#ifndef TW_IR_LIB_ONNX_LIBRARY_H
#define TW_IR_LIB_ONNX_LIBRARY_H

#include "Node.h"

namespace tw::ir::onnx {

LogicalResult selectNonZero(Node &node, Dims declared);
// Without an axis of the flattened input.
LogicalResult selectCompressed(Node &node, std::optional<int64_t> axis, Dims declared);
LogicalResult selectUnique(Node &node, std::optional<int64_t> axis, Dims declared);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_LIBRARY_H
