// SPDX-License-Identifier: Apache-2.0
// What for: which sizes a run may have that takes an entry of a package: those that the entry was made for, or fewer
// where zeros beside are proved to change nothing.
// Called by: compile.
// Does not: choose among entries; the driver does, for each run.
#ifndef TW_TOOLS_LIB_BUCKETS_H
#define TW_TOOLS_LIB_BUCKETS_H

#include "Common.h"

#include "tw/codegen/Compile.h"

namespace tw::tools {

/// The dimensions that the model leaves open and `options` binds, in the order of its inputs, as they were bound: no
/// other size is taken.
std::vector<codegen::EntryDim> exactDims(const ir::OnnxSurvey &survey, const ir::OnnxImportOptions &options);

/// Makes each dimension's `least` as small as it is proved to be right: the model is imported for each smaller size,
/// and for all combinations of those of several dimensions. `large` is what was imported for the sizes that `options`
/// has. What a thousand imports, or four gigabytes of models, do not suffice for is left as it is.
llvm::Error provePadding(const std::string &path, const ir::OnnxImportOptions &options, mlir::ModuleOp large,
                         std::vector<codegen::EntryDim> &dims);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_BUCKETS_H
