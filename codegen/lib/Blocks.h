// SPDX-License-Identifier: Apache-2.0
// What for: the blocks of an outlined module, each call with its loops and with what only its operators could say.
// Called by: the pipeline, once: it lowers the module's blocks in place.
// Does not: know an executor.
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

/// One call of a block in @main.
struct BlockCall {
  mlir::func::CallOp call;
  mlir::func::FuncOp function; // loops
  BlockFacts facts;
};

class Blocks {
public:
  /// `module` is outlined; its blocks become loops.
  explicit Blocks(mlir::ModuleOp module);

  const std::vector<BlockCall> &calls() const { return list; }
  mlir::func::FuncOp main() const { return entry; }

private:
  mlir::func::FuncOp entry;
  std::vector<BlockCall> list;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_BLOCKS_H
