// SPDX-License-Identifier: Apache-2.0
// mlir-opt with our dialects and passes: reads MLIR, runs the passes named on the command line, prints MLIR.
#include "tw/ir/Passes.h"
#include "tw/ir/Register.h"
#include "tw/tensorize/Passes.h"

#include "mlir-c/IR.h"
#include "mlir-c/RegisterEverything.h"
#include "mlir/CAPI/IR.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  // The C interface registers everything upstream without the headers of everything.
  MlirDialectRegistry everything = mlirDialectRegistryCreate();
  mlirRegisterAllDialects(everything);
  mlirRegisterAllPasses();
  mlir::DialectRegistry &registry = *unwrap(everything);
  tw::ir::registerGraphDialects(registry);
  tw::ir::registerTwIrPasses();
  tw::tensorize::registerPasses();
  mlir::PassPipelineRegistration<>("tw-graph-pipeline", "imported graph to blocks",
                                   [](mlir::OpPassManager &manager) { tw::ir::buildGraphPipeline(manager); });
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Tilewright's optimiser driver\n", registry));
}
