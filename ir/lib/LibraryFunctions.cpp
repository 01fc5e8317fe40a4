// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/LibraryFunctions.h"

#include "llvm/ADT/STLExtras.h"

namespace tw::ir {

llvm::ArrayRef<LibraryFunction> libraryFunctions() {
  static constexpr std::initializer_list<LibraryFunction> kFunctions = {
#define TW_LIBRARY_FUNCTION(NAME, OPERANDS, PARAMS, SCRATCH, COUNTED) {#NAME, OPERANDS, PARAMS, SCRATCH, COUNTED},
#include "tw/ir/LibraryFunctions.def"
  };
  return {kFunctions.begin(), kFunctions.size()};
}

const LibraryFunction *findLibraryFunction(llvm::StringRef name) {
  auto *found = llvm::find_if(libraryFunctions(), [&](const LibraryFunction &row) { return row.name == name; });
  return found == libraryFunctions().end() ? nullptr : found;
}

} // namespace tw::ir
