// SPDX-License-Identifier: Apache-2.0
// The blocks of an outlined module, each call in two forms: operators of the graph (for the host) and loops (for the
// matcher). The loops stand in a copy of the module, which keeps the graph as it is for the reference.
#ifndef TW_CODEGEN_LIB_BLOCKS_H
#define TW_CODEGEN_LIB_BLOCKS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace tw::codegen {

/// One call of a block in @main.
struct BlockCall {
  mlir::func::CallOp graph, loops;
  mlir::func::FuncOp graphFunction, loopFunction;
};

class Blocks {
public:
  /// `module` is outlined.
  explicit Blocks(mlir::ModuleOp module);

  const std::vector<BlockCall> &calls() const { return list; }
  mlir::ModuleOp loops() const { return *loopModule; }

  /// The value of the graph's @main that one of the loops' @main stands for; a constant stands for itself.
  mlir::Value inGraph(mlir::Value value) const;

  /// The operators of a call with the call's operands in place of the function's arguments; they live as long as this.
  std::vector<mlir::Operation *> inlined(BlockCall call);

private:
  mlir::OwningOpRef<mlir::ModuleOp> loopModule;
  std::vector<BlockCall> list;
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> bodies;
};

/// "qconv" of @blk_qconv_3.
std::string kindOf(mlir::func::FuncOp block);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_BLOCKS_H
