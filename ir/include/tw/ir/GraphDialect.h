// SPDX-License-Identifier: Apache-2.0
// What for: the C++ face of the graph dialect `tw` (decision records and prose stand in GraphOps.td).
// Called by: passes of ir, tensorize and codegen, and the tools that register it.
// Does not: hold arithmetic (QuantParams.h), shape rules (Shapes.h) or passes (Passes.h).
#ifndef TW_IR_GRAPHDIALECT_H
#define TW_IR_GRAPHDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "tw/ir/GraphDialect.h.inc"

#include "tw/ir/GraphEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "tw/ir/GraphAttrs.h.inc"

#define GET_OP_CLASSES
#include "tw/ir/GraphOps.h.inc"

namespace tw::ir {

// ONNX node names of an operation, the main one first (a fused operation has several). Empty when it has none.
llvm::SmallVector<llvm::StringRef> nodeNames(mlir::Location location);

} // namespace tw::ir

#endif // TW_IR_GRAPHDIALECT_H
