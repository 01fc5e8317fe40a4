// SPDX-License-Identifier: Apache-2.0
#include "host/Views.h"

#include "tw/ir/Constants.h"

#include "mlir/Analysis/FlatLinearValueConstraints.h"

namespace tw::codegen {

using namespace mlir;

View denseView(unsigned array, Value like) {
  ir::Shape strides = ir::stridesOf(ir::shapeOf(like));
  return {array, 0, Steps(strides.begin(), strides.end())};
}

bool isDense(const View &view, ir::Dims shape) {
  ir::Shape dense = ir::stridesOf(shape);
  for (size_t d = 0; d != shape.size(); ++d)
    if (shape[d] != 1 && view.steps[d] != dense[d])
      return false;
  return true;
}

std::optional<std::pair<Steps, int64_t>> linear(AffineMap map, ArrayRef<int64_t> steps) {
  std::pair<Steps, int64_t> result{Steps(map.getNumDims(), 0), 0};
  for (auto [expression, step] : llvm::zip(map.getResults(), steps)) {
    SmallVector<int64_t> flat;
    if (failed(getFlattenedAffineExpr(expression, map.getNumDims(), 0, &flat)) || flat.size() != map.getNumDims() + 1)
      return std::nullopt;
    for (unsigned d = 0; d != map.getNumDims(); ++d)
      result.first[d] += flat[d] * step;
    result.second += flat.back() * step;
  }
  return result;
}

} // namespace tw::codegen
