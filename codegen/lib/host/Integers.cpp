// SPDX-License-Identifier: Apache-2.0
// Integer operators that the NPU does not take: whatever fusion makes has its loops here.
#include "host/Operators.h"

#include "tw/ir/QuantOps.h"

#include <algorithm>
#include <cassert>

namespace tw::codegen {

namespace {

int64_t zeroOf(mlir::Value value) { return ir::constantInts(value).front(); }
float scaleOf(mlir::Value value) { return ir::constantFloats(value).front(); }

} // namespace

Value *OperatorWriter::wide(Value *x, int64_t zero) {
  return w.CreateSub(w.CreateSExt(x, w.getInt64Ty()), w.index(zero));
}

Value *OperatorWriter::entryOf(const Array &table, Value *x) { return w.loadFlat(table, wide(x, -128)); }

Value *OperatorWriter::centred(Value *x, Value *zero) { return w.CreateSub(w.CreateSExt(x, w.getInt32Ty()), zero); }

Value *OperatorWriter::requantize(Value *sum, Value *multiplier, int64_t zero, int64_t lo, int64_t hi) {
  Value *scaled = w.CreateFMul(w.CreateSIToFP(sum, w.getFloatTy()), multiplier);
  return w.quantise(scaled, w.getInt32(uint32_t(zero)), lo, hi);
}

const Array &OperatorWriter::inputOf(mlir::Value operand) const {
  return inputs[llvm::find(op->getOperands(), operand).getIndex()];
}

llvm::Type *OperatorWriter::sumType() { return ir::wideSumOf(op) ? w.getInt64Ty() : w.getInt32Ty(); }

// Sum -> bias -> requantise -> scaled addition of the residual -> clamp -> table.
template <typename Op> std::function<void(const Indices &, Value *, Value *)> OperatorWriter::drain(Op o) {
  std::vector<float> list = ir::requantMultipliers(ir::constantFloats(o.getInScale()),
                                                   ir::constantFloats(o.getWeightScale()), scaleOf(o.getOutScale()));
  Array multipliers = w.constant(ir::Tensor::of<float>({int64_t(list.size())}, list));
  bool isScalar = list.size() == 1;
  return [=, this](const Indices &at, Value *channel, Value *sum) mutable {
    if (o.getBias())
      sum = w.CreateAdd(sum, w.CreateSExt(w.loadFlat(inputOf(o.getBias()), channel), sum->getType()));
    Value *q =
        requantize(sum, w.loadFlat(multipliers, isScalar ? w.index(0) : channel), zeroOf(o.getOutZero()), -128, 127);
    if (o.getResidual()) {
      auto params = ir::eltwiseParams(ir::EltwiseFunction::Add, scaleOf(o.getOutScale()), scaleOf(o.getResidualScale()),
                                      scaleOf(o.getSumScale()));
      assert(params && "fusion took the addition's own numbers");
      Value *own = w.CreateMul(wide(q, zeroOf(o.getOutZero())), w.index(params->multA));
      Value *other =
          w.CreateMul(wide(w.load(inputOf(o.getResidual()), at), zeroOf(o.getResidualZero())), w.index(params->multB));
      q = w.rescale(w.CreateAdd(own, other), params->shift, zeroOf(o.getSumZero()), -128, 127);
    }
    q = w.clampInteger(q, o.getClampLo(), o.getClampHi());
    w.store(result, at, o.getLut() ? entryOf(inputOf(o.getLut()), q) : q);
  };
}

template <typename Op> std::function<Value *(Value *, Value *, Value *, Value *)> OperatorWriter::step(Op o) {
  Value *inZero = w.getInt32(uint32_t(zeroOf(o.getInZero())));
  Array zeros = inputOf(o.getWeightZero());
  return [=, this](Value *sum, Value *x, Value *k, Value *channel) {
    Value *zero =
        w.CreateSExt(w.loadFlat(zeros, ir::elementCount(zeros.shape) == 1 ? w.index(0) : channel), w.getInt32Ty());
    return w.CreateAdd(sum, w.CreateSExt(w.CreateMul(centred(x, inZero), centred(k, zero)), sum->getType()));
  };
}

void OperatorWriter::integerConvolution(ir::QConvOp o) { convolve(o, inputs[3], sumType(), step(o), drain(o)); }

void OperatorWriter::integerProduct(ir::QGemmOp o) {
  auto add = step(o);
  auto store = drain(o);
  llvm::Type *type = sumType();
  w.nest(result.shape, [&](const Indices &i) {
    llvm::AllocaInst *sum = w.variable(type, llvm::Constant::getNullValue(type));
    w.loop(inputs[0].shape[1], [&](Value *k) {
      w.set(sum, add(w.get(sum), w.load(inputs[0], {i[0], k}), w.load(inputs[3], {i[1], k}), i[1]));
    });
    store(i, i[1], w.get(sum));
  });
}

void OperatorWriter::integerBatchProduct(ir::QMatmulOp o) {
  Value *aZero = w.getInt32(uint32_t(zeroOf(o.getAZero()))), *bZero = w.getInt32(uint32_t(zeroOf(o.getBZero())));
  Value *multiplier =
      w.number(ir::requantMultiplier(scaleOf(o.getAScale()), scaleOf(o.getBScale()), scaleOf(o.getOutScale())));
  const Array &a = inputs[0], &b = inputs[3];
  llvm::Type *type = sumType();
  w.nest(result.shape, [&](const Indices &i) {
    llvm::AllocaInst *sum = w.variable(type, llvm::Constant::getNullValue(type));
    w.loop(a.shape.back(), [&](Value *k) {
      Value *x = w.load(a, matrixIndex(w, a, i, i[i.size() - 2], k)), *y = w.load(b, matrixIndex(w, b, i, k, i.back()));
      w.set(sum, w.CreateAdd(w.get(sum), w.CreateSExt(w.CreateMul(centred(x, aZero), centred(y, bZero)), type)));
    });
    Value *q = requantize(w.get(sum), multiplier, zeroOf(o.getOutZero()), -128, 127);
    w.store(result, i, w.clampInteger(q, o.getClampLo(), o.getClampHi()));
  });
}

void OperatorWriter::integerElementwise(ir::QEltwiseOp o) {
  auto params = ir::eltwiseParams(ir::eltwiseFunction(o.getKind()), scaleOf(o.getLhsScale()), scaleOf(o.getRhsScale()),
                                  scaleOf(o.getOutScale()));
  assert(params && "fusion asked");
  w.nest(result.shape, [&](const Indices &i) {
    Value *a = wide(loadBroadcast(inputs[0], i), zeroOf(o.getLhsZero())),
          *b = wide(loadBroadcast(inputs[3], i), zeroOf(o.getRhsZero()));
    Value *scaledA = w.CreateMul(a, w.index(params->multA)), *scaledB = w.CreateMul(b, w.index(params->multB));
    Value *sum = nullptr;
    switch (o.getKind()) {
    case ir::EltwiseKind::Add:
    case ir::EltwiseKind::Sub:
      sum = w.CreateAdd(scaledA, scaledB);
      break;
    case ir::EltwiseKind::Mul:
      sum = w.CreateMul(scaledA, b);
      break;
    case ir::EltwiseKind::Min:
      sum = w.minimum(scaledA, scaledB);
      break;
    case ir::EltwiseKind::Max:
      sum = w.maximum(scaledA, scaledB);
      break;
    }
    w.store(result, i, w.rescale(sum, params->shift, zeroOf(o.getOutZero()), o.getClampLo(), o.getClampHi()));
  });
}

void OperatorWriter::integerMaxPool(ir::QPoolOp o) {
  maxWindow(o, [&](Value *top) { return w.clampInteger(top, o.getClampLo(), o.getClampHi()); });
}

// The multiplier of each output position: how many elements its window has depends on nothing else.
void OperatorWriter::integerAveragePool(ir::QPoolOp o) {
  auto params = ir::averageParamsOf(o, scaleOf(o.getInScale()), scaleOf(o.getOutScale()));
  assert(params && "fusion asked");
  const Geometry g = geometryOf(o);
  Dims x = inputs[0].shape, y = result.shape;
  auto inside = [&](int d, int64_t at, int64_t extent) {
    const int64_t begin = at * g.strides[d] - g.pads[d];
    return std::min(begin + o.getKernel()[d], extent) - std::max<int64_t>(begin, 0);
  };
  std::vector<int32_t> table;
  for (int64_t h = 0; h != g.height(y); ++h)
    for (int64_t v = 0; v != g.width(y); ++v)
      table.push_back(params->multiplierFor(o.getCountIncludePad()
                                                ? o.getKernel()[0] * o.getKernel()[1]
                                                : inside(0, h, g.height(x)) * inside(1, v, g.width(x))));
  Array multipliers = w.constant(ir::Tensor::of<int32_t>({g.height(y), g.width(y)}, table));
  w.nest({y[0], g.height(y), g.width(y), g.channels(y)}, [&](const Indices &i) {
    llvm::AllocaInst *sum = w.variable(w.getInt64Ty(), w.index(0));
    taps(g, o.getKernel(), i[1], i[2], [&](Value *h, Value *v, Value *, Value *) {
      w.set(sum, w.CreateAdd(w.get(sum), wide(w.load(inputs[0], g.image(i[0], i[3], h, v)), zeroOf(o.getInZero()))));
    });
    Value *scaled = w.CreateMul(w.get(sum), w.CreateSExt(w.load(multipliers, {i[1], i[2]}), w.getInt64Ty()));
    w.store(result, g.image(i[0], i[3], i[1], i[2]),
            w.rescale(scaled, params->fixed.shift, zeroOf(o.getOutZero()), o.getClampLo(), o.getClampHi()));
  });
}

} // namespace tw::codegen
