// SPDX-License-Identifier: Apache-2.0
// Graph inputs: their types with dimensions bound, and those whose value is given when the model is compiled.
#ifndef TW_IR_LIB_ONNX_INPUTS_H
#define TW_IR_LIB_ONNX_INPUTS_H

#include "HeldTypes.h"
#include "Model.h"

#include "llvm/ADT/Twine.h"

#include <functional>

namespace tw::ir::onnx {

class Inputs {
public:
  // An error is reported at the input's place.
  using Report = std::function<void(const llvm::Twine &place, const llvm::Twine &text)>;

  Inputs(const ::onnx::GraphProto &onnxGraph, const OnnxImportOptions &importOptions, Report reportProblem)
      : graph(onnxGraph), options(importOptions), report(std::move(reportProblem)) {}

  // The given values, by input. What a value says of a free dimension holds for all inputs that have it.
  std::map<std::string, Tensor> bindConstants();
  // Type and shape of an input that stays one: a tensor without its bytes.
  struct Type {
    ElementType element;
    Shape shape;
    const HeldType *held = nullptr; // what the element type only holds
  };
  std::optional<Type> typeOf(const ::onnx::ValueInfoProto &info);
  // Bound names that the model does not have; to be asked when all inputs were looked at.
  void checkNames() const;

  std::map<std::string, int64_t> boundDims;

private:
  std::optional<Tensor> constantOf(const ::onnx::ValueInfoProto &info, const OnnxConstant &given);
  std::optional<Shape> shapeOf(const ::onnx::ValueInfoProto &info);
  std::optional<int64_t> dimOf(const ::onnx::ValueInfoProto &info, int index);
  bool fits(const ::onnx::ValueInfoProto &info, const Tensor &tensor);

  const ::onnx::GraphProto &graph;
  const OnnxImportOptions &options;
  Report report;
};

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_INPUTS_H
