// SPDX-License-Identifier: Apache-2.0
// What for: the blocks of outlined modules, an entry each, every call with its loops and with what only its operators
// could say. Called by: the pipeline, once: it lowers the modules' blocks in place. Does not: know an executor.
#ifndef TW_CODEGEN_LIB_BLOCKS_H
#define TW_CODEGEN_LIB_BLOCKS_H

#include "Reasons.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace tw::codegen {

/// What the graph says of a block: noted while it is still operators.
struct BlockFacts {
  std::string node;               // first one of the source model
  std::vector<std::string> nodes; // all that were fused into it
  std::string function;           // which several calls may share: blk_qconv_0
  std::string kind;               // qconv
  int64_t macs = 0, macsInt8 = 0; // useful ones; of int8 operands
  GraphNotes notes;
};

/// One call of a block in an entry's @main.
struct BlockCall {
  size_t entry = 0;
  mlir::func::CallOp call;
  mlir::func::FuncOp function; // loops
  BlockFacts facts;
};

class Blocks {
public:
  /// The modules are outlined; their blocks become loops.
  explicit Blocks(llvm::ArrayRef<mlir::ModuleOp> modules);

  /// Of all entries, in their order.
  const std::vector<BlockCall> &calls() const { return list; }
  const std::vector<mlir::func::FuncOp> &entries() const { return mains; }

private:
  void add(mlir::ModuleOp module);

  std::vector<mlir::func::FuncOp> mains;
  std::vector<BlockCall> list;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_BLOCKS_H
