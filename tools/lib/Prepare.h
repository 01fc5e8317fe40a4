// SPDX-License-Identifier: Apache-2.0
// What for: from a command line that names a model to its package: read, import, compile, or take what was kept.
// Called by: the verbs that take a model.
// Does not: run anything, or print.
#ifndef TW_TOOLS_LIB_PREPARE_H
#define TW_TOOLS_LIB_PREPARE_H

#include "Common.h"
#include "Options.h"

#include "tw/codegen/Entries.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace tw::tools {

/// Declares --config, those of addImportOptions and those of addPlacementOptions.
void addModelOptions(CommandLine &line, const std::string &free = "", const char *devices = "devices");

/// Declares --dim and --const. `free` says what becomes of dimensions that are not given.
void addImportOptions(CommandLine &line, const std::string &free = "");

/// What --dim and --const say; the arrays that they name are read. A list of values is refused.
llvm::Expected<ir::OnnxImportOptions> importOptions(const CommandLine &line);

/// The same for who makes an entry of each value: --dim N=1,2 --dim M=7,6 is entry "N=1,M=7" and entry "N=2,M=6".
/// Without a list there is one entry, "main". --spare is one more, the last.
struct Binding {
  std::string name;
  ir::OnnxImportOptions options;
  std::string hostOnly{}; // the options for which the entry is on the host; empty: it is not
};
llvm::Expected<std::vector<Binding>> importBindings(const CommandLine &line);

/// Declares --spare, of which importBindings makes an entry.
void addSpareOption(CommandLine &line);

/// Declares --target, --place, --objective, those of GPU code, and under the name `devices` who may run operators.
void addPlacementOptions(CommandLine &line, const char *devices = "devices");

/// Declares --threads and --gpu-library.
void addHostOptions(CommandLine &line);

/// Declares --allow-host-code.
void addPackageOptions(CommandLine &line);

/// The package on the line, to be run. An error if --config names another machine than its own, or if it has host code
/// and --allow-host-code is not given: whoever made it could do what the user may do. What this command compiles
/// itself, or the user has compiled here (OwnPackages.h), needs no leave.
llvm::Expected<isa::Package> openPackage(const CommandLine &line);

/// Who runs what, as --target, --place and --objective say.
llvm::Error readPlacement(const CommandLine &line, codegen::CompileOptions &options);

/// An error unless each of these outputs may be written and is no input on the line (checkOutputs).
llvm::Error checkOutputs(const CommandLine &line, llvm::ArrayRef<std::string> outputs);

struct Prepared {
  isa::HwConfig config;
  Model model; // the graph, fused and outlined: the reference of what was compiled
  codegen::Compiled compiled;
};

/// Imports and compiles the file on the line for its --config, --dim and --const; `options.config` is filled in here.
/// `change` may change the imported graph before it is compiled.
llvm::Expected<Prepared> prepare(const CommandLine &line, codegen::CompileOptions options = {},
                                 llvm::function_ref<llvm::Error(mlir::ModuleOp)> change = nullptr);

/// The same for one of the line's bindings.
llvm::Expected<Prepared> prepare(const CommandLine &line, const Binding &binding, codegen::CompileOptions options,
                                 llvm::function_ref<llvm::Error(mlir::ModuleOp)> change);

/// The same with an entry for each binding of the line; `change` gets all graphs at once. The model is the first
/// entry's. Where the line gives several values of a dimension, or --spare, entries take fewer than they are made
/// for where that is proved (Buckets.h).
llvm::Expected<Prepared>
prepareEntries(const CommandLine &line, codegen::CompileOptions options,
               llvm::function_ref<llvm::Error(llvm::ArrayRef<codegen::EntryGraph>)> change = nullptr);

/// As prepare for who wants the package alone. Packages are kept in `folder` (empty: nothing is kept), named by a key,
/// a hash of everything that they depend on: the model's bytes, the state of the files beside it, machine, dimensions,
/// constants, placement, instruction set, and this program; and by a hash of that key and of their own bytes. One that
/// is not what its name says is made anew; so is one in a folder that others than the user may write; old ones are
/// removed. `note` says what was done.
llvm::Expected<isa::Package> preparePackage(const CommandLine &line, const std::string &folder, std::string &note);

/// Where packages are kept: tilewright in the user's cache folder; empty if there is none.
std::string packageCacheFolder();

} // namespace tw::tools

#endif // TW_TOOLS_LIB_PREPARE_H
