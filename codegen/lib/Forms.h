// SPDX-License-Identifier: Apache-2.0
// The forms in which a value of @main lies in memory: row-major, in rows of lanes, as bytes of image rows. Each is made
// when somebody first asks for it, by a host step where bytes must move.
#ifndef TW_CODEGEN_LIB_FORMS_H
#define TW_CODEGEN_LIB_FORMS_H

#include "Plan.h"
#include "host/HostCode.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>

namespace tw::codegen {

std::vector<int64_t> shapeVector(mlir::Value value);
int64_t elementBytes(mlir::Value value);
/// First ONNX node of the operation that makes a value.
std::string nameOf(mlir::Value value);

class Forms {
public:
  Forms(Plan &plan, HostCode &host, int lanes) : plan(plan), host(host), lanes(lanes) {}

  /// Inputs of the entry; copies to its outputs.
  void bindArguments(mlir::func::FuncOp main);
  void bindResults(mlir::func::FuncOp main);

  /// `value` has the bytes of `from` under another shape.
  void rename(mlir::Value value, mlir::Value from) { sources[value] = source(from); }

  /// Buffer of the row-major form; a value that a host step is about to make gets an empty one.
  int rowForm(mlir::Value value);
  int newRowForm(mlir::Value value);

  /// The chip tensor that already holds the value (perhaps under another shape), or -1.
  int knownChipForm(mlir::Value value) const;
  /// One of the value's own shape is made if none is known, or if the known one `cannot` be read. `zero` goes to the
  /// lanes beside it.
  int chipForm(mlir::Value value, int8_t zero, bool cannotUseKnown = false);
  void setChipForm(mlir::Value value, int chip) { chipForms[value] = chip; }

  /// The value as bytes of image rows: [.., w * C + c]; `zero` stands behind the last pixel, where padding is read.
  int rowsForm(mlir::Value value, int8_t zero);
  static std::vector<int64_t> rowsShape(mlir::Value value);

private:
  struct ValueLess {
    bool operator()(mlir::Value a, mlir::Value b) const { return a.getAsOpaquePointer() < b.getAsOpaquePointer(); }
  };
  using ByValue = std::map<mlir::Value, int, ValueLess>;

  mlir::Value source(mlir::Value value) const;
  int addIo(tw_pkg_buffer_kind kind, mlir::Value value, std::string name, bool isUnsigned, std::vector<uint32_t> &list);

  // A step that changes the form of a tensor.
  void convert(const std::string &what, const HostStep &code, int from, int to);

  Plan &plan;
  HostCode &host;
  int lanes;
  std::map<mlir::Value, mlir::Value, ValueLess> sources; // of renamed values
  ByValue rows;                                          // buffer
  ByValue chipForms;                                     // chip tensor
  std::map<int8_t, ByValue> rowsForms;                   // chip tensor, by what stands behind the last pixel
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_FORMS_H
