// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Macs.h"

#include "tw/ir/Constants.h"

#include "llvm/ADT/TypeSwitch.h"

namespace tw::ir {

int64_t macsOf(mlir::Operation *op) {
  return llvm::TypeSwitch<mlir::Operation *, int64_t>(op)
      .Case<QConvOp, QConvSumsOp, ConvOp>([](auto conv) {
        return elementCount(shapeOf(conv.getResult())) * elementCount(shapeOf(conv.getWeight())) /
               shapeOf(conv.getWeight())[0];
      })
      .Case<QGemmOp, QGemmSumsOp>(
          [](auto gemm) { return elementCount(shapeOf(gemm.getResult())) * shapeOf(gemm.getInput())[1]; })
      .Case([](GemmOp gemm) {
        return elementCount(shapeOf(gemm.getResult())) * shapeOf(gemm.getA())[gemm.getTransA() ? 0 : 1];
      })
      .Case<QMatmulOp, MatmulOp>(
          [](auto product) { return elementCount(shapeOf(product.getResult())) * shapeOf(product.getA()).back(); })
      .Default([](mlir::Operation *) { return 0; });
}

} // namespace tw::ir
