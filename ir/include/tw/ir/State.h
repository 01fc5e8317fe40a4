// SPDX-License-Identifier: Apache-2.0
// What for: pairs of an input and an output of a model, its past and its present, become state that lives from run to
// run.
// Called by: tools, on an imported graph that shall be compiled so.
// Does not: lower anything: @main keeps its arguments and results, attributes say which of them are state.
#ifndef TW_IR_STATE_H
#define TW_IR_STATE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace tw::ir {

/// On a result of @main: the number of the argument whose state it is the next value of. On that argument: the byte, 0
/// to 255, of which all of it consists at first.
inline constexpr const char *kState = "tw.state";
/// On an int64 argument of @main of one element: its least and greatest value; a run with another is refused.
inline constexpr const char *kBounds = "tw.bounds";
/// On an int64 argument of @main of one element: the name of the dimension whose value it is; no input of the caller's.
inline constexpr const char *kSize = "tw.size";
/// On @main: how many positions a run adds to the state, at most.
inline constexpr const char *kPositions = "tw.positions";
/// The name of the argument that keepState adds.
inline constexpr const char *kPosition = "position";

struct StatePair {
  std::string past, present; // names of the input and of the output
};

/// The pairs whose names exporters give to keys and values: past_key_values.0.key and present.0.key, and the like.
std::vector<StatePair> recognizeStates(mlir::ModuleOp imported);

struct KeptState {
  int64_t rows = 0;           // positions that are kept
  std::vector<int64_t> fresh; // that a run adds, by graph
  int64_t bytes = 0;          // of all pairs
  std::vector<bool> areBytes; // by pair: kept as int8
};

/// A decoder that was exported with its past gives present = Concat(past, new) along one dimension. Made a state, the
/// last rows of present, as many as past has, are what the next run finds as past: the newest are always the last, and
/// before as many rows as past has were made, those in front are zeros that no run has made. So each run computes what
/// the model computes for a sequence that is padded on its left, and the model must be told so: an input
/// attention_mask, which hides those rows, and an input position_ids, because the place of a row is not its position.
///
/// The graphs are one model, imported for several values of its dimensions: entries of one package, which share the
/// state. It has as many rows as the longest past; a shorter one is its end.
///
/// A past that is read through one quantiser to int8 alone, in all graphs, is kept as what that makes of it: the same
/// numbers in a quarter of the bytes.
///
/// Each @main gets an argument more, `position`: how many positions were made before, 0 to as many as its past has. It
/// changes no result; a run that the state has no room for is refused by it.
///
/// A run may add fewer than its graph was imported for, where `fresh` has the name of the dimension that says how many:
/// its new rows are the first ones, and what is behind them, which was filled up, is not kept. By graph; empty: always
/// all.
///
/// An error says which pair is no such pair and why; the graphs are as they were then.
llvm::Expected<KeptState> keepState(llvm::ArrayRef<mlir::ModuleOp> imported, llvm::ArrayRef<StatePair> pairs,
                                    llvm::ArrayRef<std::string> fresh);

} // namespace tw::ir

#endif // TW_IR_STATE_H
