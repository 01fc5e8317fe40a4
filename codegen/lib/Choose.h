// SPDX-License-Identifier: Apache-2.0
// What for: who runs each block. In program order each goes, by the objective, to the first executor of the list that
// can run it or to the one that is fastest by lower bounds and the conversions of form that it would cause; neighbours
// form regions, which are scheduled; a block that does not fit loses that executor, and all begins again.
// Each repeat strikes one candidate, so it ends.
// Called by: the pipeline.
// Does not: prefer one by name: the list's order does. Only the report's sums and sentences name them.
#ifndef TW_CODEGEN_LIB_CHOOSE_H
#define TW_CODEGEN_LIB_CHOOSE_H

#include "Executors.h"
#include "Forms.h"
#include "tw/codegen/Entries.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace tw::codegen {

/// The kind of a refusal that the user has asked for.
inline constexpr const char *kByHand = "placement";
/// The kind of a refusal because another executor is faster.
inline constexpr const char *kSlower = "latency";

/// An executor that a block does not get, and why.
struct Strike {
  int block = 0;
  Refusal refusal;
};

/// Blocks that options place by hand, and those of entries for the host, lose all other executors. An error names a
/// node that no block has, and the nearest name.
llvm::Expected<std::vector<Strike>> strikesByHand(const Blocks &blocks, llvm::ArrayRef<EntryGraph> graphs,
                                                  const CompileOptions &options);

/// What has been given to whom so far. It stays where it is: its parts point at each other.
struct Attempt {
  Objective objective = Objective::Offload;
  Plan plan;
  std::unique_ptr<HostCode> code;
  std::unique_ptr<Forms> forms;
  std::vector<std::unique_ptr<Executor>> executors; // the preferred one first
  std::vector<isa::PackageEntry> entries;           // without names
  std::vector<size_t> uncounted;                    // entries whose MAC count nowhere
};

/// Gives each block of each entry to an executor; what one entry leaves open, no other joins. An error holds a message
/// for each block that nobody runs.
llvm::Error assign(const Blocks &blocks, const std::vector<Strike> &strikes, Attempt &attempt);

/// An attempt in which everything fits; `begin` makes a fresh one.
llvm::Expected<std::unique_ptr<Attempt>> choose(const Blocks &blocks, std::vector<Strike> strikes,
                                                llvm::function_ref<std::unique_ptr<Attempt>()> begin);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_CHOOSE_H
