// SPDX-License-Identifier: Apache-2.0
// What for: the small pieces of host code: addresses, loads, lanes of vectors.
// Called by: Emit, Bodies, DotProduct.
// Does not: know a nest or its tiles.
#ifndef TW_CODEGEN_LIB_HOST_WRITER_H
#define TW_CODEGEN_LIB_HOST_WRITER_H

#include "host/Nest.h"

#include "mlir/IR/Builders.h"

namespace tw::codegen {

struct Writer {
  mlir::OpBuilder &b;
  mlir::Location at;
  const HostFunction &function;
  llvm::ArrayRef<mlir::Value> memory; // per array of the function

  template <typename Op, typename... Arguments> Op create(Arguments &&...arguments) {
    return b.create<Op>(at, std::forward<Arguments>(arguments)...);
  }

  mlir::Value index(int64_t value);
  mlir::Value number(mlir::TypedAttr attribute);
  /// Sums and products of index values; null is 0.
  mlir::Value plus(mlir::Value left, mlir::Value right);
  mlir::Value times(mlir::Value value, int64_t factor);
  mlir::Value addressOf(mlir::Value dynamic, int64_t constant);

  mlir::Value load(unsigned array, mlir::Value address);
  /// Neighbours; one is a scalar.
  mlir::Value loadVector(unsigned array, mlir::Value address, int64_t width);

  /// An element as it lies in memory, and as bodies see it: a bool is a byte.
  mlir::Value fromMemory(unsigned array, mlir::Value value);
  mlir::Value toMemory(unsigned array, mlir::Value value);

  mlir::Value gathered(llvm::ArrayRef<mlir::Value> lanes);
  mlir::Value spread(mlir::Value value, int64_t width);
  mlir::Value lane(mlir::Value vector, int64_t lane);
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_WRITER_H
