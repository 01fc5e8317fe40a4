// SPDX-License-Identifier: Apache-2.0
// What for: from a command line that names a model to its package: read, import, compile, or take what was kept.
// Called by: the verbs that take a model.
// Does not: run anything, or print.
#ifndef TW_TOOLS_LIB_PREPARE_H
#define TW_TOOLS_LIB_PREPARE_H

#include "Common.h"
#include "Options.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace tw::tools {

/// Declares --config and --dim.
void addModelOptions(CommandLine &line);

/// A package is for one machine: an error if --config names another one.
llvm::Error checkMachine(const CommandLine &line, const isa::Package &package);

struct Prepared {
  isa::HwConfig config;
  Model model; // fused, as it was compiled
  codegen::Compiled compiled;
};

/// Imports and compiles the file on the line for its --config and --dim; `options.config` is filled in here. `change`
/// may change the imported graph before it is compiled.
llvm::Expected<Prepared> prepare(const CommandLine &line, codegen::CompileOptions options = {},
                                 llvm::function_ref<llvm::Error(mlir::ModuleOp)> change = nullptr);

/// The same for who wants the package alone. Packages are kept in `folder` (empty: nothing is kept), named by a hash of
/// everything that they depend on: the model's bytes, machine, dimensions, instruction set, and this program. One that
/// cannot be read is made anew; old ones are removed. `note` says what was done.
llvm::Expected<isa::Package> preparePackage(const CommandLine &line, const std::string &folder, std::string &note);

/// Where packages are kept: tilewright in the user's cache folder; empty if there is none.
std::string packageCacheFolder();

} // namespace tw::tools

#endif // TW_TOOLS_LIB_PREPARE_H
