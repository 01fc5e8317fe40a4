// SPDX-License-Identifier: Apache-2.0
#include "States.h"

#include "tw/isa/DiagError.h"

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

} // namespace tw::tools
