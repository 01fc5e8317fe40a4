// SPDX-License-Identifier: Apache-2.0
// The forms in which a tensor lies in memory: row-major, in rows of lanes, as bytes of image rows, row-major on the
// GPU. Each is made once, when somebody first asks for it, by the first executor that can where bytes must move. Two
// forms with the same bytes are one buffer.
#ifndef TW_CODEGEN_LIB_FORMS_H
#define TW_CODEGEN_LIB_FORMS_H

#include "Executors.h"
#include "Plan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tw::codegen {

class Forms {
public:
  /// `executors`: those that change forms, when they are there.
  Forms(Plan &plan, const std::vector<std::unique_ptr<Executor>> &executors, int lanes)
      : plan(plan), executors(executors), lanes(lanes) {}

  /// Inputs of the entry; copies to its outputs.
  void bindArguments(mlir::func::FuncOp main);
  void bindResults(mlir::func::FuncOp main);

  /// `id` has the bytes of `from` under another shape.
  void rename(TensorId id, TensorId from) { plan.table[id].source = plan.table.original(from); }

  /// Buffer of the row-major form; a tensor that a host step is about to make gets an empty one.
  int rowForm(TensorId id);
  int newRowForm(TensorId id);
  /// The same in the GPU's memory; of a constant, the buffer that the driver copies there when it loads the package.
  int gpuForm(TensorId id);
  int newGpuForm(TensorId id);

  /// The tensor whose form in rows of lanes holds these bytes already (perhaps under another shape), or -1.
  TensorId knownChipForm(TensorId id) const;
  /// What steps would take that give it this form, 0 if it needs none; and those behind a block that makes a tensor in
  /// this form, as far as the graph tells.
  double costOf(const FormOf &wanted) const;
  double costOfGiven(const FormOf &given) const;

  /// Sees to it that the tensor lies in rows of lanes in its own shape. `zero` goes to the lanes beside it.
  void bringOnChip(TensorId id, int8_t zero);

private:
  int addIo(tw_pkg_buffer_kind kind, mlir::Value value, std::string name, bool isUnsigned, std::vector<uint32_t> &list);
  int stateOf(llvm::StringRef name, uint64_t bytes, uint8_t fill);
  void makeConstant(TensorId id, int8_t zero);

  bool isReadInPlace(TensorId id) const { return plan.table.hasWholeRows(id, lanes) || plan.table.isOneRow(id); }
  TensorId rowsOf(TensorId id) const;
  int convert(const Conversion &what);
  double costOf(const Conversion &what) const;

  Plan &plan;
  const std::vector<std::unique_ptr<Executor>> &executors;
  int lanes;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_FORMS_H
