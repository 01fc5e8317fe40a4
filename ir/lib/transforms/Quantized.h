// SPDX-License-Identifier: Apache-2.0
// What for: float32 values as what they were dequantised from: integers with scales and zero points.
// Called by: the passes that give operators between dequantise and quantise an integer form.
// Does not: look at operators, or decide what is worth fusing.
#ifndef TW_IR_LIB_TRANSFORMS_QUANTIZED_H
#define TW_IR_LIB_TRANSFORMS_QUANTIZED_H

#include "tw/ir/Constants.h"
#include "tw/ir/Shapes.h"

#include <optional>
#include <vector>

namespace tw::ir {

// An int8 tensor with its scale and zero point, all known at compile time except the tensor.
struct Quantized {
  mlir::Value value, scale, zero;
  bool perTensor() const { return elementCount(shapeOf(scale)) == 1 && elementCount(shapeOf(zero)) == 1; }
  float scaleValue() const { return constantFloats(scale)[0]; }
  int32_t zeroValue() const { return static_cast<int32_t>(constantInts(zero)[0]); }
};

// The DequantizeOp behind a float value. `channelAxis` is where per-channel parameters may lie, none without it.
std::optional<Quantized> dequantized(mlir::Value value, std::optional<int64_t> channelAxis = std::nullopt);

// Zero points that are equal for all channels become one: the usual form of symmetric weights.
void uniteZeros(mlir::OpBuilder &builder, Quantized &weight);

// A constant, dequantised or not, as real numbers; nothing if it is computed from an input.
std::optional<std::vector<double>> realConstant(mlir::Value value);

// Does a tensor of this shape, broadcast as NumPy does it, have one value for each index of the dimension in front of
// `inner` unit ones, whatever the other indices are?
bool isPerChannel(Dims shape, int64_t channels, size_t inner);

} // namespace tw::ir

#endif // TW_IR_LIB_TRANSFORMS_QUANTIZED_H
