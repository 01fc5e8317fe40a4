// SPDX-License-Identifier: Apache-2.0
// Why a block stays on the host, in one sentence for the person who owns the model.
#ifndef TW_CODEGEN_LIB_REASONS_H
#define TW_CODEGEN_LIB_REASONS_H

#include "Blocks.h"
#include "tw/tensorize/Block.h"

namespace tw::codegen {

/// `rejections`: what each chain of instructions, or the reading of the block, had against it.
std::string reasonFor(BlockCall call, const std::vector<tensorize::Rejection> &rejections);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_REASONS_H
