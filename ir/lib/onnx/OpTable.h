// SPDX-License-Identifier: Apache-2.0
// What OpTable.def says: which operators there are, and which version of one a model's opset means.
#ifndef TW_IR_LIB_ONNX_OPTABLE_H
#define TW_IR_LIB_ONNX_OPTABLE_H

#include "Node.h"

#include <array>

namespace tw::ir::onnx {

struct OpVersion {
  constexpr OpVersion(int sinceVersion = 0, bool builderKnows = true) : number(sinceVersion), isBuilt(builderKnows) {}
  int number;
  bool isBuilt;
};

struct OpRow {
  static constexpr size_t kMostVersions = 16;
  llvm::StringRef domain, name; // the domain of ONNX's own operators is ""
  NodeBuilder builder;
  bool movesOnly;
  std::array<OpVersion, kMostVersions> list; // ascending; 0 behind the last one

  llvm::ArrayRef<OpVersion> versions() const;
  // The one that an opset means: the newest that is not newer. Null before the first.
  const OpVersion *versionAt(int64_t opset) const;
};

llvm::ArrayRef<OpRow> opRows();
// "" and "ai.onnx" are the same domain.
const OpRow *findOp(llvm::StringRef domain, llvm::StringRef name);
bool isDefaultDomain(llvm::StringRef domain);

// Why no row builds the operator in this opset of its domain; empty when one does.
std::string operatorProblem(llvm::StringRef domain, llvm::StringRef name, int64_t opset);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_OPTABLE_H
