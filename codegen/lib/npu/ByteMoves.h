// SPDX-License-Identifier: Apache-2.0
// What for: a block that only moves bytes, as copies of rows of lanes where it can, else with rows turned into lanes.
// Called by: NpuExecutor.
// Does not: decide whether it runs here; write instructions (tensorize/Moves.h).
#ifndef TW_CODEGEN_LIB_NPU_BYTEMOVES_H
#define TW_CODEGEN_LIB_NPU_BYTEMOVES_H

#include "Blocks.h"
#include "Forms.h"
#include "Plan.h"
#include "tw/tensorize/Moves.h"

#include <variant>

namespace tw::codegen {

/// One of the three, which numbers the table's tensors.
struct ByteMoves {
  std::vector<tensorize::RowBox> boxes{};
  std::optional<tensorize::LaneMoves> lanes{};
  std::optional<tensorize::TurnMoves> turns{};
  std::optional<int8_t> beside{}; // what the lanes beside the result hold then, where that is known
};

/// Or why not (Rejection::kMoves); no reason where the block computes: then others say it better.
std::variant<ByteMoves, std::optional<tensorize::Rejection>>
byteMovesOf(const BlockCall &call, Plan &plan, const Forms &forms, const tensorize::Target &target);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_NPU_BYTEMOVES_H
