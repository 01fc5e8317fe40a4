// SPDX-License-Identifier: Apache-2.0
// Evaluations of library functions that have files of their own. Each fills the result, which is zero; what they
// compute is said in LibraryFunctions.def. Called by LibraryOps.cpp alone. They share nothing with the C code.
#ifndef TW_IR_LIB_INTERPRETER_LIBRARYOPS_H
#define TW_IR_LIB_INTERPRETER_LIBRARYOPS_H

#include "Kernels.h"

namespace tw::ir {

using Params = llvm::ArrayRef<int64_t>;

// LibraryImages.cpp
llvm::Error gridSample(const Operands &in, Params params, Tensor &result);
llvm::Error roiAlign(const Operands &in, Params params, Tensor &result);
llvm::Error maxRoiPool(const Operands &in, Params params, Tensor &result);
llvm::Error deformConv(const Operands &in, Params params, Tensor &result);
// LibraryQuantised.cpp
llvm::Error softmaxI8(const Operands &in, Params params, Tensor &result);
llvm::Error varianceI8(const Operands &in, Params params, Tensor &result);
llvm::Error normaliseI8(const Operands &in, Params params, Tensor &result);
llvm::Error normI8(const Operands &in, Params params, Tensor &result);
// LibraryRows.cpp
llvm::Error determinant(const Operands &in, Params params, Tensor &result);
llvm::Error nonMaxSuppression(const Operands &in, Params params, Tensor &result);
llvm::Error nonzero(const Operands &in, Params params, Tensor &result);
llvm::Error compress(const Operands &in, Params params, Tensor &result);
llvm::Error unique(const Operands &in, Params params, Tensor &result);

} // namespace tw::ir

#endif // TW_IR_LIB_INTERPRETER_LIBRARYOPS_H
