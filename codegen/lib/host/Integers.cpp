// SPDX-License-Identifier: Apache-2.0
// Integer operators that no instruction takes.
#include "host/Operators.h"

#include "tw/ir/QuantOps.h"

namespace tw::codegen {

namespace {

int64_t zeroOf(mlir::Value value) { return ir::constantInts(value).front(); }
float scaleOf(mlir::Value value) { return ir::constantFloats(value).front(); }

} // namespace

Value *OperatorWriter::centred(Value *x, Value *zero) { return w.CreateSub(w.CreateSExt(x, w.getInt32Ty()), zero); }

Value *OperatorWriter::requantize(Value *sum, Value *multiplier, int64_t zero, int64_t lo, int64_t hi) {
  Value *scaled = w.CreateFMul(w.CreateSIToFP(sum, w.getFloatTy()), multiplier);
  return w.quantise(scaled, w.getInt32(uint32_t(zero)), lo, hi);
}

// Sum -> bias -> requantise -> clamp, for operators without a residual or table.
template <typename Op> std::function<void(const Indices &, Value *, Value *)> OperatorWriter::drain(Op o) {
  std::vector<float> list = ir::requantMultipliers(ir::constantFloats(o.getInScale()),
                                                   ir::constantFloats(o.getWeightScale()), scaleOf(o.getOutScale()));
  Array multipliers = w.constant(ir::Tensor::of<float>({int64_t(list.size())}, list));
  bool isScalar = list.size() == 1;
  std::optional<Array> bias;
  if (o.getBias())
    bias = inputs[llvm::find(op->getOperands(), o.getBias()).getIndex()];
  return [=, this](const Indices &at, Value *channel, Value *sum) mutable {
    Value *total = bias ? w.CreateAdd(sum, w.loadFlat(*bias, channel)) : sum;
    Value *q =
        requantize(total, w.loadFlat(multipliers, isScalar ? w.index(0) : channel), zeroOf(o.getOutZero()), -128, 127);
    w.store(result, at, w.clampInteger(q, o.getClampLo(), o.getClampHi()));
  };
}

template <typename Op> std::function<Value *(Value *, Value *, Value *, Value *)> OperatorWriter::step(Op o) {
  Value *inZero = w.getInt32(uint32_t(zeroOf(o.getInZero())));
  unsigned index = unsigned(llvm::find(op->getOperands(), o.getWeightZero()).getIndex());
  Array zeros = inputs[index];
  return [=, this](Value *sum, Value *x, Value *k, Value *channel) {
    Value *zero =
        w.CreateSExt(w.loadFlat(zeros, ir::elementCount(zeros.shape) == 1 ? w.index(0) : channel), w.getInt32Ty());
    return w.CreateAdd(sum, w.CreateMul(centred(x, inZero), centred(k, zero)));
  };
}

bool OperatorWriter::integerConvolution(ir::QConvOp o) {
  if (o.getResidual() || o.getLut())
    return false;
  convolve(o, inputs[3], w.getInt32Ty(), step(o), drain(o));
  return true;
}

bool OperatorWriter::integerProduct(ir::QGemmOp o) {
  if (o.getResidual() || o.getLut())
    return false;
  auto add = step(o);
  auto store = drain(o);
  w.nest(result.shape, [&](const Indices &i) {
    llvm::AllocaInst *sum = w.variable(w.getInt32Ty(), w.getInt32(0));
    w.loop(inputs[0].shape[1], [&](Value *k) {
      w.set(sum, add(w.get(sum), w.load(inputs[0], {i[0], k}), w.load(inputs[3], {i[1], k}), i[1]));
    });
    store(i, i[1], w.get(sum));
  });
  return true;
}

void OperatorWriter::integerBatchProduct(ir::QMatmulOp o) {
  Value *aZero = w.getInt32(uint32_t(zeroOf(o.getAZero()))), *bZero = w.getInt32(uint32_t(zeroOf(o.getBZero())));
  Value *multiplier =
      w.number(ir::requantMultiplier(scaleOf(o.getAScale()), scaleOf(o.getBScale()), scaleOf(o.getOutScale())));
  const Array &a = inputs[0], &b = inputs[3];
  w.nest(result.shape, [&](const Indices &i) {
    llvm::AllocaInst *sum = w.variable(w.getInt32Ty(), w.getInt32(0));
    w.loop(a.shape.back(), [&](Value *k) {
      Value *x = w.load(a, matrixIndex(w, a, i, i[i.size() - 2], k)), *y = w.load(b, matrixIndex(w, b, i, k, i.back()));
      w.set(sum, w.CreateAdd(w.get(sum), w.CreateMul(centred(x, aZero), centred(y, bZero))));
    });
    Value *q = requantize(w.get(sum), multiplier, zeroOf(o.getOutZero()), -128, 127);
    w.store(result, i, w.clampInteger(q, o.getClampLo(), o.getClampHi()));
  });
}

bool OperatorWriter::integerElementwise(ir::QEltwiseOp o) {
  auto params = ir::eltwiseParams(ir::eltwiseFunction(o.getKind()), scaleOf(o.getLhsScale()), scaleOf(o.getRhsScale()),
                                  scaleOf(o.getOutScale()));
  if (!params)
    return false;
  auto wide = [&](Value *x, int64_t zero) { return w.CreateSub(w.CreateSExt(x, w.getInt64Ty()), w.index(zero)); };
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
  return true;
}

} // namespace tw::codegen
