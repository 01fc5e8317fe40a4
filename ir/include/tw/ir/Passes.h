// SPDX-License-Identifier: Apache-2.0
// What for: the graph passes (Passes.td) and their order.
// Called by: codegen's pipeline, tw-opt, tests.
// Does not: lower to linalg (ToLinalg.h).
#ifndef TW_IR_PASSES_H
#define TW_IR_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace tw::ir {

#define GEN_PASS_DECL
#include "tw/ir/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "tw/ir/Passes.h.inc"

struct GraphPipelineOptions {
  // Off: every layer's result stays visible, for comparing layer by layer; no residual or float operator joins another.
  bool fuseResidual = true;
  bool outline = true;
};

// Imported graph -> blocks: uint8, folding, fusion, layout, drain, CSE, outlining, each stage verified.
void buildGraphPipeline(mlir::OpPassManager &manager, const GraphPipelineOptions &options = {});

} // namespace tw::ir

#endif // TW_IR_PASSES_H
