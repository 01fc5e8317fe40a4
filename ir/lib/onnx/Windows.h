// SPDX-License-Identifier: Apache-2.0
// Windows over the positions of an image of any number of dimensions, [N, C, D1, D2, ...]: their attributes, and the
// convolution that other operators are made of.
#ifndef TW_IR_LIB_ONNX_WINDOWS_H
#define TW_IR_LIB_ONNX_WINDOWS_H

#include "Compose.h"

namespace tw::ir::onnx {

// auto_pad resolved. `pads` holds those in front of each dimension, then those behind; the rest one for each dimension.
struct SpatialAttributes {
  Shape kernel, strides, pads, dilations;
  size_t rank() const { return kernel.size(); }
  int64_t front(size_t dim) const { return pads[dim]; }
  int64_t &back(size_t dim) { return pads[rank() + dim]; }
  int64_t back(size_t dim) const { return pads[rank() + dim]; }
  int64_t span(size_t dim) const { return (kernel[dim] - 1) * dilations[dim] + 1; }
  // Only dimensions [from, from + count)
  SpatialAttributes dims(size_t from, size_t count) const;
};

// `kernel`: what the weights have, where there are any.
FailureOr<SpatialAttributes> spatialAttributes(Node &node, Dims input, std::optional<Dims> kernel);
// Positions of the window along each dimension; a problem is recorded when there are none.
FailureOr<Shape> windowPositions(Node &node, Dims input, const SpatialAttributes &spatial);

// Convolution of any number of dimensions and any numeric type; weight [O, C/group, K1, K2, ...], bias [O] or null.
FailureOr<Value> createConvolution(Node &node, Value input, Value weight, Value bias, const SpatialAttributes &spatial,
                                   int64_t group);
// What each window holds, any number outside the image: [N, C, taps, positions...].
FailureOr<Value> createWindows(Node &node, Value input, const SpatialAttributes &spatial);
// The sum over each window, zeros outside the image.
FailureOr<Value> createWindowSum(Node &node, Value input, const SpatialAttributes &spatial);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_WINDOWS_H
