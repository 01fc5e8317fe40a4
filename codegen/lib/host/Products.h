// SPDX-License-Identifier: Apache-2.0
// What for: reductions over products of bytes in the form that a processor has an instruction for.
// Called by: Nests.
// Does not: write the instruction (DotProduct.h), or pack the weights (Pack.h).
#ifndef TW_CODEGEN_LIB_HOST_PRODUCTS_H
#define TW_CODEGEN_LIB_HOST_PRODUCTS_H

#include "host/Nest.h"
#include "host/Views.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace tw::codegen {

/// The factor of a product of bytes: (extsi(argument) - zero).
struct Factor {
  unsigned argument = 0;
  int64_t zero = 0;
};

/// acc + (x - zx) * (w - zw) in int32: the two factors, in the order of the product.
std::optional<std::pair<Factor, Factor>> dotOf(mlir::linalg::GenericOp op);

/// How bytes are held for a dot product.
struct Widening {
  Dot dot;
  mlir::Type type(mlir::MLIRContext *context) const;
  mlir::Value operator()(mlir::OpBuilder &builder, mlir::Location location, mlir::Value x) const;
  /// A constant byte so held.
  mlir::TypedAttr held(mlir::MLIRContext *context, int64_t byte) const;
};

/// The kind of dot product of a reduction whose factors have these steps, of those that a processor with `dot` has;
/// None: neighbours do not lie as it needs them.
Dot dotFor(const HostNest &nest, Dot dot, llvm::ArrayRef<int64_t> x, llvm::ArrayRef<int64_t> w, int64_t zeroOfWeights);

/// factor * sum(w - zero) of each channel: what sums begin with. `steps`: of the array per loop of the nest.
/// `argument`: of the block, the weights.
HostArray correctionOf(const HostNest &nest, llvm::ArrayRef<int64_t> wSteps, unsigned argument, int64_t factor,
                       int64_t zero, mlir::MLIRContext *context, Steps &steps);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_PRODUCTS_H
