// SPDX-License-Identifier: Apache-2.0
#include "Quantized.h"

using namespace mlir;

namespace tw::ir {

std::optional<Quantized> dequantized(Value value, std::optional<int64_t> channelAxis) {
  auto op = value.getDefiningOp<DequantizeOp>();
  if (!op || elementTypeOf(op.getInput().getType()) != ElementType::I8 || !isConstant(op.getScale()) ||
      !isConstant(op.getZeroPoint()))
    return std::nullopt;
  Quantized result{op.getInput(), op.getScale(), op.getZeroPoint()};
  if (!result.perTensor() && (!channelAxis || static_cast<int64_t>(op.getAxis()) != *channelAxis))
    return std::nullopt;
  return result;
}

void uniteZeros(OpBuilder &builder, Quantized &weight) {
  auto zeros = constantInts(weight.zero);
  if (zeros.size() > 1 && llvm::all_equal(zeros))
    weight.zero =
        makeConstant(builder, weight.zero.getLoc(), "zero", Tensor::of<int8_t>({}, {static_cast<int8_t>(zeros[0])}));
}

std::optional<std::vector<double>> realConstant(Value value) {
  std::vector<double> real;
  if (isConstant(value)) {
    for (float number : constantFloats(value))
      real.push_back(number);
    return real;
  }
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  if (!dequantize || !isConstant(dequantize.getInput()) || !isConstant(dequantize.getScale()) ||
      !isConstant(dequantize.getZeroPoint()))
    return std::nullopt;
  auto values = constantInts(dequantize.getInput()), zeros = constantInts(dequantize.getZeroPoint());
  auto scales = constantFloats(dequantize.getScale());
  Dims shape = shapeOf(dequantize);
  const size_t axis = dequantize.getAxis();
  const int64_t inner = axis < shape.size() ? elementCount(shape.drop_front(axis + 1)) : 1;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t slice = axis < shape.size() ? i / inner % shape[axis] : 0;
    real.push_back(static_cast<double>(values[i] - zeros[zeros.size() == 1 ? 0 : slice]) *
                   static_cast<double>(scales[scales.size() == 1 ? 0 : slice]));
  }
  return real;
}

bool isPerChannel(Dims shape, int64_t channels, size_t inner) {
  const int64_t count = elementCount(shape);
  return count == 1 || (count == channels && shape.size() > inner && shape[shape.size() - 1 - inner] == channels);
}

} // namespace tw::ir
