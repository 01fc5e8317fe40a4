// SPDX-License-Identifier: Apache-2.0
// What for: which sizes a run may have that takes an entry of a package: those that the entry was made for, or fewer
// where zeros beside are proved to change nothing.
// Called by: compile.
// Does not: choose among entries; the driver does, for each run.
#ifndef TW_TOOLS_LIB_BUCKETS_H
#define TW_TOOLS_LIB_BUCKETS_H

#include "Common.h"

#include "tw/codegen/Entries.h"
#include "tw/ir/State.h"

namespace tw::tools {

/// The dimensions that the model leaves open and `options` binds, in the order of its inputs, as they were bound: no
/// other size is taken.
std::vector<codegen::EntryDim> exactDims(const ir::OnnxSurvey &survey, const ir::OnnxImportOptions &options);

/// Makes each dimension's `least` as small as it is proved to be right: the model is imported for each smaller size,
/// and for all combinations of those of several dimensions. The entry's module is what was imported for the sizes that
/// `options` has. What a thousand imports, or four gigabytes of models, do not suffice for is left as it is.
///
/// A dimension that exporters name as a sum, "past + new", is as much smaller as its terms are: it follows the one of
/// them that may be. What a state has is never smaller. If nothing is proved of a model that reads an attention_mask,
/// it may be with a mask that shows a place, which the entry says then: the first one, or with a past the first that
/// is new, as every row may see it.
llvm::Error provePadding(const std::string &path, const ir::OnnxImportOptions &options,
                         llvm::ArrayRef<ir::StatePair> states, codegen::EntryGraph &entry);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_BUCKETS_H
