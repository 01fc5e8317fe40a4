// SPDX-License-Identifier: Apache-2.0
// Operators that move elements (of any type, by bytes) and Resize.
#include "Kernels.h"

#include <algorithm>
#include <cassert>
#include <cmath>

using namespace mlir;

namespace tw::ir {
namespace {

// Position in the input of output position `x` (ONNX Resize v13).
float inputPosition(int64_t x, CoordinateMode mode, float scale, int64_t in, int64_t out) {
  switch (mode) {
  case CoordinateMode::HalfPixel:
    return (static_cast<float>(x) + 0.5f) / scale - 0.5f;
  case CoordinateMode::AlignCorners:
    return out == 1 ? 0.0f : static_cast<float>(x) * static_cast<float>(in - 1) / static_cast<float>(out - 1);
  case CoordinateMode::Asymmetric:
    return static_cast<float>(x) / scale;
  case CoordinateMode::PytorchHalfPixel:
    return out > 1 ? (static_cast<float>(x) + 0.5f) / scale - 0.5f : 0.0f;
  }
  llvm_unreachable("all modes are listed");
}

int64_t nearestIndex(float position, NearestMode mode) {
  switch (mode) {
  case NearestMode::RoundPreferFloor:
    return static_cast<int64_t>(std::ceil(position - 0.5f));
  case NearestMode::RoundPreferCeil:
    return static_cast<int64_t>(std::floor(position + 0.5f));
  case NearestMode::Floor:
    return static_cast<int64_t>(std::floor(position));
  case NearestMode::Ceil:
    return static_cast<int64_t>(std::ceil(position));
  }
  llvm_unreachable("all modes are listed");
}

// Resizes one dimension; the whole resize is one of these after the other.
Tensor resizeDimension(const Tensor &input, size_t dim, int64_t extent, float scale, ResizeOp op) {
  Shape shape = input.shape;
  shape[dim] = extent;
  Tensor result(input.type, shape);
  Shape strides = stridesOf(input.shape);
  int64_t last = input.shape[dim] - 1;
  forEachIndex(shape, [&](int64_t i, Dims index) {
    float position = inputPosition(index[dim], op.getCoordinates(), scale, last + 1, extent);
    int64_t base = offsetOf(index, strides) - index[dim] * strides[dim];
    if (op.getMode() == ResizeMode::Nearest) {
      int64_t source = std::clamp<int64_t>(nearestIndex(position, op.getNearest()), 0, last);
      copyElement(result, i, input, base + source * strides[dim]);
      return;
    }
    position = std::clamp(position, 0.0f, static_cast<float>(last));
    int64_t low = static_cast<int64_t>(position), high = std::min(low + 1, last);
    float weight = position - static_cast<float>(low);
    const float *x = input.data<float>() + base;
    result.data<float>()[i] = x[low * strides[dim]] * (1 - weight) + x[high * strides[dim]] * weight;
  });
  return result;
}

void fillAny(Tensor &tensor, float value) {
  for (int64_t i = 0; i < tensor.size(); ++i)
    tensor.setNumber(i, value);
}

} // namespace

ResizeLine resizeLine(ResizeOp op, size_t dim) {
  const int64_t in = shapeOf(op.getInput())[dim], out = shapeOf(op.getResult())[dim], last = in - 1;
  ResizeLine line;
  for (int64_t x = 0; x < out; ++x) {
    float position = inputPosition(x, op.getCoordinates(), op.getScales()[dim], in, out);
    if (op.getMode() == ResizeMode::Nearest) {
      line.low.push_back(static_cast<int32_t>(std::clamp<int64_t>(nearestIndex(position, op.getNearest()), 0, last)));
      line.high.push_back(line.low.back());
      line.share.push_back(0);
      continue;
    }
    position = std::clamp(position, 0.0f, static_cast<float>(last));
    const int64_t low = static_cast<int64_t>(position);
    line.low.push_back(static_cast<int32_t>(low));
    line.high.push_back(static_cast<int32_t>(std::min(low + 1, last)));
    line.share.push_back(position - static_cast<float>(low));
  }
  return line;
}

llvm::Expected<Tensor> evaluateOp(ReshapeOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  result.bytes = in[0].bytes;
  return result;
}

llvm::Expected<Tensor> evaluateOp(TransposeOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  Shape strides = stridesOf(in[0].shape), permuted;
  for (int64_t p : op.getPerm())
    permuted.push_back(strides[p]);
  forEachIndex(result.shape, [&](int64_t i, Dims index) { copyElement(result, i, in[0], offsetOf(index, permuted)); });
  return result;
}

llvm::Expected<Tensor> evaluateOp(ConcatOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  Shape strides = stridesOf(result.shape);
  int64_t begin = 0;
  for (size_t k = 0; k < in.size(); ++k) {
    forEachIndex(in[k].shape, [&](int64_t i, Dims index) {
      copyElement(result, offsetOf(index, strides) + begin * strides[op.getAxis()], in[k], i);
    });
    begin += in[k].shape[op.getAxis()];
  }
  return result;
}

llvm::Expected<Tensor> evaluateOp(PadOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  fillAny(result, op.getValue().convertToFloat());
  Shape strides = stridesOf(in[0].shape);
  forEachIndex(result.shape, [&](int64_t i, Dims index) {
    int64_t offset = 0;
    for (size_t d = 0; d < index.size(); ++d) {
      int64_t source = index[d] - op.getLo()[d];
      if (source < 0 || source >= in[0].shape[d])
        return;
      offset += source * strides[d];
    }
    copyElement(result, i, in[0], offset);
  });
  return result;
}

llvm::Expected<Tensor> evaluateOp(ExpandOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  Shape strides = broadcastStrides(in[0].shape, result.shape);
  forEachIndex(result.shape, [&](int64_t i, Dims index) { copyElement(result, i, in[0], offsetOf(index, strides)); });
  return result;
}

llvm::Expected<Tensor> evaluateOp(SliceOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  Shape strides = stridesOf(in[0].shape);
  const int64_t first = offsetOf(op.getStarts(), strides);
  for (size_t d = 0; d < strides.size(); ++d)
    strides[d] *= op.getSteps()[d];
  forEachIndex(result.shape,
               [&](int64_t i, Dims index) { copyElement(result, i, in[0], first + offsetOf(index, strides)); });
  return result;
}

llvm::Expected<Tensor> evaluateOp(GatherOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  const Tensor &indices = in(op.getIndices());
  Dims shape = in[0].shape;
  const size_t axis = op.getAxis();
  const int64_t extent = shape[axis], inner = elementCount(shape.drop_front(axis + 1)), count = indices.size();
  for (int64_t i = 0; i < result.size(); ++i) {
    int64_t at = indices.integerAt(i / inner % count);
    at = std::clamp<int64_t>(at < 0 ? at + extent : at, 0, extent - 1);
    copyElement(result, i, in[0], (i / inner / count * extent + at) * inner + i % inner);
  }
  return result;
}

llvm::Expected<Tensor> evaluateOp(ResizeOp op, const Operands &in) {
  const bool isInterpolated = op.getMode() == ResizeMode::Linear && in[0].type != ElementType::F32;
  Tensor value = isInterpolated ? Tensor(ElementType::F32, in[0].shape) : in[0];
  for (int64_t i = 0; isInterpolated && i < value.size(); ++i)
    value.data<float>()[i] = static_cast<float>(in[0].integerAt(i));
  Dims target = shapeOf(op.getResult());
  for (size_t d = 0; d < target.size(); ++d)
    if (target[d] != value.shape[d] || op.getScales()[d] != 1.0f)
      value = resizeDimension(value, d, target[d], op.getScales()[d], op);
  if (!isInterpolated)
    return value;
  Tensor result = resultTensor(op);
  for (int64_t i = 0; i < result.size(); ++i) {
    float x = value.data<float>()[i];
    result.bytes[i] = static_cast<char>(static_cast<int>(op.getRoundDown() ? std::floor(x) : std::trunc(x)));
  }
  return result;
}

} // namespace tw::ir
