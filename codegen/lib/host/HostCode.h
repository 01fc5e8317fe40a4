// SPDX-License-Identifier: Apache-2.0
// What for: blocks as machine code in one shared object, each as phases that can be cut into ranges.
// Called by: the pipeline, which adds a block per host step and links them at the end.
// Does not: call anything outside: no libm, no malloc; every loop has constant bounds.
#ifndef TW_CODEGEN_LIB_HOST_HOSTCODE_H
#define TW_CODEGEN_LIB_HOST_HOSTCODE_H

#include "host/Tile.h"
#include "tw/isa/Package.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace tw::codegen {

/// How a step runs a block.
struct HostStep {
  struct Buffer {
    HostArray::Kind kind = HostArray::Argument;
    unsigned argument = 0;                     // of the block, or the number of its result
    const DerivedConstant *constant = nullptr; // for Derived: what must lie there
  };
  std::vector<Buffer> buffers; // in the order in which the phases take them
  std::vector<isa::PackagePhase> phases;
  uint64_t sharedBytes = 0, privateBytes = 0;
};

/// What a block takes, known before there is code of it.
struct HostNeeds {
  uint64_t scratchBytes = 0;
  int64_t bufferBytes = 0; // read and written
};

class HostCode {
public:
  HostCode(mlir::MLIRContext *context, HostProcessor processor);
  ~HostCode();

  /// What add() would need: the block is read and tiled, and nothing of it is in the object.
  llvm::Expected<HostNeeds> needsOf(mlir::func::FuncOp block, const std::vector<bool> &isConstant);

  /// Code of a block in loop form; `isConstant`: which of its arguments have bytes that are known when the package is
  /// made. Equal questions get the same code. The answer lives as long as this.
  llvm::Expected<const HostStep *> add(mlir::func::FuncOp block, const std::vector<bool> &isConstant);

  /// int8 [shape] to rows of `lanes`, those beyond the last dimension with `fill`; and back, of any element.
  llvm::Expected<const HostStep *> pack(llvm::ArrayRef<int64_t> shape, int64_t lanes, int8_t fill);
  llvm::Expected<const HostStep *> unpack(mlir::Type element, llvm::ArrayRef<int64_t> shape, int64_t lanes);

  bool isEmpty() const;
  /// The shared object; needs ld.lld.
  llvm::Expected<std::vector<uint8_t>> link();
  std::string text() const; // its loops, before they are lowered by link()

private:
  struct Implementation;
  std::unique_ptr<Implementation> impl;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_HOSTCODE_H
