// SPDX-License-Identifier: Apache-2.0
// What for: a constant whose bytes lie in a mapped file and are not copied.
// Called by: the importer, for weights beside the model.
// Does not: map the file, or look at the bytes.
#ifndef TW_IR_MAPPEDCONSTANT_H
#define TW_IR_MAPPEDCONSTANT_H

#include "tw/ir/GraphDialect.h"

#include "mlir/IR/Builders.h"

#include <memory>

namespace tw::ir {

// Row-major bytes, as many as the type has; `owner` keeps them. The name becomes the resource's name.
ConstantOp makeMappedConstant(mlir::OpBuilder &builder, mlir::Location location, llvm::StringRef name,
                              mlir::RankedTensorType type, llvm::ArrayRef<char> bytes, std::shared_ptr<void> owner);

} // namespace tw::ir

#endif // TW_IR_MAPPEDCONSTANT_H
