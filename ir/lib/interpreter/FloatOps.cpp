// SPDX-License-Identifier: Apache-2.0
// Float32 operators and the two that go between float32 and integers.
#include "Convolve.h"
#include "Reduce.h"

#include "tw/ir/QuantParams.h"
#include "tw/isa/DiagError.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;

namespace tw::ir {
namespace {

// With the processor's own instruction where it has one: the same result, many times faster.
#if defined(__x86_64__)
__attribute__((target_clones("fma", "default")))
#endif
float fusedInOrder(const float *x, int64_t strideX, const float *w, int64_t strideW, int64_t count, float sum) {
  for (int64_t i = 0; i < count; ++i)
    sum = std::fma(x[i * strideX], w[i * strideW], sum);
  return sum;
}

// Index into a per-tensor or per-axis parameter.
struct AxisIndex {
  int64_t inner = 1, extent = 1;
  AxisIndex(Dims shape, int64_t axis, int64_t parameters) {
    if (parameters == 1)
      return;
    inner = elementCount(shape.drop_front(axis + 1));
    extent = shape[axis];
  }
  int64_t operator()(int64_t linear) const { return linear / inner % extent; }
};

// The steps of quantizeToInt8 (QuantParams.h), to any integer of 16 bits or less.
template <typename T>
void quantizeTo(Tensor &result, const Tensor &x, const Tensor &scale, const Tensor &zero, int64_t axis) {
  AxisIndex scaleIndex(x.shape, axis, scale.size()), zeroIndex(x.shape, axis, zero.size());
  for (int64_t i = 0; i < x.size(); ++i) {
    const float steps = std::nearbyint(x.data<float>()[i] / scale.data<float>()[scaleIndex(i)]);
    const float bounded = std::isnan(steps) ? 0 : std::min(std::max(steps, -65536.0f), 65536.0f);
    const int64_t sum = static_cast<int64_t>(bounded) + zero.integerAt(zeroIndex(i));
    result.data<T>()[i] =
        static_cast<T>(std::clamp<int64_t>(sum, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }
}

// Modulo the width of the type.
template <typename T> void multiplyIntegers(Tensor &result, const Tensor &a, const Tensor &b) {
  if constexpr (std::is_integral_v<T>)
    multiply<uint64_t, T>(a, b, result.shape, 0, 0,
                          [&](int64_t i, uint64_t sum) { result.data<T>()[i] = static_cast<T>(sum); });
}

} // namespace

float fusedDot(const float *x, int64_t strideX, const float *w, int64_t strideW, int64_t count, float sum) {
  return fusedInOrder(x, strideX, w, strideW, count, sum);
}

// exp and tanh as FloatFunctions.h says.
float exponential(float x) {
  float t = x < kExpLeast ? kExpLeast : x;
  t = t > kExpMost ? kExpMost : t;
  if (std::isnan(t))
    return t;
  const float n = std::nearbyint(t * kLog2E);
  float r = std::fma(n, -kLn2High, t);
  r = std::fma(n, -kLn2Low, r);
  float p = kExp[5];
  for (int i = 4; i >= 0; --i)
    p = std::fma(p, r, kExp[i]);
  const float y = std::fma(p, r * r, r) + 1;
  const int whole = static_cast<int>(n), half = whole >> 1;
  return std::ldexp(1.0f, half) * y * std::ldexp(1.0f, whole - half);
}

float hyperbolicTangent(float x) {
  const float a = std::fabs(x);
  if (!(a < kTanhSmall))
    return std::copysign(1 - 2 / (exponential(a + a) + 1), x);
  const float z = x * x;
  float p = kTanh[4];
  for (int i = 3; i >= 0; --i)
    p = std::fma(p, z, kTanh[i]);
  return std::copysign(std::fma(p * z, x, x), x);
}

std::function<float(float)> unaryFunction(Operation *op) {
  if (isa<ReluOp>(op))
    return [](float x) { return std::max(x, 0.0f); };
  if (auto clip = dyn_cast<ClipOp>(op))
    return [lo = clip.getLo().convertToFloat(), hi = clip.getHi().convertToFloat()](float x) {
      return std::min(std::max(x, lo), hi);
    };
  if (auto leaky = dyn_cast<LeakyReluOp>(op))
    return [alpha = leaky.getAlpha().convertToFloat()](float x) { return x < 0 ? alpha * x : x; };
  if (auto hard = dyn_cast<HardSigmoidOp>(op))
    return [alpha = hard.getAlpha().convertToFloat(), beta = hard.getBeta().convertToFloat()](float x) {
      return std::max(std::min(alpha * x + beta, 1.0f), 0.0f);
    };
  if (isa<SigmoidOp>(op))
    return [](float x) { return 1.0f / (1.0f + exponential(-x)); };
  if (isa<TanhOp>(op))
    return hyperbolicTangent;
  return nullptr;
}

llvm::Expected<Tensor> evaluateOp(QuantizeOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  const Tensor &x = in(op.getInput()), &scale = in(op.getScale()), &zero = in(op.getZeroPoint());
  switch (result.type) {
  case ElementType::I8:
    quantizeTo<int8_t>(result, x, scale, zero, op.getAxis());
    break;
  case ElementType::U8:
    quantizeTo<uint8_t>(result, x, scale, zero, op.getAxis());
    break;
  case ElementType::I16:
    quantizeTo<int16_t>(result, x, scale, zero, op.getAxis());
    break;
  case ElementType::U16:
    quantizeTo<uint16_t>(result, x, scale, zero, op.getAxis());
    break;
  default:
    return errorAt("", "tw.quantize gives int8, uint8, int16 or uint16 only");
  }
  return result;
}

llvm::Expected<Tensor> evaluateOp(DequantizeOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  const Tensor &x = in(op.getInput()), &scale = in(op.getScale()), &zero = in(op.getZeroPoint());
  AxisIndex scaleIndex(x.shape, op.getAxis(), scale.size()), zeroIndex(x.shape, op.getAxis(), zero.size());
  for (int64_t i = 0; i < x.size(); ++i)
    result.data<float>()[i] = dequantize(static_cast<int32_t>(x.integerAt(i)), scale.data<float>()[scaleIndex(i)],
                                         static_cast<int32_t>(zero.integerAt(zeroIndex(i))));
  return result;
}

llvm::Expected<Tensor> evaluateOp(FlipSignOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  llvm::transform(in[0].bytes, result.bytes.begin(), [](char c) { return static_cast<char>(c ^ 0x80); });
  return result;
}

llvm::Expected<Tensor> evaluateOp(ConvOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  const float *bias = op.getBias() ? in(op.getBias()).data<float>() : nullptr;
  ConvGeometry geometry{op.getStrides(), op.getPads(), op.getDilations(), static_cast<int64_t>(op.getGroup()),
                        op.getLayout()};
  convolve<float, float>(
      in(op.getInput()), in(op.getWeight()), result.shape, geometry, 0.0f, [](int64_t) { return 0.0f; },
      [&](int64_t i, int64_t channel, float sum) { result.data<float>()[i] = bias ? sum + bias[channel] : sum; });
  return result;
}

llvm::Expected<Tensor> evaluateOp(GemmOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  const Tensor &a = in(op.getA()), &b = in(op.getB());
  int64_t rows = result.shape[0], columns = result.shape[1], depth = a.shape[op.getTransA() ? 0 : 1];
  int64_t aRow = op.getTransA() ? 1 : depth, aStep = op.getTransA() ? rows : 1;
  int64_t bColumn = op.getTransB() ? depth : 1, bStep = op.getTransB() ? 1 : columns;
  float alpha = op.getAlpha().convertToFloat(), beta = op.getBeta().convertToFloat();
  Shape cStrides = op.getC() ? broadcastStrides(in(op.getC()).shape, result.shape) : Shape();
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t n = 0; n < columns; ++n) {
      float sum =
          dot<float, float>(a.data<float>() + m * aRow, aStep, 0, b.data<float>() + n * bColumn, bStep, 0, depth, 0);
      float value = alpha == 1 ? sum : alpha * sum;
      if (op.getC()) {
        float c = in(op.getC()).data<float>()[offsetOf({m, n}, cStrides)];
        value += beta == 1 ? c : beta * c;
      }
      result.data<float>()[m * columns + n] = value;
    }
  return result;
}

llvm::Expected<Tensor> evaluateOp(MatmulOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  if (result.type == ElementType::F32) {
    multiply<float, float>(in(op.getA()), in(op.getB()), result.shape, 0.0f, 0.0f,
                           [&](int64_t i, float sum) { result.data<float>()[i] = sum; });
    return result;
  }
  if (result.type == ElementType::F64) {
    multiply<double, double>(in(op.getA()), in(op.getB()), result.shape, 0.0, 0.0,
                             [&](int64_t i, double sum) { result.data<double>()[i] = sum; });
    return result;
  }
  if (isReal(result.type) || result.type == ElementType::Bool)
    return errorAt("", "tw.matmul is not defined for " + llvm::StringRef(elementTypeName(result.type)));
  withElementType(result.type, [&](auto element) { multiplyIntegers<decltype(element)>(result, in[0], in[1]); });
  return result;
}

llvm::Expected<Tensor> evaluateOp(SoftmaxOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  Dims shape = in[0].shape;
  Shape kept(shape);
  kept[op.getAxis()] = 1;
  const Shape strides = broadcastStrides(kept, shape);
  const float *x = in[0].data<float>();
  float *y = result.data<float>();
  std::vector<float> tops(elementCount(kept)), sums(tops.size());
  reduceInOrder<float>(x, shape, kept, -INFINITY, [](float a, float b) { return std::max(a, b); }, tops.data());
  forEachIndex(shape, [&](int64_t i, Dims index) { y[i] = exponential(x[i] - tops[offsetOf(index, strides)]); });
  reduceInOrder<float>(y, shape, kept, 0, [](float a, float b) { return a + b; }, sums.data());
  forEachIndex(shape, [&](int64_t i, Dims index) { y[i] /= sums[offsetOf(index, strides)]; });
  return result;
}

} // namespace tw::ir
