// SPDX-License-Identifier: Apache-2.0
// Operators that move elements.
#include "host/Operators.h"

#include <algorithm>
#include <cmath>

namespace tw::codegen {

namespace {

// Positions depend on constants only: they become tables, computed as the reference does.
struct Line {
  std::vector<int64_t> low, high;
  std::vector<float> weight; // of `high`
};
Line lineOf(ir::ResizeOp o, size_t d, int64_t in, int64_t out) {
  Line line;
  float scale = o.getScales()[d];
  for (int64_t x = 0; x != out; ++x) {
    float p = 0;
    switch (o.getCoordinates()) {
    case ir::CoordinateMode::HalfPixel:
      p = (float(x) + 0.5f) / scale - 0.5f;
      break;
    case ir::CoordinateMode::AlignCorners:
      p = out == 1 ? 0.0f : float(x) * float(in - 1) / float(out - 1);
      break;
    case ir::CoordinateMode::Asymmetric:
      p = float(x) / scale;
      break;
    case ir::CoordinateMode::PytorchHalfPixel:
      p = out > 1 ? (float(x) + 0.5f) / scale - 0.5f : 0.0f;
      break;
    }
    if (o.getMode() == ir::ResizeMode::Nearest) {
      float n = 0;
      switch (o.getNearest()) {
      case ir::NearestMode::RoundPreferFloor:
        n = std::ceil(p - 0.5f);
        break;
      case ir::NearestMode::RoundPreferCeil:
        n = std::floor(p + 0.5f);
        break;
      case ir::NearestMode::Floor:
        n = std::floor(p);
        break;
      case ir::NearestMode::Ceil:
        n = std::ceil(p);
        break;
      }
      line.low.push_back(std::clamp<int64_t>(int64_t(n), 0, in - 1));
      line.high.push_back(line.low.back());
      line.weight.push_back(0);
      continue;
    }
    p = std::clamp(p, 0.0f, float(in - 1));
    line.low.push_back(int64_t(p));
    line.high.push_back(std::min(int64_t(p) + 1, in - 1));
    line.weight.push_back(p - float(int64_t(p)));
  }
  return line;
}

} // namespace

void OperatorWriter::reshape() {
  Array flat{result.base, result.type, {ir::elementCount(result.shape)}};
  w.nest(flat.shape, [&](const Indices &i) { w.store(flat, i, w.loadFlat(inputs[0], i[0])); });
}

void OperatorWriter::transpose(ir::TransposeOp o) {
  w.nest(result.shape, [&](const Indices &i) {
    Indices at(i.size());
    for (size_t d = 0; d != i.size(); ++d)
      at[o.getPerm()[d]] = i[d];
    w.store(result, i, w.load(inputs[0], at));
  });
}

void OperatorWriter::concat(ir::ConcatOp o) {
  int64_t begin = 0;
  for (const Array &input : inputs) {
    w.nest(input.shape, [&](const Indices &i) {
      Indices at = i;
      at[o.getAxis()] = w.CreateAdd(i[o.getAxis()], w.index(begin));
      w.store(result, at, w.load(input, i));
    });
    begin += input.shape[o.getAxis()];
  }
}

void OperatorWriter::pad(ir::PadOp o) {
  llvm::Type *type = w.typeOf(result.type);
  float value = o.getValue().convertToFloat();
  Value *fill =
      type->isFloatTy() ? static_cast<Value *>(w.number(value)) : llvm::ConstantInt::getSigned(type, int64_t(value));
  w.nest(result.shape, [&](const Indices &i) { w.store(result, i, fill); });
  w.nest(result.shape, [&](const Indices &i) {
    Value *inside = w.getTrue();
    Indices at;
    for (size_t d = 0; d != i.size(); ++d) {
      at.push_back(w.CreateSub(i[d], w.index(o.getLo()[d])));
      inside = w.CreateAnd(inside, isInside(at.back(), inputs[0].shape[d]));
    }
    w.onlyIf(inside, [&] { w.store(result, i, w.load(inputs[0], at)); });
  });
}

void OperatorWriter::resize(ir::ResizeOp o) {
  const bool isLinear = o.getMode() == ir::ResizeMode::Linear,
             isInterpolated = isLinear && result.type == ElementType::I8;
  std::vector<Array> low, high, weight;
  std::vector<bool> isScaled;
  for (size_t d = 0; d != result.shape.size(); ++d) {
    Line line = lineOf(o, d, inputs[0].shape[d], result.shape[d]);
    low.push_back(w.constant(ir::Tensor::of<int64_t>({result.shape[d]}, line.low)));
    high.push_back(w.constant(ir::Tensor::of<int64_t>({result.shape[d]}, line.high)));
    weight.push_back(w.constant(ir::Tensor::of<float>({result.shape[d]}, line.weight)));
    isScaled.push_back(result.shape[d] != inputs[0].shape[d] || o.getScales()[d] != 1.0f);
  }
  w.nest(result.shape, [&](const Indices &i) {
    // One dimension after the other, the first innermost, as the reference does.
    Indices at = i;
    auto value = [&](auto &self, size_t d) -> Value * {
      while (d > 0 && !isScaled[d - 1])
        --d;
      if (d == 0 && isInterpolated)
        return w.CreateSIToFP(w.load(inputs[0], at), w.getFloatTy());
      if (d == 0)
        return w.load(inputs[0], at);
      --d;
      at[d] = w.loadFlat(low[d], i[d]);
      Value *left = self(self, d);
      if (!isLinear)
        return left;
      at[d] = w.loadFlat(high[d], i[d]);
      Value *right = self(self, d), *share = w.loadFlat(weight[d], i[d]);
      at[d] = i[d];
      return w.CreateFAdd(w.CreateFMul(left, w.CreateFSub(w.number(1), share)), w.CreateFMul(right, share));
    };
    Value *x = value(value, result.shape.size());
    if (isInterpolated)
      x = w.CreateFPToSI(o.getRoundDown() ? w.floorOf(x) : x, w.getInt32Ty());
    w.store(result, i, x);
  });
}

} // namespace tw::codegen
