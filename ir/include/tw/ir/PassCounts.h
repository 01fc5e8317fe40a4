// SPDX-License-Identifier: Apache-2.0
// What for: what each graph pass did to a graph, in numbers of operators: folded, fused, dropped, made.
// Called by: compiling, for its report.
// Does not: need anything of a pass; MLIR's own statistics count nothing in release builds.
#ifndef TW_IR_PASSCOUNTS_H
#define TW_IR_PASSCOUNTS_H

#include "mlir/Pass/PassManager.h"

#include <map>
#include <string>
#include <vector>

namespace tw::ir {

/// How many operators of each kind ("qconv") a pass left more, or fewer (negative), than it found.
struct PassCount {
  std::string pass; // as tw-opt names it
  std::map<std::string, int64_t> change;
};

/// `counts` gets a row for each pass of the manager that changes a number, in the order in which they run. It must live
/// as long as the manager.
void countPasses(mlir::PassManager &manager, std::vector<PassCount> &counts);

} // namespace tw::ir

#endif // TW_IR_PASSCOUNTS_H
