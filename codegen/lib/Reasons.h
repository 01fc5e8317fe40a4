// SPDX-License-Identifier: Apache-2.0
// Why a block stays on the host, in one sentence for the person who owns the model: what of the graph stands against
// the NPU, with values and what would help; else the chain of instructions that came furthest.
#ifndef TW_CODEGEN_LIB_REASONS_H
#define TW_CODEGEN_LIB_REASONS_H

#include "Blocks.h"
#include "tw/tensorize/Block.h"

namespace tw::codegen {

/// `operators`: what the block computes, with the call's operands. `rejections`: what each chain of instructions, or
/// the reading of the block, had against it.
std::string reasonFor(BlockCall call, const std::vector<mlir::Operation *> &operators,
                      const std::vector<tensorize::Rejection> &rejections);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_REASONS_H
