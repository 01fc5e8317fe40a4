// SPDX-License-Identifier: Apache-2.0
// What for: what --state says.
// Called by: compile and verify.
// Does not: change a graph.
#ifndef TW_TOOLS_LIB_STATES_H
#define TW_TOOLS_LIB_STATES_H

#include "Options.h"

#include "tw/ir/State.h"

namespace tw::tools {

/// Declares --state.
void addStateOption(CommandLine &line);

/// The pairs that the line names; `imported` has those that are known by their names.
llvm::Expected<std::vector<ir::StatePair>> statePairs(const CommandLine &line, mlir::ModuleOp imported);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_STATES_H
