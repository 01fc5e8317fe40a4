// SPDX-License-Identifier: Apache-2.0
// What for: a tensor of a block as it lies in memory, and what an access to it means there.
// Called by: Nests, Products.
// Does not: own memory (HostFunction), or decide where a tensor lies.
#ifndef TW_CODEGEN_LIB_HOST_VIEWS_H
#define TW_CODEGEN_LIB_HOST_VIEWS_H

#include "tw/ir/Shapes.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Value.h"

#include <optional>

namespace tw::codegen {

using Steps = llvm::SmallVector<int64_t, 8>;

struct View {
  unsigned array = 0;
  int64_t offset = 0;
  Steps steps; // per dimension
};

/// A whole array, row-major, in the shape of `like`.
View denseView(unsigned array, mlir::Value like);
bool isDense(const View &view, ir::Dims shape);

/// Steps of a row-major tensor's linear index per loop, and its constant; none: it is not linear.
std::optional<std::pair<Steps, int64_t>> linear(mlir::AffineMap map, llvm::ArrayRef<int64_t> steps);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_VIEWS_H
