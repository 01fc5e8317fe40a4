// SPDX-License-Identifier: Apache-2.0
// Places in a tensor, which ONNX names by several indices, as one number each: rows of the flattened tensor.
#ifndef TW_IR_LIB_ONNX_PLACES_H
#define TW_IR_LIB_ONNX_PLACES_H

#include "Compose.h"

namespace tw::ir::onnx {

// An input that holds indices: int32 or int64.
FailureOr<Value> indicesOf(Node &node, size_t index);

// The place of element [i, j, ..., index, ...] in the flattened input, where `index` stands in dimension `axis` and the
// others are those of the index itself.
Value placesAlong(Node &node, Value indices, Dims input, int64_t axis);

// Rows of an input whose first dimensions are flattened: the last dimension of the indices names places in as many of
// its dimensions, behind the first `batch`, which both have.
Value rowsOf(Node &node, Value indices, Dims input, int64_t batch);

// Do the indices of GatherElements and ScatterElements lie in the input in all dimensions but `axis`?
bool isInside(Dims indices, Dims input, int64_t axis);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_PLACES_H
