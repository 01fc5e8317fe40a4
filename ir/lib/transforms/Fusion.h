// SPDX-License-Identifier: Apache-2.0
// What for: the rewrites that tw-fuse-qdq consists of, beside those of one operator each in FuseQdq.cpp.
// Called by: FuseQdq.cpp.
// Does not: run them.
#ifndef TW_IR_LIB_TRANSFORMS_FUSION_H
#define TW_IR_LIB_TRANSFORMS_FUSION_H

#include "mlir/IR/PatternMatch.h"

namespace tw::ir {

// A function of one int8 value becomes a table: FuseFunctions.cpp.
void addFunctionPatterns(mlir::RewritePatternSet &patterns);

// Products in the form that has an integer operator: FuseProducts.cpp.
void addProductPatterns(mlir::RewritePatternSet &patterns);

// A number a channel times an int8 value, plus another, becomes a depthwise convolution: FuseAffine.cpp.
void addAffinePatterns(mlir::RewritePatternSet &patterns);

// A bias at the end of int32 moves as far inside as the sums need: WideBias.cpp.
void addWideBiasPatterns(mlir::RewritePatternSet &patterns);

// Softmax and layer norms of int8 values become integers of rows: FuseSequences.cpp.
void addSequencePatterns(mlir::RewritePatternSet &patterns);

} // namespace tw::ir

#endif // TW_IR_LIB_TRANSFORMS_FUSION_H
