// SPDX-License-Identifier: Apache-2.0
// What for: is the reference right? The definition of the imported graph against the graph after the passes, quantiser
// by quantiser; then the graph as it is compiled against the one in which each quantiser stayed visible.
// Called by: verify, and tests that judge generated models.
// Does not: run a device.
#ifndef TW_TOOLS_LIB_VERIFY_TRUTHS_H
#define TW_TOOLS_LIB_VERIFY_TRUTHS_H

#include "Checks.h"

#include "tw/ir/Definition.h"

namespace tw::tools {

/// `imported` is as importOnnx returned it and stays so. `compiled` are the outputs of the reference as it is compiled.
/// Stages of the checks: definition, reference. An error: something in the graph cannot be judged.
llvm::Error judgeReference(mlir::ModuleOp imported, const Tensors &inputs, const Tensors &compiled,
                           const ir::DefinitionOptions &options, Checks &checks);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_VERIFY_TRUTHS_H
