// SPDX-License-Identifier: Apache-2.0
// Builds the nodes of ONNX graphs, nested ones and functions included, one behind the other in one block.
#ifndef TW_IR_LIB_ONNX_GRAPHBUILDER_H
#define TW_IR_LIB_ONNX_GRAPHBUILDER_H

#include "ExternalData.h"
#include "Folder.h"
#include "ModelFunctions.h"
#include "OpTable.h"
#include "Plan.h"
#include "Scope.h"

#include "llvm/ADT/DenseMap.h"

namespace tw::ir::onnx {

class GraphBuilder {
public:
  GraphBuilder(mlir::OpBuilder &opBuilder, const Functions &modelFunctions, const std::string &modelFolder,
               std::vector<Diag> &importProblems)
      : builder(opBuilder), folder(opBuilder), external(modelFolder), functions(modelFunctions),
        problems(importProblems) {}

  void problem(const llvm::Twine &place, const llvm::Twine &text);
  mlir::Location nameLoc(const llvm::Twine &name) { return mlir::NameLoc::get(builder.getStringAttr(name)); }

  // The initializers that the plan needs become constants of the scope.
  void readInitializers(const ::onnx::GraphProto &graph, const Plan &plan, Scope &scope);
  void buildNodes(const Plan &plan, Scope &scope);

  // The results of a graph with these values as its inputs, built where the builder stands. The scope is that of the
  // node which holds the graph. Fails silently when a problem was recorded for one of them.
  FailureOr<llvm::SmallVector<Value>> inlineGraph(const ::onnx::GraphProto &graph, llvm::ArrayRef<Value> inputs,
                                                  const Scope &outer, const std::string &prefix);

  // A 16-bit float as float32, made once for all its readers.
  Value asFloat(Value value);

  // What the model itself says of its values, where no dimension is free.
  void readDeclaredShapes(const ::onnx::GraphProto &graph);
  std::optional<Shape> declaredShape(llvm::StringRef name) const;

  mlir::OpBuilder &builder;
  Folder folder;
  ExternalData external;
  llvm::DenseMap<Value, const HeldType *> heldTypes; // Node::heldTypeOf

private:
  llvm::Expected<Value> readInitializer(const ::onnx::TensorProto &proto);
  void buildNode(const ::onnx::NodeProto &proto, const Plan &plan, Scope &scope);
  void callFunction(const Function &function, const ::onnx::NodeProto &proto, Scope &scope);
  void checkGraphs(const ::onnx::NodeProto &proto, const Scope &scope);
  const Plan *planOnce(const void *key, const Nodes &nodes, const llvm::StringSet<> &given,
                       const std::vector<std::string> &outputs, const Scope &scope);
  bool mayInline(const Plan &plan, const std::string &prefix);

  const Functions &functions;
  std::vector<Diag> &problems;
  llvm::StringSet<> said;
  llvm::StringMap<Shape> declared;
  llvm::DenseMap<Value, Value> floats;                             // by the narrow value
  llvm::DenseMap<const ::onnx::TensorProto *, Value> initializers; // a loop's body is built many times
  std::map<const void *, std::optional<Plan>> plans;               // of nested graphs and functions; nothing: a bad one
  std::vector<const Function *> calls;                             // the functions that are being built
  int64_t inlinedNodes = 0;
};

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_GRAPHBUILDER_H
