// SPDX-License-Identifier: Apache-2.0
// What for: constants that code reads and no model holds, such as packed weights: computed once, and in the plan.
// Called by: the executors whose code comes of nests.
// Does not: say what is computed: the code that wants it does (DerivedConstant).
#ifndef TW_CODEGEN_LIB_HOST_DERIVEDBUFFERS_H
#define TW_CODEGEN_LIB_HOST_DERIVEDBUFFERS_H

#include "Blocks.h"
#include "Plan.h"
#include "host/Nest.h"

#include <map>
#include <utility>
#include <vector>

namespace tw::codegen {

/// Which operands of a call have bytes that are known when the package is made.
std::vector<bool> constantOperands(const BlockCall &call);

class DerivedBuffers {
public:
  explicit DerivedBuffers(Plan &plan) : plan(plan) {}

  /// Its buffer, for a call whose constants it is derived of.
  int of(const DerivedConstant &derived, const BlockCall &call);

private:
  Plan &plan;
  // By the attributes of the constants: calls with the same weights share them.
  std::map<std::pair<const DerivedConstant *, std::vector<const void *>>, int> known;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_DERIVEDBUFFERS_H
