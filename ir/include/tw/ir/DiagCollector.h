// SPDX-License-Identifier: Apache-2.0
// What for: errors that MLIR emits (passes, verifiers, translations) become Diags instead of lines on the screen.
// Called by: whoever runs a pass manager or verifies, beside the llvm::Error or refusal that it makes of them.
// Does not: collect warnings and remarks: they go on to the handler before.
#ifndef TW_IR_DIAGCOLLECTOR_H
#define TW_IR_DIAGCOLLECTOR_H

#include "tw/isa/Diag.h"

#include "mlir/IR/Diagnostics.h"

#include <vector>

namespace tw::ir {

/// Collects what is emitted in its context as long as it lives. The place of each is the node of the model, else file,
/// line and column; its notes are the reasons.
class DiagCollector {
public:
  explicit DiagCollector(mlir::MLIRContext &context);
  DiagCollector(const DiagCollector &) = delete;

  /// All so far, in order; begins anew.
  std::vector<Diag> take();

private:
  std::vector<Diag> diags;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace tw::ir

#endif // TW_IR_DIAGCOLLECTOR_H
