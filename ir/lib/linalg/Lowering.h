// SPDX-License-Identifier: Apache-2.0
// The frame of the lowering of one block: its new body, and the arguments that this body asks for.
#ifndef TW_IR_LIB_LINALG_LOWERING_H
#define TW_IR_LIB_LINALG_LOWERING_H

#include "LinalgBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <functional>
#include <variant>

namespace tw::ir {

// The constant that a value of the old body has at one call.
Tensor valueAt(mlir::func::CallOp call, mlir::Value value);
float floatAt(mlir::func::CallOp call, mlir::Value value);

// How loops hold an element: an integer without a sign, a narrow real as its 16 bits. Nothing is computed in the narrow
// ones, and LLVM would convert them to float32 and back, by functions of a library, only to choose one of two.
mlir::Type heldType(mlir::Type element);

inline constexpr const char *kWideSums = "tw.wide_sums";

// Rewrites one block function and the calls of it. Arguments are added as the new body asks for them.
class Lowering {
public:
  using Compute = std::function<Tensor(mlir::func::CallOp)>;

  // `calls`: all of the function.
  Lowering(mlir::func::FuncOp function, llvm::ArrayRef<mlir::func::CallOp> calls)
      : function(function), calls(calls), builder(function.getContext()) {}

  // Leaves the block as it is when one of its operators has no loop form.
  void run();

  // The new value of `old`: a result computed before in this block, an argument, or a scalar constant. As heldType has
  // it: the graph operator's type says how it is read.
  mlir::Value given(llvm::StringRef role, mlir::Value old);
  // A new argument whose value is computed from constants at each call.
  mlir::Value computed(llvm::StringRef role, ElementType type, Dims shape, Compute compute);
  Access computedScalar(llvm::StringRef role, std::function<int32_t(mlir::func::CallOp)> compute);

  // Of sums of products: int64 for the calls whose sums may leave int32 (kWideSums on the function).
  mlir::Type sumType() { return builder.getIntegerType(function->hasAttr(kWideSums) ? 64 : 32); }

  // Of a scalar in a body.
  mlir::Type type(ElementType type) { return heldType(toMlirType(builder.getContext(), type, {}).getElementType()); }

private:
  struct Argument {
    std::string role;
    std::variant<unsigned, Compute> source; // an argument of before, or computed from constants at each call
  };

  bool lowerOperations();
  mlir::Value argumentFor(llvm::StringRef role, mlir::Value old);
  mlir::Value held(mlir::Value value);
  void replaceCalls();
  static mlir::Value constantFor(mlir::OpBuilder &at, mlir::func::CallOp call, const Argument &argument);
  llvm::SmallVector<mlir::DictionaryAttr> roles();

  mlir::func::FuncOp function;
  llvm::ArrayRef<mlir::func::CallOp> calls;
  mlir::OpBuilder builder;
  mlir::Block *body = nullptr;
  llvm::DenseMap<mlir::Value, mlir::Value> results;
  std::vector<Argument> arguments;
};

// The loops of one operator, or null when it is of another family or has no such form: fused integers, float32 and
// whole tensors that move, any type element by element, products of other types than float32, choices of elements,
// reductions.
mlir::Value lowerInteger(Lowering &lowering, LinalgBuilder &l, mlir::Operation *op);
mlir::Value lowerFloat(Lowering &lowering, LinalgBuilder &l, mlir::Operation *op);
mlir::Value lowerElementwise(Lowering &lowering, LinalgBuilder &l, mlir::Operation *op);
mlir::Value lowerProduct(Lowering &lowering, LinalgBuilder &l, mlir::Operation *op);
mlir::Value lowerMove(Lowering &lowering, LinalgBuilder &l, mlir::Operation *op);
mlir::Value lowerReduction(Lowering &lowering, LinalgBuilder &l, mlir::Operation *op);
mlir::Value lowerLibrary(Lowering &lowering, LinalgBuilder &l, mlir::Operation *op); // a call, no loops

} // namespace tw::ir

#endif // TW_IR_LIB_LINALG_LOWERING_H
