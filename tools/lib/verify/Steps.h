// SPDX-License-Identifier: Apache-2.0
// What for: packages of several entries, and with state, run step by step: each output of each step against what the
// entry gives when it is a package of its own, which knows no state, or against the first device.
// Called by: verify.
// Does not: compile, or judge what an entry alone gives.
#ifndef TW_TOOLS_LIB_VERIFY_STEPS_H
#define TW_TOOLS_LIB_VERIFY_STEPS_H

#include "Devices.h"

#include "tw/ir/State.h"

namespace tw::tools {

/// `joint` has the entries `alone`, in their order, and keeps `states`; both are loaded on the same devices. Each entry
/// runs once, then `more` times one at random. The past of an entry alone is what its earlier results make of it.
llvm::Error compareWithAlone(Program &joint, llvm::ArrayRef<Program *> alone, llvm::ArrayRef<ir::StatePair> states,
                             int more, uint64_t seed, Checks &checks);

/// The same of a package whose graph is not known: every device against the first.
llvm::Error compareDevices(Program &package, int more, uint64_t seed, Checks &checks);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_VERIFY_STEPS_H
