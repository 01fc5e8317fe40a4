// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

namespace tw::ir {

void buildGraphPipeline(mlir::OpPassManager &manager, const GraphPipelineOptions &options) {
  manager.addPass(createVerifyIr());
  auto onFunctions = [&](std::unique_ptr<mlir::Pass> pass) {
    manager.addNestedPass<mlir::func::FuncOp>(std::move(pass));
  };
  onFunctions(createConvertUint8());
  onFunctions(createFoldConstants());
  onFunctions(createSimplify());
  onFunctions(createFoldScales());
  onFunctions(mlir::createCSEPass()); // equal quantisers of one value are one
  onFunctions(createFuseQdq());
  onFunctions(createDropDeadTaps()); // padding is part of convolutions now, and sums have none that is 0
  onFunctions(createFuseSums());
  onFunctions(createCanonicalizeLayout());
  onFunctions(createJoinMoves());
  onFunctions(createFoldConstants());
  if (options.fuseResidual)
    onFunctions(createFuseDrain());
  onFunctions(mlir::createCanonicalizerPass());
  onFunctions(mlir::createCSEPass());
  manager.addPass(createVerifyIr(VerifyIrOptions{"fused"}));
  if (!options.outline)
    return;
  manager.addPass(createOutlineBlocks(OutlineBlocksOptions{options.fuseResidual}));
  manager.addPass(createVerifyIr(VerifyIrOptions{"outlined"}));
}

} // namespace tw::ir
