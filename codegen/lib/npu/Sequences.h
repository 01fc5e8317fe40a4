// SPDX-License-Identifier: Apache-2.0
// What for: library functions that the vector unit computes by a sequence of instructions (tw/isa/Sequences.h), a row
// for each. docs/rationale/vector-reductions.md says why these are no chains.
// Called by: NpuExecutor.
// Does not: say what a function computes (ir/LibraryFunctions.def), or where its tokens lie.
#ifndef TW_CODEGEN_LIB_NPU_SEQUENCES_H
#define TW_CODEGEN_LIB_NPU_SEQUENCES_H

#include "Blocks.h"
#include "Forms.h"

#include <optional>
#include <variant>

namespace tw::codegen {

/// Nothing if the block is no call of such a function.
std::optional<std::variant<SequencePlan, tensorize::Rejection>> sequenceOf(const BlockCall &call, Plan &plan,
                                                                           const Forms &forms,
                                                                           const tensorize::Target &target,
                                                                           const isa::HwConfig &config);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_NPU_SEQUENCES_H
