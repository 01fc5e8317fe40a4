// SPDX-License-Identifier: Apache-2.0
// What for: shape rules of the graph operators, on plain numbers, in one place.
// Called by: the importer (to compute result types) and the verifiers (to check them).
// Does not: know MLIR types; a failed rule is a text that names both conflicting values.
#ifndef TW_IR_SHAPES_H
#define TW_IR_SHAPES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <cstdint>

namespace tw::ir {

using Shape = llvm::SmallVector<int64_t, 4>;
using Dims = llvm::ArrayRef<int64_t>;

enum class ChannelPosition { First, Last };

// Geometry of a window over an image: kernel, strides, dilations are [H, W]; pads is [top, left, bottom, right].
struct Window {
  Dims kernel, strides, pads, dilations;
};

// [N, C, H, W] or [N, H, W, C] with weight [O, C/group, KH, KW] or [O, KH, KW, C/group].
llvm::Expected<Shape> convShape(Dims input, Dims weight, Window window, int64_t group, ChannelPosition position);
llvm::Expected<Shape> poolShape(Dims input, Window window, ChannelPosition position);
llvm::Expected<Shape> gemmShape(Dims a, Dims b, bool transA, bool transB);
llvm::Expected<Shape> matmulShape(Dims a, Dims b);
llvm::Expected<Shape> broadcastShape(Dims a, Dims b);
llvm::Expected<Shape> transposeShape(Dims input, Dims perm);
llvm::Expected<Shape> concatShape(llvm::ArrayRef<Shape> inputs, int64_t axis);
llvm::Expected<Shape> padShape(Dims input, Dims lo, Dims hi);
// The slices of `axis` that the indices name, in the indices' shape.
llvm::Expected<Shape> gatherShape(Dims input, Dims indices, int64_t axis);
llvm::Expected<Shape> reduceShape(Dims input, Dims axes, bool keepDims);

// Extents are not negative; the largest int64 if the product is beyond it.
int64_t elementCount(Dims shape);
// "1x3x32x32", for messages.
std::string shapeText(Dims shape);

} // namespace tw::ir

#endif // TW_IR_SHAPES_H
