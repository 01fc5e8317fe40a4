// SPDX-License-Identifier: Apache-2.0
// Library functions, written apart from their C code: comparing the two means something.
#include "Kernels.h"

#include "tw/ir/LibraryFunctions.h"

using namespace mlir;

namespace tw::ir {

llvm::Expected<Tensor> evaluateOp(LibraryOp op, const Operands &) {
  return llvm::createStringError("the interpreter has no evaluation of library function '" + op.getName() + "'");
}

} // namespace tw::ir
