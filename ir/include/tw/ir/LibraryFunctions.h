// SPDX-License-Identifier: Apache-2.0
// What for: the functions that tw.library may call: what has no loop form worth having.
// Called by: the verifier of tw.library; code generation, which links their C code into host code.
// Does not: compute; the C code and the interpreter's own writing stand elsewhere.
#ifndef TW_IR_LIBRARYFUNCTIONS_H
#define TW_IR_LIBRARYFUNCTIONS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace tw::ir {

struct LibraryFunction {
  static constexpr size_t kMostDimensions = 8; // of an operand or the result

  llvm::StringRef name;
  unsigned operands, params;
  unsigned scratch; // bytes for each element of the first operand, while it runs
  bool isCounted;   // values decide how many rows the result has; that it has another number is an error when it runs
};

llvm::ArrayRef<LibraryFunction> libraryFunctions();
const LibraryFunction *findLibraryFunction(llvm::StringRef name); // null: there is none

} // namespace tw::ir

#endif // TW_IR_LIBRARYFUNCTIONS_H
