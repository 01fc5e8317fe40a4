// SPDX-License-Identifier: Apache-2.0
// What for: a tiled nest as code: loops of scf, vectors, the bodies of linalg on whole vectors.
// Called by: HostCode, once per nest.
// Does not: choose anything (Tile.h has), or lower what it writes.
#ifndef TW_CODEGEN_LIB_HOST_EMIT_H
#define TW_CODEGEN_LIB_HOST_EMIT_H

#include "host/Tile.h"

#include "mlir/IR/Builders.h"

namespace tw::codegen {

/// Writes the nest at the builder's place. `memory`: per array of the function its memref, flat; those that the nest
/// does not use may be null. Tiles lo .. hi-1 of the outermost loop are done.
void emitNest(mlir::OpBuilder &builder, mlir::Location location, const HostFunction &function, const HostNest &nest,
              const Tiling &tiling, const HostProcessor &processor, llvm::ArrayRef<mlir::Value> memory, mlir::Value lo,
              mlir::Value hi);

/// Replaces the scalar operations of `tw` in the bodies of a block by arithmetic (tw.lut stays: it is a memory access),
/// and the conversions of float16 where the processor has none.
void expandScalars(mlir::func::FuncOp block, const HostProcessor &processor);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_EMIT_H
