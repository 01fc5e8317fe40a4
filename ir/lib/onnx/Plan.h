// SPDX-License-Identifier: Apache-2.0
// Which nodes of a graph are built, and in which order.
#ifndef TW_IR_LIB_ONNX_PLAN_H
#define TW_IR_LIB_ONNX_PLAN_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringSet.h"

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

namespace tw::ir::onnx {

using Nodes = google::protobuf::RepeatedPtrField<::onnx::NodeProto>;

// Names that a node reads: its inputs, and what its graphs take from around them.
std::vector<std::string> usedNames(const ::onnx::NodeProto &node);

struct Plan {
  // Only what leads to an output, in dependency order: exporters leave nodes of all kinds behind, and no runtime asks
  // for them.
  std::vector<const ::onnx::NodeProto *> order;
  llvm::StringSet<> needed; // names that lead to an output
};

// `given` are names that no node produces: initializers, inputs; `isOuter` says which others are to be had from around
// the graph. `problem` gets each node that reads what nobody produces, produces what is produced already, or depends on
// itself; then the plan is not to be used.
Plan planNodes(const Nodes &nodes, const llvm::StringSet<> &given, const std::vector<std::string> &outputs,
               llvm::function_ref<bool(llvm::StringRef)> isOuter,
               llvm::function_ref<void(const ::onnx::NodeProto &, const std::string &)> problem);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_PLAN_H
