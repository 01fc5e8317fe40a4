// SPDX-License-Identifier: Apache-2.0
#include "Blocks.h"

#include "Tensors.h"
#include "tw/ir/Constants.h"
#include "tw/ir/Macs.h"
#include "tw/ir/ToLinalg.h"

#include "mlir/IR/IRMapping.h"

#include <cassert>

namespace tw::codegen {

using mlir::Operation;

namespace {

// On a call while its block is lowered: its number, by which its facts are found again.
constexpr const char *kNumber = "tw.block";

std::string kindOf(mlir::func::FuncOp block) {
  llvm::StringRef name = block.getName();
  name.consume_front("blk_");
  return name.rsplit('_').first.str();
}

BlockFacts factsOf(mlir::func::CallOp call, mlir::func::FuncOp function) {
  BlockFacts facts;
  facts.node = nameOf(call.getResult(0));
  for (llvm::StringRef node : ir::nodeNames(call.getLoc()))
    facts.nodes.push_back(node.str());
  facts.function = function.getName().str();
  facts.kind = kindOf(function);
  // The operators with the call's operands in place of the function's arguments.
  mlir::OwningOpRef<mlir::ModuleOp> inlined = mlir::ModuleOp::create(call.getLoc());
  mlir::OpBuilder builder = mlir::OpBuilder::atBlockBegin(inlined->getBody());
  mlir::IRMapping mapping;
  mapping.map(function.getArguments(), call.getOperands());
  std::vector<Operation *> operators;
  for (Operation &op : function.front().without_terminator()) {
    Operation *clone = builder.clone(op, mapping);
    if (ir::isConstant(clone->getResult(0)))
      continue;
    operators.push_back(clone);
    const int64_t macs = ir::macsOf(clone);
    facts.macs += macs;
    if (macs != 0 && ir::elementTypeOf(clone->getOperand(0).getType()) == ir::ElementType::I8)
      facts.macsInt8 += macs;
  }
  facts.notes = notesOf(call, facts.kind, operators);
  return facts;
}

} // namespace

Blocks::Blocks(llvm::ArrayRef<mlir::ModuleOp> modules) {
  for (mlir::ModuleOp module : modules)
    add(module);
}

void Blocks::add(mlir::ModuleOp module) {
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  mlir::Builder builder(module.getContext());
  const mlir::SymbolTable graph(module);
  for (auto call : main.front().getOps<mlir::func::CallOp>()) {
    auto function = graph.lookup<mlir::func::FuncOp>(call.getCallee());
    call->setAttr(kNumber, builder.getI64IntegerAttr(int64_t(list.size())));
    list.push_back({mains.size(), nullptr, nullptr, factsOf(call, function)});
  }
  mlir::LogicalResult lowered = ir::lowerBlocksToLinalg(module);
  (void)lowered;
  assert(mlir::succeeded(lowered) && "blocks without a loop form stay as they are");
  const mlir::SymbolTable loops(module); // blocks with wide sums are functions of their own
  for (auto call : main.front().getOps<mlir::func::CallOp>()) {
    BlockCall &block = list[size_t(call->getAttrOfType<mlir::IntegerAttr>(kNumber).getInt())];
    call->removeAttr(kNumber);
    block.call = call;
    block.function = loops.lookup<mlir::func::FuncOp>(call.getCallee());
  }
  mains.push_back(main);
}

} // namespace tw::codegen
