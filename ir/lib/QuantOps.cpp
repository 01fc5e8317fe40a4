// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/QuantOps.h"

namespace tw::ir {

EltwiseFunction eltwiseFunction(EltwiseKind kind) {
  switch (kind) {
  case EltwiseKind::Add:
    return EltwiseFunction::Add;
  case EltwiseKind::Sub:
    return EltwiseFunction::Sub;
  case EltwiseKind::Mul:
    return EltwiseFunction::Mul;
  case EltwiseKind::Min:
    return EltwiseFunction::Min;
  case EltwiseKind::Max:
    return EltwiseFunction::Max;
  }
  llvm_unreachable("all kinds are listed");
}

std::vector<float> requantMultipliers(llvm::ArrayRef<float> inScale, llvm::ArrayRef<float> weightScale,
                                      float outScale) {
  std::vector<float> multipliers;
  for (float scale : weightScale)
    multipliers.push_back(requantMultiplier(inScale.front(), scale, outScale));
  return multipliers;
}

std::vector<int64_t> averageCountsOf(QPoolOp op) {
  bool last = op.getLayout() == Layout::NHWC;
  Dims in = shapeOf(op.getInput()).drop_front(last ? 1 : 2), out = shapeOf(op.getResult()).drop_front(last ? 1 : 2);
  Dims kernel = op.getKernel(), strides = op.getStrides(), pads = op.getPads();
  return averageCounts({in[0], in[1]}, {out[0], out[1]}, {kernel[0], kernel[1]}, {strides[0], strides[1]},
                       {pads[0], pads[1], pads[2], pads[3]}, op.getCountIncludePad());
}

std::optional<AverageParams> averageParamsOf(QPoolOp op, float inScale, float outScale) {
  return averageParams(inScale, outScale, averageCountsOf(op));
}

} // namespace tw::ir
