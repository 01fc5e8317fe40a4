// SPDX-License-Identifier: Apache-2.0
// What for: what --state says.
// Called by: compile, verify and profile, and by Prepare, which has to know what is state.
// Does not: know what a state is (tw/ir/State.h).
#ifndef TW_TOOLS_LIB_STATES_H
#define TW_TOOLS_LIB_STATES_H

#include "Options.h"

#include "tw/codegen/Entries.h"
#include "tw/ir/State.h"

namespace tw::tools {

/// Declares --state.
void addStateOption(CommandLine &line);

/// The pairs that the line names; `imported` has those that are known by their names.
llvm::Expected<std::vector<ir::StatePair>> statePairs(const CommandLine &line, mlir::ModuleOp imported);

/// The pairs become state of the entries (ir::keepState); where an entry takes fewer rows than it is made for, a run
/// adds as many as it has.
llvm::Expected<ir::KeptState> keepStates(llvm::ArrayRef<codegen::EntryGraph> entries,
                                         llvm::ArrayRef<ir::StatePair> pairs);

/// An input of an entry that a step binds as a dimension, with its bounds: how many positions are in the state.
struct BoundInput {
  size_t input = 0; // of the entry
  int64_t least = 0, most = 0;
};
std::vector<BoundInput> boundInputs(const isa::Package &package, size_t entry);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_STATES_H
