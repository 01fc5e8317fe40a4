// SPDX-License-Identifier: Apache-2.0
// What for: how much arithmetic an operator of the graph is.
// Called by: reports of tools and code generation.
// Does not: count what a machine's array does beside the useful work.
#ifndef TW_IR_MACS_H
#define TW_IR_MACS_H

#include "mlir/IR/Operation.h"

namespace tw::ir {

// Multiply-accumulates of a convolution, fully connected layer or matrix product, float or integer; 0 for all others.
int64_t macsOf(mlir::Operation *op);

} // namespace tw::ir

#endif // TW_IR_MACS_H
