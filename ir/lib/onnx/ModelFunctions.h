// SPDX-License-Identifier: Apache-2.0
// The functions that a model brings along, and a walk over all operators that its graph means.
#ifndef TW_IR_LIB_ONNX_MODELFUNCTIONS_H
#define TW_IR_LIB_ONNX_MODELFUNCTIONS_H

#include "Model.h"
#include "Plan.h"

namespace tw::ir::onnx {

struct Function {
  std::string name; // with its domain
  const ::onnx::FunctionProto *proto;
  Opsets opsets;                                // the model's, and in their place its own
  std::vector<::onnx::AttributeProto> defaults; // of its attributes
};

class Functions {
public:
  Functions() = default;
  Functions(const ::onnx::ModelProto &model, const Opsets &opsets);
  // The one that a node calls; null when it calls none. A model's own function goes before an operator of its name.
  const Function *find(const ::onnx::NodeProto &node) const;

private:
  llvm::StringMap<Function> functions;
};

// Why the node cannot be built whatever its inputs are; empty: nothing is known that speaks against it.
std::string problemOf(const ::onnx::NodeProto &node, const Opsets &opsets, const Functions &functions);

// Every node that leads to one of the outputs, those of functions and nested graphs with it.
struct VisitedNode {
  const ::onnx::NodeProto &node;
  std::string name, problem; // its name with those of the nodes around it
};
void walkNodes(const Nodes &nodes, const std::vector<std::string> &outputs, const Opsets &opsets,
               const Functions &functions, const std::string &prefix,
               llvm::function_ref<void(const VisitedNode &)> visit);

// The names of a graph's outputs.
std::vector<std::string> outputNames(const ::onnx::GraphProto &graph);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_MODELFUNCTIONS_H
