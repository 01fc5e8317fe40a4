// SPDX-License-Identifier: Apache-2.0
// What for: an ONNX model (bytes) becomes a graph module: `@main` with named arguments and results, dimensions bound.
// Called by: tools and tests.
// Does not: optimise; throw (libonnx and protobuf exceptions end here); read files, but for external data in the folder
// that it is given.
#ifndef TW_IR_ONNXIMPORT_H
#define TW_IR_ONNXIMPORT_H

#include "tw/ir/Tensor.h"
#include "tw/isa/Diag.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tw::ir {

constexpr int64_t kOldestOpset = 1, kNewestOpset = 25;
constexpr int64_t kOldestIrVersion = 3, kNewestIrVersion = 13;

// The value of a graph input that is known when the model is compiled: numbers as text ("1,3,224"), taken for the
// input's type, or a tensor that must have its type.
struct OnnxConstant {
  std::string text = {};
  std::optional<Tensor> tensor = {};
};

struct OnnxImportOptions {
  std::map<std::string, int64_t> dims = {};           // values of symbolic dimensions
  std::map<std::string, OnnxConstant> constants = {}; // by graph input, which is no argument then
  // Of the file: its external data may lie there, and nowhere else. Without one there is none.
  std::string folder = {};
};

// Null when there are problems; then `problems` holds all that were found, not only the first, each at its node, tensor
// or part of the file, as the model calls it. The context must have the graph and func dialects loaded
// (registerGraphDialects). Arguments and results carry `tw.name`; the module carries `tw.dims` when dimensions were
// bound, `tw.constants` (a text for each) when inputs were, `tw.opset`, and `tw.notes` (texts) where the model says
// something that is not so and does no harm.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(mlir::MLIRContext &context, std::string_view bytes,
                                             std::string_view fileName, const OnnxImportOptions &options,
                                             std::vector<Diag> &problems);

// What can be said of a model without computing any shape: every node with what is wrong with its operator (empty:
// nothing), and the names under which `OnnxImportOptions::dims` binds its free dimensions.
struct OnnxNode {
  std::string name, type, problem;
};
struct OnnxInput {
  std::string name;
  std::vector<std::string> dims; // by axis: the name of a free dimension; empty: its extent is known
};
struct OnnxSurvey {
  int64_t opset = 0;
  std::vector<OnnxNode> nodes;
  std::vector<OnnxInput> inputs;          // without those that are given
  std::vector<std::string> freeDims;      // that no given constant binds
  std::vector<std::string> externalFiles; // that tensors lie in, as the model names them: relative to its folder
};
// Nothing when the bytes are no model or its opset is unknown: then `problems` says why. `constants`: inputs whose
// value will be given.
std::optional<OnnxSurvey> surveyOnnx(std::string_view bytes, const std::map<std::string, OnnxConstant> &constants,
                                     std::vector<Diag> &problems);

// One line per problem: "model.onnx: node 'x': text".
std::string problemText(std::string_view fileName, const std::vector<Diag> &problems);

// The op table, by domain and name: the since-versions of each operator up to kNewestOpset, ascending.
struct OnnxOperator {
  std::string_view domain, name; // ONNX's own domain is ""
  std::vector<int> versions, refused;
};
std::vector<OnnxOperator> supportedOnnxOperators();
std::string onnxOperatorPage(); // Markdown

} // namespace tw::ir

#endif // TW_IR_ONNXIMPORT_H
