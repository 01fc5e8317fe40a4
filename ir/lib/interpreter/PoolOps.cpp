// SPDX-License-Identifier: Apache-2.0
// Reductions over a sliding window, float32 and int8.
#include "Kernels.h"

#include "tw/ir/QuantOps.h"
#include "tw/isa/DiagError.h"

#include <algorithm>
#include <limits>

using namespace mlir;

namespace tw::ir {
namespace {

struct PoolGeometry {
  Dims kernel, strides, pads, dilations;
  Layout layout;
};

// For every output element: start(), element(value) for each in-image element, finish(linear output index, count).
template <typename T, typename Start, typename Element, typename Finish>
void slide(const Tensor &input, Dims outputShape, const PoolGeometry &g, const Start &start, const Element &element,
           const Finish &finish) {
  ImageView x(input.shape, g.layout), y(outputShape, g.layout);
  for (int64_t n = 0; n < y.n; ++n)
    for (int64_t c = 0; c < y.c; ++c)
      for (int64_t oh = 0; oh < y.h; ++oh)
        for (int64_t ow = 0; ow < y.w; ++ow) {
          int64_t count = 0;
          start();
          for (int64_t kh = 0; kh < g.kernel[0]; ++kh)
            for (int64_t kw = 0; kw < g.kernel[1]; ++kw) {
              int64_t ih = oh * g.strides[0] - g.pads[0] + kh * g.dilations[0];
              int64_t iw = ow * g.strides[1] - g.pads[1] + kw * g.dilations[1];
              if (ih < 0 || ih >= x.h || iw < 0 || iw >= x.w)
                continue;
              element(input.data<T>()[n * x.strideN + c * x.strideC + ih * x.strideH + iw * x.strideW]);
              ++count;
            }
          finish(n * y.strideN + c * y.strideC + oh * y.strideH + ow * y.strideW, count);
        }
}

template <typename T> void maxPool(Tensor &result, const Tensor &input, const PoolGeometry &geometry) {
  T top;
  slide<T>(
      input, result.shape, geometry, [&] { top = std::numeric_limits<T>::lowest(); },
      [&](T x) { top = std::max(top, x); }, [&](int64_t i, int64_t) { result.data<T>()[i] = top; });
}

llvm::Error averagePool(Tensor &result, const Tensor &input, const PoolGeometry &g, QPoolOp op, const Operands &in) {
  bool includePad = op.getCountIncludePad();
  int32_t inZero = static_cast<int32_t>(in(op.getInZero()).integerAt(0));
  int32_t outZero = static_cast<int32_t>(in(op.getOutZero()).integerAt(0));
  auto params = averageParamsOf(op, in(op.getInScale()).data<float>()[0], in(op.getOutScale()).data<float>()[0]);
  if (!params)
    return errorAt("tw.qpool", "the ratio of its scales has no fixed-point form");
  int64_t sum = 0;
  slide<int8_t>(
      input, result.shape, g, [&] { sum = 0; }, [&](int8_t value) { sum += value - inZero; },
      [&](int64_t i, int64_t count) {
        int64_t divisor = includePad ? g.kernel[0] * g.kernel[1] : count;
        result.data<int8_t>()[i] = rescale(sum * params->multiplierFor(divisor), params->fixed.shift, outZero);
      });
  return llvm::Error::success();
}

} // namespace

llvm::Expected<Tensor> evaluateOp(MaxPoolOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  PoolGeometry geometry{op.getKernel(), op.getStrides(), op.getPads(), op.getDilations(), op.getLayout()};
  bool isDefined = true;
  withElementType(result.type, [&](auto element) {
    using T = decltype(element);
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
      maxPool<T>(result, in[0], geometry);
    else
      isDefined = false;
  });
  if (!isDefined)
    return errorAt("", "tw.max_pool has no evaluation for " + std::string(elementTypeName(result.type)));
  return result;
}

llvm::Expected<Tensor> evaluateOp(AveragePoolOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  const int64_t ones[] = {1, 1};
  PoolGeometry geometry{op.getKernel(), op.getStrides(), op.getPads(), ones, op.getLayout()};
  float sum = 0;
  slide<float>(
      in[0], result.shape, geometry, [&] { sum = 0; }, [&](float x) { sum += x; },
      [&](int64_t i, int64_t count) {
        int64_t divisor = op.getCountIncludePad() ? geometry.kernel[0] * geometry.kernel[1] : count;
        result.data<float>()[i] = sum / static_cast<float>(divisor);
      });
  return result;
}

llvm::Expected<Tensor> evaluateOp(QPoolOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  PoolGeometry geometry{op.getKernel(), op.getStrides(), op.getPads(), op.getDilations(), op.getLayout()};
  switch (op.getKind()) {
  case PoolKind::Max:
    maxPool<int8_t>(result, in(op.getInput()), geometry);
    break;
  case PoolKind::Average:
    if (auto error = averagePool(result, in(op.getInput()), geometry, op, in))
      return error;
    break;
  }
  for (int64_t i = 0; i < result.size(); ++i)
    result.data<int8_t>()[i] =
        static_cast<int8_t>(std::clamp<int64_t>(result.data<int8_t>()[i], op.getClampLo(), op.getClampHi()));
  return result;
}

} // namespace tw::ir
