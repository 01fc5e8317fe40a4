// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Passes.h"
#include "tw/ir/ToLinalg.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace tw::ir {
#define GEN_PASS_DEF_BLOCKSTOLINALG
#include "tw/ir/Passes.h.inc"

namespace {

struct BlocksToLinalg : impl::BlocksToLinalgBase<BlocksToLinalg> {
  void runOnOperation() override {
    if (failed(lowerBlocksToLinalg(getOperation())))
      signalPassFailure();
  }
};

} // namespace
} // namespace tw::ir
