// SPDX-License-Identifier: Apache-2.0
// Float32 operators of one element, and QuantizeLinear and DequantizeLinear.
#include "Elements.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;

namespace tw::ir::definition {
namespace {

// A scale or zero point: one number, or one for each slice of an axis.
class Parameter {
public:
  Parameter(Elements &elements, Value value, Dims tensor, int64_t axis) : numbers(elements.whole(value)) {
    if (numbers->size() == 1)
      return;
    extent = tensor[axis];
    inner = elementCount(tensor.drop_front(axis + 1));
  }
  double operator()(int64_t linear) const { return (*numbers)[linear / inner % extent]; }

private:
  Numbers numbers;
  int64_t inner = 1, extent = 1;
};

std::function<double(double)> unary(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::function<double(double)>>(op)
      .Case([](ReluOp) { return [](double x) { return x < 0 ? 0 : x; }; })
      .Case([](ClipOp clip) {
        const double lo = clip.getLo().convertToFloat(), hi = clip.getHi().convertToFloat();
        return [lo, hi](double x) { return std::fmin(std::fmax(x, lo), hi); };
      })
      .Case([](LeakyReluOp leaky) {
        const double alpha = leaky.getAlpha().convertToFloat();
        return [alpha](double x) { return x < 0 ? alpha * x : x; };
      })
      .Case([](HardSigmoidOp hard) {
        const double alpha = hard.getAlpha().convertToFloat(), beta = hard.getBeta().convertToFloat();
        return [alpha, beta](double x) { return std::clamp(alpha * x + beta, 0.0, 1.0); };
      })
      .Case([](SigmoidOp) { return [](double x) { return 1 / (1 + std::exp(-x)); }; })
      .Case([](TanhOp) { return [](double x) { return std::tanh(x); }; })
      .Default([](Operation *) { return nullptr; });
}

} // namespace

double quantized(double x, double scale, double zero, ElementType type) {
  const double values = type == ElementType::I8 || type == ElementType::U8 ? 256 : 65536;
  const double lo = isUnsignedInteger(type) ? 0 : -values / 2;
  const double steps = x / scale;
  return std::isnan(steps) ? zero : std::clamp(std::nearbyint(steps) + zero, lo, lo + values - 1);
}

Reader pointwiseReader(Operation *op, Elements &elements) {
  if (auto quantize = dyn_cast<QuantizeOp>(op)) {
    Dims shape = shapeOf(quantize.getInput());
    const int64_t axis = static_cast<int64_t>(quantize.getAxis());
    return [x = elements.reader(quantize.getInput()), scale = Parameter(elements, quantize.getScale(), shape, axis),
            zero = Parameter(elements, quantize.getZeroPoint(), shape, axis),
            type = elementTypeOf(quantize.getType())](int64_t i) { return quantized(x(i), scale(i), zero(i), type); };
  }
  if (auto dequantize = dyn_cast<DequantizeOp>(op)) {
    Dims shape = shapeOf(dequantize.getInput());
    const int64_t axis = static_cast<int64_t>(dequantize.getAxis());
    return [q = elements.reader(dequantize.getInput()), scale = Parameter(elements, dequantize.getScale(), shape, axis),
            zero = Parameter(elements, dequantize.getZeroPoint(), shape, axis)](int64_t i) {
      return (q(i) - zero(i)) * scale(i);
    };
  }
  if (auto flip = dyn_cast<FlipSignOp>(op)) {
    if (!isUnsignedInteger(elementTypeOf(flip.getInput().getType())))
      return nullptr; // an imported graph has it from uint8 only
    return [x = elements.reader(flip.getInput())](int64_t i) { return x(i) - 128; };
  }
  if (auto function = unary(op))
    return [function, x = elements.reader(op->getOperand(0))](int64_t i) { return function(x(i)); };
  return nullptr;
}

} // namespace tw::ir::definition
