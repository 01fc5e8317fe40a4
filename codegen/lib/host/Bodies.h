// SPDX-License-Identifier: Apache-2.0
// What for: the bodies of linalg operations as code on vectors of lanes.
// Called by: Emit.
// Does not: know where arguments come from, or where results go.
#ifndef TW_CODEGEN_LIB_HOST_BODIES_H
#define TW_CODEGEN_LIB_HOST_BODIES_H

#include "host/Writer.h"

namespace tw::codegen {

/// An index of linalg.index and what is made of it: a number for lane 0, and how it grows from lane to lane.
struct IndexValue {
  mlir::Value base;
  int64_t laneStep = 0;
};

/// The body on scalars where all lanes have the same value, on vectors elsewhere. `indexOf`: the index of a body's
/// loop.
mlir::Value evaluateBody(Writer &writer, const Stage &stage, llvm::ArrayRef<mlir::Value> arguments, int64_t lanes,
                         llvm::function_ref<IndexValue(const Stage::Parts &)> indexOf);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_BODIES_H
