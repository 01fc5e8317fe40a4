// SPDX-License-Identifier: Apache-2.0
// Fused integer operators. The arithmetic here is a second, independent writing of QuantParams.h's rules.
#include "Convolve.h"

#include "tw/ir/QuantOps.h"
#include "tw/isa/DiagError.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace tw::ir {
namespace {

int8_t saturate(int64_t value) { return static_cast<int8_t>(std::clamp<int64_t>(value, -128, 127)); }

int32_t zeroOf(const Tensor &tensor, int64_t index = 0) { return static_cast<int32_t>(tensor.integerAt(index)); }
float scaleOf(const Tensor &tensor, int64_t index = 0) { return tensor.data<float>()[index]; }

llvm::Error noFixedPoint(Operation *op) {
  return errorAt("'" + op->getName().getStringRef() + "'", "the ratio of its scales has no fixed-point form");
}

// a and b without their zero points.
int64_t eltwiseSum(EltwiseKind kind, int64_t a, int64_t b, const EltwiseParams &p) {
  switch (kind) {
  case EltwiseKind::Add:
  case EltwiseKind::Sub:
    return a * p.multA + b * p.multB;
  case EltwiseKind::Mul:
    return a * b * p.multA;
  case EltwiseKind::Min:
    return std::min(a * p.multA, b * p.multB);
  case EltwiseKind::Max:
    return std::max(a * p.multA, b * p.multB);
  }
  llvm_unreachable("all kinds are listed");
}

// Everything after the sum of a qconv or qgemm, in the order of the hardware's drain.
class Drain {
public:
  template <typename Op> static llvm::Expected<Drain> of(Op op, const Operands &in) {
    Drain drain;
    const Tensor &weightScale = in(op.getWeightScale());
    for (int64_t c = 0; c < shapeOf(op.getWeight())[0]; ++c)
      drain.multipliers.push_back(requantMultiplier(scaleOf(in(op.getInScale())),
                                                    scaleOf(weightScale, weightScale.size() == 1 ? 0 : c),
                                                    scaleOf(in(op.getOutScale()))));
    drain.outZero = zeroOf(in(op.getOutZero()));
    drain.bias = op.getBias() ? in(op.getBias()).template data<int32_t>() : nullptr;
    if (op.getResidual()) {
      drain.residual = in(op.getResidual()).template data<int8_t>();
      drain.residualZero = zeroOf(in(op.getResidualZero()));
      drain.sumZero = zeroOf(in(op.getSumZero()));
      auto params = eltwiseParams(EltwiseFunction::Add, scaleOf(in(op.getOutScale())),
                                  scaleOf(in(op.getResidualScale())), scaleOf(in(op.getSumScale())));
      if (!params)
        return noFixedPoint(op);
      drain.sum = *params;
    }
    drain.lo = op.getClampLo(), drain.hi = op.getClampHi();
    drain.lut = op.getLut() ? in(op.getLut()).template data<int8_t>() : nullptr;
    return drain;
  }

  int8_t operator()(int64_t index, int64_t channel, int64_t acc) const {
    int8_t q = requantize(acc + (bias ? bias[channel] : 0), multipliers[channel], outZero);
    if (residual)
      q = rescale(eltwiseSum(EltwiseKind::Add, q - outZero, residual[index] - residualZero, sum), sum.shift, sumZero);
    q = static_cast<int8_t>(std::clamp<int64_t>(q, lo, hi));
    return lut ? lut[q + 128] : q;
  }

private:
  std::vector<float> multipliers;
  int32_t outZero = 0, residualZero = 0, sumZero = 0;
  const int32_t *bias = nullptr;
  const int8_t *residual = nullptr, *lut = nullptr;
  EltwiseParams sum;
  int64_t lo = -128, hi = 127;
};

} // namespace

int8_t requantize(int64_t sum, float multiplier, int32_t zero) {
  float product = static_cast<float>(sum) * multiplier;
  // Beyond this the result saturates whatever the zero point is; the conversion needs an integer that exists.
  float rounded = std::nearbyint(std::clamp(product, -1024.0f, 1024.0f));
  return saturate(static_cast<int64_t>(rounded) + zero);
}

int8_t rescale(int64_t sum, int shift, int32_t zero) {
  int64_t floor = sum >> shift, rest = sum - (floor << shift), half = shift > 0 ? int64_t(1) << (shift - 1) : 1;
  bool up = rest > half || (rest == half && (floor & 1));
  return saturate(floor + up + zero);
}

llvm::Expected<Tensor> evaluateOp(QConvOp op, const Operands &in) {
  auto drain = Drain::of(op, in);
  if (!drain)
    return drain.takeError();
  Tensor result = resultTensor(op);
  const Tensor &weightZero = in(op.getWeightZero());
  ConvGeometry geometry{op.getStrides(), op.getPads(), op.getDilations(), static_cast<int64_t>(op.getGroup()),
                        op.getLayout()};
  convolve<int64_t, int8_t>(
      in(op.getInput()), in(op.getWeight()), result.shape, geometry, zeroOf(in(op.getInZero())),
      [&](int64_t o) { return zeroOf(weightZero, weightZero.size() == 1 ? 0 : o); },
      [&](int64_t i, int64_t channel, int64_t acc) { result.data<int8_t>()[i] = (*drain)(i, channel, acc); });
  return result;
}

llvm::Expected<Tensor> evaluateOp(QGemmOp op, const Operands &in) {
  auto drain = Drain::of(op, in);
  if (!drain)
    return drain.takeError();
  Tensor result = resultTensor(op);
  const Tensor &x = in(op.getInput()), &w = in(op.getWeight()), &weightZero = in(op.getWeightZero());
  int64_t rows = result.shape[0], columns = result.shape[1], depth = x.shape[1];
  int32_t inZero = zeroOf(in(op.getInZero()));
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t n = 0; n < columns; ++n) {
      int32_t zero = zeroOf(weightZero, weightZero.size() == 1 ? 0 : n);
      int64_t acc = dot<int64_t, int8_t>(x.data<int8_t>() + m * depth, 1, inZero, w.data<int8_t>() + n * depth, 1, zero,
                                         depth, 0);
      result.data<int8_t>()[m * columns + n] = (*drain)(m * columns + n, n, acc);
    }
  return result;
}

// Of x less its zero point padding adds nothing; with it, inZero times the weights that lie there: over the whole
// kernel both differ by inZero times all weights of the channel.
llvm::Expected<Tensor> evaluateOp(QConvSumsOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  const Tensor &weight = in(op.getWeight()), &weightZero = in(op.getWeightZero());
  const int32_t inZero = zeroOf(in(op.getInZero()));
  auto zero = [&](int64_t o) { return zeroOf(weightZero, weightZero.size() == 1 ? 0 : o); };
  const int64_t depth = weight.size() / weight.shape[0];
  std::vector<int64_t> whole(weight.shape[0], 0);
  for (int64_t i = 0; i < weight.size(); ++i)
    whole[i / depth] += weight.data<int8_t>()[i] - zero(i / depth);
  ConvGeometry geometry{op.getStrides(), op.getPads(), op.getDilations(), static_cast<int64_t>(op.getGroup()),
                        op.getLayout()};
  convolve<int64_t, int8_t>(in(op.getInput()), weight, result.shape, geometry, inZero, zero,
                            [&](int64_t i, int64_t channel, int64_t sum) {
                              result.data<int32_t>()[i] = static_cast<int32_t>(sum + inZero * whole[channel]);
                            });
  return result;
}

llvm::Expected<Tensor> evaluateOp(QGemmSumsOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  const Tensor &x = in(op.getInput()), &w = in(op.getWeight()), &weightZero = in(op.getWeightZero());
  const int64_t rows = result.shape[0], columns = result.shape[1], depth = x.shape[1];
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t n = 0; n < columns; ++n)
      result.data<int32_t>()[m * columns + n] =
          static_cast<int32_t>(dot<int64_t, int8_t>(x.data<int8_t>() + m * depth, 1, 0, w.data<int8_t>() + n * depth, 1,
                                                    zeroOf(weightZero, weightZero.size() == 1 ? 0 : n), depth, 0));
  return result;
}

llvm::Expected<Tensor> evaluateOp(QMatmulOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  float multiplier =
      requantMultiplier(scaleOf(in(op.getAScale())), scaleOf(in(op.getBScale())), scaleOf(in(op.getOutScale())));
  int32_t zero = zeroOf(in(op.getOutZero()));
  multiply<int64_t, int8_t>(in(op.getA()), in(op.getB()), result.shape, zeroOf(in(op.getAZero())),
                            zeroOf(in(op.getBZero())), [&](int64_t i, int64_t acc) {
                              int64_t q = requantize(acc, multiplier, zero);
                              result.data<int8_t>()[i] =
                                  static_cast<int8_t>(std::clamp<int64_t>(q, op.getClampLo(), op.getClampHi()));
                            });
  return result;
}

llvm::Expected<Tensor> evaluateOp(QEltwiseOp op, const Operands &in) {
  auto params = eltwiseParams(eltwiseFunction(op.getKind()), scaleOf(in(op.getLhsScale())),
                              scaleOf(in(op.getRhsScale())), scaleOf(in(op.getOutScale())));
  if (!params)
    return noFixedPoint(op);
  Tensor result = resultTensor(op);
  const Tensor &a = in(op.getLhs()), &b = in(op.getRhs());
  int32_t aZero = zeroOf(in(op.getLhsZero())), bZero = zeroOf(in(op.getRhsZero())), zero = zeroOf(in(op.getOutZero()));
  Shape left = broadcastStrides(a.shape, result.shape), right = broadcastStrides(b.shape, result.shape);
  forEachIndex(result.shape, [&](int64_t i, Dims index) {
    int64_t x = a.data<int8_t>()[offsetOf(index, left)] - aZero, y = b.data<int8_t>()[offsetOf(index, right)] - bZero;
    int64_t q = rescale(eltwiseSum(op.getKind(), x, y, *params), params->shift, zero);
    result.data<int8_t>()[i] = static_cast<int8_t>(std::clamp<int64_t>(q, op.getClampLo(), op.getClampHi()));
  });
  return result;
}

llvm::Expected<Tensor> evaluateOp(QLutOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  const int8_t *table = in(op.getTable()).data<int8_t>();
  llvm::transform(in(op.getInput()).values<int8_t>(), result.data<int8_t>(), [&](int8_t q) { return table[q + 128]; });
  return result;
}

} // namespace tw::ir
