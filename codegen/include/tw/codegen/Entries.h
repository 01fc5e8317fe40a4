// SPDX-License-Identifier: Apache-2.0
// What for: several graphs become one package, an entry each: they share constants, host code, memory and state.
// Called by: tools, for a model that is compiled for several values of its dimensions.
// Does not: choose an entry; whoever runs the package does.
#ifndef TW_CODEGEN_ENTRIES_H
#define TW_CODEGEN_ENTRIES_H

#include "tw/codegen/Compile.h"
#include "tw/ir/Padding.h"

namespace tw::codegen {

struct EntryGraph {
  std::string name;
  mlir::ModuleOp module; // as importOnnx returned it, all in one context; changed as by compile
  std::vector<EntryDim> dims{};
  // Of runs with fewer: the input that is a mask of 0 and 1, and which place of its rows shows.
  std::optional<ir::ShownPlace> shown{};
  // Why all of its blocks are the host's, in the user's words; empty: whoever can may run them. Its MAC count nowhere.
  std::string hostOnly{};
};

/// As compile, which is this for one entry of the name "main". The entries run one at a time, so temporaries of one lie
/// where those of another do. States of equal names are one and must have the same size. The report holds the rows of
/// all entries in order, and its numbers are those of one run of each; `options.fused` gets each graph.
llvm::Expected<Compiled> compileEntries(llvm::ArrayRef<EntryGraph> graphs, const CompileOptions &options);

} // namespace tw::codegen

#endif // TW_CODEGEN_ENTRIES_H
