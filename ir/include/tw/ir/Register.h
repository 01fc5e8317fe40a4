// SPDX-License-Identifier: Apache-2.0
// What for: the explicit lists of what ir needs in a context.
// Called by: everyone who creates an MLIRContext for graphs.
// Does not: register passes (Passes.h).
#ifndef TW_IR_REGISTER_H
#define TW_IR_REGISTER_H

#include "mlir/IR/DialectRegistry.h"

namespace tw::ir {

// The graph dialect and the upstream dialects that graphs and blocks use.
void registerGraphDialects(mlir::DialectRegistry &registry);

} // namespace tw::ir

#endif // TW_IR_REGISTER_H
