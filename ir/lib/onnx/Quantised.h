// SPDX-License-Identifier: Apache-2.0
// What for: the pieces of operators on quantised tensors: their float32 values, and back. Arguments are input indices.
// Called by: builders.
// Does not: compute with integers: fusion makes that of dequantize - operator - quantize.
#ifndef TW_IR_LIB_ONNX_QUANTISED_H
#define TW_IR_LIB_ONNX_QUANTISED_H

#include "Node.h"

namespace tw::ir::onnx {

// Scale and zero point are one number, a vector along `axis`, or of the tensor's rank and broadcast.
FailureOr<Value> dequantizeInput(Node &node, size_t value, size_t scale, size_t zero, int64_t axis);
// int32 bias at scale factor * inScale * weightScale.
FailureOr<Value> dequantizeBias(Node &node, size_t bias, size_t inScale, size_t weightScale, float factor = 1);
FailureOr<Value> quantizeValue(Node &node, Value input, size_t scale, size_t zero, int64_t axis);

// ONNX DynamicQuantizeLinear: uint8, with scale and zero point of the values that are there. Null values where a
// problem was recorded.
struct DynamicallyQuantized {
  Value integers, scale, zero;
};
DynamicallyQuantized quantizeDynamically(Node &node, Value input);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_QUANTISED_H
