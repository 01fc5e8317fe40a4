// SPDX-License-Identifier: Apache-2.0
// What for: places of the temporaries in DRAM and in the memory of a GPU, by the steps in which they live.
// Called by: the pipeline, when all steps and their buffers are there.
// Does not: know what lies in a buffer.
#ifndef TW_CODEGEN_LIB_ARENA_H
#define TW_CODEGEN_LIB_ARENA_H

#include "Plan.h"

namespace tw::codegen {

void layOutArena(Plan &plan);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_ARENA_H
