// SPDX-License-Identifier: Apache-2.0
// From placed segments to instruction lines: schedule each segment, or obey the schedule given, lay out the arena by
// lifetimes, synchronise, encode, and hold the result against the program checker.
#ifndef TW_CODEGEN_LIB_STREAMS_H
#define TW_CODEGEN_LIB_STREAMS_H

#include "Plan.h"

#include "llvm/Support/Error.h"

namespace tw::codegen {

llvm::Error makeStreams(Plan &plan, const tensorize::Target &target, const CompileOptions &options);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_STREAMS_H
