// SPDX-License-Identifier: Apache-2.0
// What for: operators that stay on the host, and layout changes, as machine code in one shared object.
// Called by: the pipeline, which adds a function per host step and links them at the end.
// Does not: call anything outside: no libm, no malloc; every loop has constant bounds.
#ifndef TW_CODEGEN_LIB_HOST_HOSTCODE_H
#define TW_CODEGEN_LIB_HOST_HOSTCODE_H

#include "mlir/IR/Operation.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace tw::codegen {

class HostCode {
public:
  explicit HostCode(const std::string &cpu);
  ~HostCode();

  /// A host function (struct tw_pkg_phase of the package), of extent 1, that runs the operators in order.
  /// Buffers: `values` in order, all row-major: every operand that comes from elsewhere, and every result.
  llvm::Error addBlock(const std::string &name, llvm::ArrayRef<mlir::Operation *> operators,
                       llvm::ArrayRef<mlir::Value> values);

  /// Row-major int8 [shape] to rows of lanes and back. Lanes beyond the last dimension are filled with `fill`.
  void addPack(const std::string &name, const std::vector<int64_t> &shape, int64_t lanes, int8_t fill);
  void addUnpack(const std::string &name, const std::vector<int64_t> &shape, int64_t lanes);

  bool isEmpty() const;
  /// The shared object; needs ld.lld.
  llvm::Expected<std::vector<uint8_t>> link();
  std::string text() const; // LLVM IR

private:
  struct Implementation;
  std::unique_ptr<Implementation> impl;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_HOSTCODE_H
