// SPDX-License-Identifier: Apache-2.0
// What for: elementary functions of float64, as calls of the runtime's (codegen/runtime/math).
// Called by: LowerToLlvm, and Nvvm for GPUs.
// Does not: add their code (Library.h), or know float32: loops extend it, and round once.
#ifndef TW_CODEGEN_LIB_HOST_FUNCTIONS_H
#define TW_CODEGEN_LIB_HOST_FUNCTIONS_H

#include "mlir/IR/Operation.h"

namespace tw::codegen {

/// `code`: a module. Operations of math, and arith.remf, on float64 or one-dimensional vectors of it become calls: of
/// forms of up to `lanes` numbers at once.
void callFunctions(mlir::Operation *code, unsigned lanes);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_FUNCTIONS_H
