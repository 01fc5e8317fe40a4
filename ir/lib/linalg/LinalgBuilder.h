// SPDX-License-Identifier: Apache-2.0
// Shorthand for building linalg on static tensors: padding, filling, reshaping, generic loops.
#ifndef TW_IR_LIB_LINALGBUILDER_H
#define TW_IR_LIB_LINALGBUILDER_H

#include "tw/ir/Constants.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace tw::ir {

// An operand of a generic with the index of each of its dimensions.
struct Access {
  mlir::Value tensor;
  llvm::SmallVector<mlir::AffineExpr> indices;
};

class LinalgBuilder {
public:
  LinalgBuilder(mlir::OpBuilder &builder, mlir::Location location) : builder(builder), location(location) {}

  mlir::OpBuilder &builder;
  mlir::Location location;

  mlir::AffineExpr dim(unsigned position) { return builder.getAffineDimExpr(position); }
  mlir::AffineExpr zero() { return builder.getAffineConstantExpr(0); }
  llvm::SmallVector<mlir::AffineExpr> dims(unsigned begin, unsigned end);
  // Numpy broadcasting of `shape` to `result`, whose dimensions are loops 0, 1, ...
  llvm::SmallVector<mlir::AffineExpr> broadcast(Dims shape, Dims result);

  mlir::Value scalar(mlir::Type type, double value); // arith.constant of an integer or float type
  mlir::Value empty(Dims shape, mlir::Type element);
  mlir::Value filled(Dims shape, mlir::Type element, double value);
  // The tensor itself when nothing is padded.
  mlir::Value pad(mlir::Value tensor, Dims lo, Dims hi, mlir::Value value);
  mlir::Value reshape(mlir::Value tensor, Dims shape);

  // A linalg.generic with one result; the body gets one scalar per input and the accumulator, and gives the new value.
  // `loops` are their names for people.
  using Body = llvm::function_ref<mlir::Value(LinalgBuilder &, mlir::ValueRange)>;
  mlir::Value generic(llvm::ArrayRef<Access> inputs, const Access &init, unsigned parallel, unsigned reductions,
                      Body body, llvm::ArrayRef<llvm::StringRef> loops = {});

  // Scalar shorthand for bodies.
  mlir::Value extend(mlir::Value value, unsigned width);   // sign extension
  mlir::Value widened(mlir::Value value, mlir::Type type); // the same, or the value itself if it has the type
  mlir::Value minus(mlir::Value value, int64_t constant);
  mlir::Value clamp(mlir::Value value, int64_t lo, int64_t hi); // nothing when it is the full int8 range
};

} // namespace tw::ir

#endif // TW_IR_LIB_LINALGBUILDER_H
