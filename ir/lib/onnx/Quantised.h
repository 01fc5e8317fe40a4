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

// The float32 product of int8 or uint8 factors, each with its zero point (null: 0) and scale: of the second one number
// or one for each column. A problem is recorded where it is none.
struct QuantisedFactor {
  Value integers, zero, scale;
};
FailureOr<Value> realProduct(Node &node, const QuantisedFactor &a, const QuantisedFactor &b);
// The same of a float32 first factor, quantised by its values.
FailureOr<Value> dynamicProduct(Node &node, Value a, const QuantisedFactor &b);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_QUANTISED_H
