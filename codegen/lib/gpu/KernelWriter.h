// SPDX-License-Identifier: Apache-2.0
// What for: the pieces that kernels of every mapping are made of: places of a thread, reads, bodies, the way to memory.
// Called by: the kernels (Kernels.h).
// Does not: choose anything, or know a vendor: it writes the dialects gpu, scf, memref and arith.
#ifndef TW_CODEGEN_LIB_GPU_KERNELWRITER_H
#define TW_CODEGEN_LIB_GPU_KERNELWRITER_H

#include "host/Writer.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace tw::codegen {

/// A thread's step of each loop of the nest; null: 0.
using Places = llvm::SmallVector<mlir::Value, 8>;

struct KernelWriter : Writer {
  const HostNest &nest;

  KernelWriter(mlir::OpBuilder &builder, mlir::Location location, const HostFunction &function, const HostNest &nest,
               llvm::ArrayRef<mlir::Value> memory)
      : Writer{builder, location, function, memory}, nest(nest) {}

  mlir::Value thread(); // in its block
  mlir::Value block();

  /// value / divisor and value % divisor, of what is not negative.
  std::pair<mlir::Value, mlir::Value> divided(mlir::Value value, int64_t divisor);
  mlir::Value least(mlir::Value value, int64_t most);
  mlir::Value isBelow(mlir::Value value, int64_t bound);
  /// The steps of loops, the last one fastest, that a number stands for.
  void split(mlir::Value flat, llvm::ArrayRef<unsigned> loops, Places &places);

  /// The part of an access' address that these loops make; null: 0.
  mlir::Value partOf(const HostAccess &access, llvm::ArrayRef<unsigned> loops, const Places &places);
  mlir::Value read(const HostAccess &access, const Places &places);
  mlir::Value evaluate(const Stage &stage, llvm::ArrayRef<mlir::Value> arguments, const Places &places);
  /// What the reduction begins with.
  mlir::Value initial(const Places &places);
  /// The stages behind the reduction, whose result is `sum` (null: there is none), and the store.
  void finish(mlir::Value sum, const Places &places);

  void when(mlir::Value condition, llvm::function_ref<void()> body);
  using Body = llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value step, mlir::ValueRange carried)>;
  llvm::SmallVector<mlir::Value> repeat(int64_t count, mlir::ValueRange carried, Body body);
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_GPU_KERNELWRITER_H
