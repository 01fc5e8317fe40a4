// SPDX-License-Identifier: Apache-2.0
#include "States.h"

#include "tw/isa/DiagError.h"

#include <algorithm>

namespace tw::tools {

void addStateOption(CommandLine &line) {
  line.add()("state", po::value<std::vector<std::string>>()->composing(),
             "INPUT=OUTPUT: a past and its present, which the package keeps from run to run; known: all pairs with the "
             "names of exporters");
}

llvm::Expected<std::vector<ir::StatePair>> statePairs(const CommandLine &line, mlir::ModuleOp imported) {
  std::vector<ir::StatePair> pairs;
  for (const std::string &text : line.list("state")) {
    if (text == "known") {
      llvm::append_range(pairs, ir::recognizeStates(imported));
      continue;
    }
    auto [past, present] = llvm::StringRef(text).split('=');
    if (past.empty() || present.empty())
      return errorAt("--state " + text, "expected INPUT=OUTPUT, or known");
    pairs.push_back({past.str(), present.str()});
  }
  return pairs;
}

llvm::Expected<ir::KeptState> keepStates(llvm::ArrayRef<codegen::EntryGraph> entries,
                                         llvm::ArrayRef<ir::StatePair> pairs) {
  std::vector<mlir::ModuleOp> modules;
  std::vector<std::string> fresh;
  for (const codegen::EntryGraph &entry : entries) {
    modules.push_back(entry.module);
    fresh.emplace_back();
    for (const codegen::EntryDim &dim : entry.dims) // present has past and new: what is new goes with it
      if (dim.least != dim.most && !dim.follows.empty() && llvm::any_of(dim.axes, [&](const auto &axis) {
            return !pairs.empty() && axis.first == pairs.front().present;
          }))
        fresh.back() = dim.follows;
  }
  return ir::keepState(modules, pairs, fresh);
}

std::vector<BoundInput> boundInputs(const isa::Package &package, size_t entry) {
  std::vector<BoundInput> bound;
  const isa::PackageEntry &row = package.entries[entry];
  for (uint32_t s = row.firstStep; s != row.firstStep + row.stepCount; ++s) {
    const isa::PackageStep &step = package.steps[s];
    if (step.op != TW_PKG_STEP_BIND_DIM)
      continue;
    const auto found = std::ranges::find(row.inputs, step.arguments[0]);
    const isa::PackageDim &dim = package.dims[step.target];
    if (found != row.inputs.end())
      bound.push_back({size_t(found - row.inputs.begin()), dim.least, dim.most});
  }
  return bound;
}

} // namespace tw::tools
