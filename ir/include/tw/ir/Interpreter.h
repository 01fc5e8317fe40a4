// SPDX-License-Identifier: Apache-2.0
// What for: the reference result of a graph, imported, fused or outlined, with arithmetic of its own.
// Called by: verification, constant folding, and tests that compare layer by layer.
// Does not: use isa/Numerics.h (the two are compared with each other) or any machine's limits.
//
// Float operators compute in float32 in a fixed order without contraction; integer operators as QuantParams.h writes.
// Blocks that are already linalg are evaluated element by element: slow, and the check of that lowering.
#ifndef TW_IR_INTERPRETER_H
#define TW_IR_INTERPRETER_H

#include "tw/ir/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"

#include <functional>
#include <string>

namespace tw::ir {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// One operation on tensors. A problem (an operator without an evaluation) is an error that names it.
llvm::Expected<Tensor> evaluate(mlir::Operation *op, llvm::ArrayRef<const Tensor *> operands);

class Interpreter {
public:
  // Sees each operation's result right after it is computed and may replace it: that is how a layer is fed with the
  // reference's inputs. Constants are not shown. Of an outlined block it sees the operations in the body, then the
  // call: a body that several calls share has the names of the first of them, the call has its own.
  using Observer = std::function<void(mlir::Operation *, Tensor &)>;

  explicit Interpreter(mlir::ModuleOp module) : module(module) {}

  // Results in order. Arguments must have the types of the function.
  llvm::Expected<std::vector<Tensor>> run(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> arguments,
                                          const Observer &observer = nullptr);
  // @main by name: every argument must be given, results come back named.
  llvm::Expected<std::vector<NamedTensor>> runMain(llvm::ArrayRef<NamedTensor> inputs,
                                                   const Observer &observer = nullptr);

private:
  const Tensor &constant(mlir::Operation *op);

  mlir::ModuleOp module;
  llvm::DenseMap<mlir::Operation *, Tensor> constants; // read once, however often the graph runs
};

// An observer that collects the result of every operation of @main (of every call, once outlined), each under the name
// of the last ONNX node that it contains.
Interpreter::Observer recordLayers(std::vector<NamedTensor> &layers);

// Names given to the arguments or results of a function (`tw.name`), "arg0", "result1" without one.
std::string argumentName(mlir::func::FuncOp function, unsigned index);
std::string resultName(mlir::func::FuncOp function, unsigned index);

} // namespace tw::ir

#endif // TW_IR_INTERPRETER_H
