// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/GraphDialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "tw/ir/GraphDialect.cpp.inc"
#include "tw/ir/GraphEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
// mlir-tblgen names a parameter that attributes without a type do not use.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "tw/ir/GraphAttrs.cpp.inc"
#pragma GCC diagnostic pop

namespace tw::ir {

void GraphDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "tw/ir/GraphOps.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "tw/ir/GraphAttrs.cpp.inc"
      >();
}

llvm::SmallVector<llvm::StringRef> nodeNames(Location location) {
  llvm::SmallVector<llvm::StringRef> names;
  location->walk([&](Location part) {
    if (auto name = dyn_cast<NameLoc>(part))
      if (!llvm::is_contained(names, name.getName().getValue()))
        names.push_back(name.getName().getValue());
    return WalkResult::advance();
  });
  return names;
}

} // namespace tw::ir
