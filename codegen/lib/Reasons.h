// SPDX-License-Identifier: Apache-2.0
// Why a block is not on the NPU, in one sentence for the person who owns the model: what of the graph stands against
// it, with values and what would help; else the nearest miss: the chain of instructions that came furthest.
#ifndef TW_CODEGEN_LIB_REASONS_H
#define TW_CODEGEN_LIB_REASONS_H

#include "tw/tensorize/Block.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>

namespace tw::codegen {

/// Sentences about a block that need its operators; an empty one does not apply.
struct GraphNotes {
  std::string whole;                         // says all: it computes in float32
  std::string move;                          // if it is nothing but a move
  bool isAtEdge = false;                     // of the model
  std::optional<tensorize::Rejection> sum{}; // its sums may leave the accumulator's 32 bits
};

/// `operators`: what the block computes, with the call's operands, before blocks become loops.
GraphNotes notesOf(mlir::func::CallOp call, const std::string &kind, const std::vector<mlir::Operation *> &operators);

/// `block`: its loops, if they are one nest; `onlyMoves`: they compute nothing; `rejections`: what each chain of
/// instructions, or the reading of the block, had against it.
std::string reasonFor(const GraphNotes &notes, const tensorize::Block *block, bool onlyMoves,
                      const std::vector<tensorize::Rejection> &rejections);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_REASONS_H
