// SPDX-License-Identifier: Apache-2.0
#include "Blocks.h"

#include "tw/ir/Constants.h"
#include "tw/ir/ToLinalg.h"

#include "mlir/IR/IRMapping.h"

#include <cassert>

namespace tw::codegen {

using mlir::Operation;
using mlir::Value;

namespace {

std::vector<mlir::func::CallOp> callsOf(mlir::ModuleOp module) {
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  auto calls = main.front().getOps<mlir::func::CallOp>();
  return {calls.begin(), calls.end()};
}

} // namespace

Blocks::Blocks(mlir::ModuleOp module) : loopModule(module.clone()) {
  // Calls keep their order, and every one its place.
  std::vector<mlir::func::CallOp> graph = callsOf(module);
  mlir::LogicalResult lowered = ir::lowerBlocksToLinalg(*loopModule);
  (void)lowered;
  assert(mlir::succeeded(lowered) && "blocks without a loop form stay as they are");
  std::vector<mlir::func::CallOp> loops = callsOf(*loopModule);
  assert(graph.size() == loops.size());
  for (size_t i = 0; i != graph.size(); ++i)
    list.push_back({graph[i], loops[i], module.lookupSymbol<mlir::func::FuncOp>(graph[i].getCallee()),
                    loopModule->lookupSymbol<mlir::func::FuncOp>(loops[i].getCallee())});
}

Value Blocks::inGraph(Value value) const {
  for (BlockCall call : list)
    if (value.getDefiningOp() == call.loops)
      return call.graph.getResult(llvm::cast<mlir::OpResult>(value).getResultNumber());
  if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(value))
    return list.front().graph->getParentOfType<mlir::func::FuncOp>().getArgument(argument.getArgNumber());
  return value;
}

std::vector<Operation *> Blocks::inlined(BlockCall call) {
  bodies.push_back(mlir::ModuleOp::create(call.graph.getLoc()));
  mlir::OpBuilder builder = mlir::OpBuilder::atBlockBegin(bodies.back()->getBody());
  mlir::IRMapping mapping;
  mapping.map(call.graphFunction.getArguments(), call.graph.getOperands());
  std::vector<Operation *> result;
  for (Operation &op : call.graphFunction.front().without_terminator()) {
    Operation *clone = builder.clone(op, mapping);
    if (!ir::isConstant(clone->getResult(0)))
      result.push_back(clone);
  }
  return result;
}

std::string kindOf(mlir::func::FuncOp block) {
  llvm::StringRef name = block.getName();
  name.consume_front("blk_");
  return name.rsplit('_').first.str();
}

} // namespace tw::codegen
