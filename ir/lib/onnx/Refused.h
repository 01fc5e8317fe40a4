// SPDX-License-Identifier: Apache-2.0
// What for: why whole kinds of operators are not read: what they are about has no place here.
// Called by: OpTable.cpp.
// Does not: list what could be built and is not yet.
#ifndef TW_IR_LIB_ONNX_REFUSED_H
#define TW_IR_LIB_ONNX_REFUSED_H

#include "llvm/ADT/StringRef.h"

namespace tw::ir::onnx {

// Empty for an operator of no such kind.
llvm::StringRef reasonToRefuse(llvm::StringRef domain, llvm::StringRef name);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_REFUSED_H
