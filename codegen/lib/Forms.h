// SPDX-License-Identifier: Apache-2.0
// The forms in which a tensor lies in memory: row-major, in rows of lanes, as bytes of image rows. Each is made once,
// when somebody first asks for it, by a host step where bytes must move. Two forms with the same bytes are one buffer.
#ifndef TW_CODEGEN_LIB_FORMS_H
#define TW_CODEGEN_LIB_FORMS_H

#include "Plan.h"
#include "host/HostCode.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tw::codegen {

class Forms {
public:
  Forms(Plan &plan, HostCode &host, int lanes) : plan(plan), host(host), lanes(lanes) {}

  /// Inputs of the entry; copies to its outputs.
  void bindArguments(mlir::func::FuncOp main);
  void bindResults(mlir::func::FuncOp main);

  /// `id` has the bytes of `from` under another shape.
  void rename(TensorId id, TensorId from) { plan.table[id].source = plan.table.original(from); }

  /// Buffer of the row-major form; a tensor that a host step is about to make gets an empty one.
  int rowForm(TensorId id);
  int newRowForm(TensorId id);

  /// The tensor whose form in rows of lanes holds these bytes already (perhaps under another shape), or -1.
  TensorId knownChipForm(TensorId id) const;
  /// Sees to it that the tensor lies in rows of lanes in its own shape. `zero` goes to the lanes beside it.
  void bringOnChip(TensorId id, int8_t zero);

private:
  int addIo(tw_pkg_buffer_kind kind, mlir::Value value, std::string name, bool isUnsigned, std::vector<uint32_t> &list);
  int stateOf(llvm::StringRef name, uint64_t bytes);
  void makeConstant(TensorId id, int8_t zero);

  // A step that copies bytes, and one that changes the form of a tensor.
  void copy(int from, int to, int64_t bytes);
  void convert(const std::string &what, const HostStep &code, int from, int to);

  Plan &plan;
  HostCode &host;
  int lanes;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_FORMS_H
