// SPDX-License-Identifier: Apache-2.0
// The graph dialect `tw`: ONNX-level operators on whole tensors, the fused integer operators that fusion makes of
// them, and the three scalar operators that stand inside linalg bodies.
#ifndef TW_IR_GRAPHDIALECT_TD
#define TW_IR_GRAPHDIALECT_TD

include "mlir/IR/OpBase.td"

def Graph_Dialect : Dialect {
  let name = "tw";
  let cppNamespace = "::tw::ir";
  let summary = "computational graphs with explicit integer semantics";
  let description = [{
    Tensors are static: symbolic dimensions are bound at import and recorded on the module (`tw.dims`). Scales and zero
    points are operands (constants in practice), rounding is an attribute, and there are no quantised types: an `i8`
    is eight bits, and what it means stands beside it.
  }];
  let useDefaultAttributePrinterParser = 1;
}

#endif // TW_IR_GRAPHDIALECT_TD
