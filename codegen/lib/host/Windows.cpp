// SPDX-License-Identifier: Apache-2.0
// Convolutions, products and pools in float32.
#include "host/Operators.h"

namespace tw::codegen {

void OperatorWriter::convolution(ir::ConvOp o) {
  convolve(
      o, inputs[1], w.getFloatTy(), [&](Value *sum, Value *x, Value *k, Value *) { return multiplyAdd(sum, x, k); },
      [&](const Indices &at, Value *channel, Value *sum) {
        w.store(result, at, o.getBias() ? w.CreateFAdd(sum, w.loadFlat(inputs[2], channel)) : sum);
      });
}

void OperatorWriter::product(ir::GemmOp o) {
  const int64_t depth = inputs[0].shape[o.getTransA() ? 0 : 1];
  float alpha = o.getAlpha().convertToFloat(), beta = o.getBeta().convertToFloat();
  w.nest(result.shape, [&](const Indices &i) {
    llvm::AllocaInst *sum = w.variable(w.getFloatTy(), w.number(0));
    w.loop(depth, [&](Value *k) {
      Value *a = w.load(inputs[0], o.getTransA() ? Indices{k, i[0]} : Indices{i[0], k});
      Value *b = w.load(inputs[1], o.getTransB() ? Indices{i[1], k} : Indices{k, i[1]});
      w.set(sum, multiplyAdd(w.get(sum), a, b));
    });
    Value *value = alpha == 1 ? w.get(sum) : w.CreateFMul(w.number(alpha), w.get(sum));
    if (o.getC()) {
      Value *c = loadBroadcast(inputs[2], i);
      value = w.CreateFAdd(value, beta == 1 ? c : w.CreateFMul(w.number(beta), c));
    }
    w.store(result, i, value);
  });
}

void OperatorWriter::batchProduct() {
  w.nest(result.shape, [&](const Indices &i) {
    llvm::AllocaInst *sum = w.variable(w.getFloatTy(), w.number(0));
    w.loop(inputs[0].shape.back(), [&](Value *k) {
      Value *a = w.load(inputs[0], matrixIndex(w, inputs[0], i, i[i.size() - 2], k));
      Value *b = w.load(inputs[1], matrixIndex(w, inputs[1], i, k, i.back()));
      w.set(sum, multiplyAdd(w.get(sum), a, b));
    });
    w.store(result, i, w.get(sum));
  });
}

void OperatorWriter::averagePool(ir::AveragePoolOp o) {
  const int64_t ones[] = {1, 1};
  Geometry g{o.getStrides(), o.getPads(), ones, o.getLayout() == ir::Layout::NHWC};
  Dims y = result.shape;
  w.nest({y[0], g.height(y), g.width(y), g.channels(y)}, [&](const Indices &i) {
    llvm::AllocaInst *sum = w.variable(w.getFloatTy(), w.number(0)), *count = w.variable(w.getInt64Ty(), w.index(0));
    taps(g, o.getKernel(), i[1], i[2], [&](Value *h, Value *v, Value *, Value *) {
      w.set(sum, w.CreateFAdd(w.get(sum), w.load(inputs[0], g.image(i[0], i[3], h, v))));
      w.set(count, w.CreateAdd(w.get(count), w.index(1)));
    });
    Value *divisor = o.getCountIncludePad() ? w.index(o.getKernel()[0] * o.getKernel()[1]) : w.get(count);
    w.store(result, g.image(i[0], i[3], i[1], i[2]), w.CreateFDiv(w.get(sum), w.CreateSIToFP(divisor, w.getFloatTy())));
  });
}

void OperatorWriter::reduceMean(ir::ReduceMeanOp o) {
  Shape kept, reduced;
  for (size_t d = 0; d != inputs[0].shape.size(); ++d) {
    bool isReduced = llvm::is_contained(o.getAxes(), int64_t(d));
    kept.push_back(isReduced ? 1 : inputs[0].shape[d]);
    reduced.push_back(isReduced ? inputs[0].shape[d] : 1);
  }
  Array view{result.base, result.type, kept};
  w.nest(kept, [&](const Indices &i) {
    llvm::AllocaInst *sum = w.variable(w.getFloatTy(), w.number(0));
    w.nest(reduced, [&](const Indices &r) {
      Indices at;
      for (size_t d = 0; d != i.size(); ++d)
        at.push_back(w.CreateAdd(i[d], r[d]));
      w.set(sum, w.CreateFAdd(w.get(sum), w.load(inputs[0], at)));
    });
    w.store(view, i, w.CreateFDiv(w.get(sum), w.number(static_cast<float>(ir::elementCount(reduced)))));
  });
}

} // namespace tw::codegen
