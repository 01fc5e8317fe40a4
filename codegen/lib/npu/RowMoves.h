// SPDX-License-Identifier: Apache-2.0
// What for: a block that only moves bytes, as copies of rows of lanes.
// Called by: NpuExecutor.
// Does not: decide whether it runs here; write instructions (tensorize/Moves.h).
#ifndef TW_CODEGEN_LIB_NPU_ROWMOVES_H
#define TW_CODEGEN_LIB_NPU_ROWMOVES_H

#include "Blocks.h"
#include "Forms.h"
#include "Plan.h"
#include "tw/tensorize/Moves.h"

#include <variant>

namespace tw::codegen {

/// Boxes number the table's tensors. Or why not (Rejection::kMoves); no reason where the block computes: then others
/// say it better.
std::variant<std::vector<tensorize::RowBox>, std::optional<tensorize::Rejection>>
rowMovesOf(const BlockCall &call, Plan &plan, const Forms &forms, int lanes);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_NPU_ROWMOVES_H
