// SPDX-License-Identifier: Apache-2.0
#include "host/Operators.h"

#include "llvm/ADT/TypeSwitch.h"

#include <limits>

namespace tw::codegen {

bool OperatorWriter::write() {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](ir::QuantizeOp o) { return quantize(o), true; })
      .Case([&](ir::DequantizeOp o) { return dequantize(o), true; })
      .Case([&](ir::FlipSignOp) { return unary([&](Value *x) { return w.CreateXor(x, w.getInt8(0x80)); }), true; })
      .Case([&](ir::ReluOp) { return unary([&](Value *x) { return w.maximum(x, w.number(0)); }), true; })
      .Case([&](ir::ClipOp o) {
        return unary([&](Value *x) {
                 return w.minimum(w.maximum(x, w.number(o.getLo().convertToFloat())),
                                  w.number(o.getHi().convertToFloat()));
               }),
               true;
      })
      .Case([&](ir::LeakyReluOp o) {
        return unary([&](Value *x) {
                 return w.CreateSelect(w.CreateFCmpOLT(x, w.number(0)),
                                       w.CreateFMul(w.number(o.getAlpha().convertToFloat()), x), x);
               }),
               true;
      })
      .Case([&](ir::HardSigmoidOp o) {
        return unary([&](Value *x) {
                 Value *line = w.CreateFAdd(w.CreateFMul(w.number(o.getAlpha().convertToFloat()), x),
                                            w.number(o.getBeta().convertToFloat()));
                 return w.maximum(w.number(0), w.minimum(w.number(1), line));
               }),
               true;
      })
      .Case([&](ir::SigmoidOp) {
        return unary([&](Value *x) {
                 return w.CreateFDiv(w.number(1), w.CreateFAdd(w.number(1), w.exponential(w.CreateFNeg(x))));
               }),
               true;
      })
      .Case([&](ir::TanhOp) { return unary([&](Value *x) { return w.hyperbolicTangent(x); }), true; })
      .Case([&](ir::AddOp) { return binary([&](Value *a, Value *b) { return w.CreateFAdd(a, b); }), true; })
      .Case([&](ir::SubOp) { return binary([&](Value *a, Value *b) { return w.CreateFSub(a, b); }), true; })
      .Case([&](ir::MulOp) { return binary([&](Value *a, Value *b) { return w.CreateFMul(a, b); }), true; })
      .Case([&](ir::DivOp) { return binary([&](Value *a, Value *b) { return w.CreateFDiv(a, b); }), true; })
      .Case([&](ir::MinOp) { return binary([&](Value *a, Value *b) { return w.minimum(a, b); }), true; })
      .Case([&](ir::MaxOp) { return binary([&](Value *a, Value *b) { return w.maximum(a, b); }), true; })
      .Case([&](ir::ConvOp o) { return convolution(o), true; })
      .Case([&](ir::GemmOp o) { return product(o), true; })
      .Case([&](ir::MatmulOp) { return batchProduct(), true; })
      .Case([&](ir::MaxPoolOp o) { return maxWindow(o, [](Value *top) { return top; }), true; })
      .Case([&](ir::AveragePoolOp o) { return averagePool(o), true; })
      .Case([&](ir::ReduceMeanOp o) { return reduceMean(o), true; })
      .Case([&](ir::SoftmaxOp o) { return softmax(o), true; })
      .Case([&](ir::ReshapeOp) { return reshape(), true; })
      .Case([&](ir::TransposeOp o) { return transpose(o), true; })
      .Case([&](ir::ConcatOp o) { return concat(o), true; })
      .Case([&](ir::PadOp o) { return pad(o), true; })
      .Case([&](ir::ResizeOp o) { return resize(o), true; })
      .Case([&](ir::QConvOp o) { return integerConvolution(o), true; })
      .Case([&](ir::QGemmOp o) { return integerProduct(o), true; })
      .Case([&](ir::QMatmulOp o) { return integerBatchProduct(o), true; })
      .Case([&](ir::QEltwiseOp o) { return integerElementwise(o), true; })
      .Case([&](ir::QPoolOp o) {
        return o.getKind() == ir::PoolKind::Max ? integerMaxPool(o) : integerAveragePool(o), true;
      })
      .Case([&](ir::QLutOp) { return unary([&](Value *x) { return entryOf(inputs[1], x); }), true; })
      .Default([](Operation *) { return false; });
}

void OperatorWriter::quantize(ir::QuantizeOp o) {
  const int64_t axis = o.getAxis();
  const bool isUnsigned = result.type == ElementType::U8;
  w.nest(result.shape, [&](const Indices &i) {
    Value *scaled = w.CreateFDiv(w.load(inputs[0], i), loadParameter(inputs[1], i, axis));
    Value *zero = widen(loadParameter(inputs[2], i, axis), inputs[2].type);
    w.store(result, i, w.quantise(scaled, zero, isUnsigned ? 0 : -128, isUnsigned ? 255 : 127));
  });
}

void OperatorWriter::dequantize(ir::DequantizeOp o) {
  const int64_t axis = o.getAxis();
  w.nest(result.shape, [&](const Indices &i) {
    Value *x = widen(w.load(inputs[0], i), inputs[0].type),
          *zero = widen(loadParameter(inputs[2], i, axis), inputs[2].type);
    w.store(result, i,
            w.CreateFMul(w.CreateSIToFP(w.CreateSub(x, zero), w.getFloatTy()), loadParameter(inputs[1], i, axis)));
  });
}

void OperatorWriter::softmax(ir::SoftmaxOp o) {
  Shape outer = result.shape;
  const int64_t axis = o.getAxis(), extent = outer[axis];
  outer[axis] = 1;
  w.nest(outer, [&](const Indices &i) {
    auto along = [&](const std::function<void(const Indices &)> &body) {
      w.loop(extent, [&](Value *k) {
        Indices at = i;
        at[axis] = k;
        body(at);
      });
    };
    llvm::AllocaInst *top = w.variable(w.getFloatTy(), w.number(-std::numeric_limits<float>::infinity()));
    llvm::AllocaInst *sum = w.variable(w.getFloatTy(), w.number(0));
    along([&](const Indices &at) { w.set(top, w.maximum(w.get(top), w.load(inputs[0], at))); });
    along([&](const Indices &at) {
      Value *e = w.exponential(w.CreateFSub(w.load(inputs[0], at), w.get(top)));
      w.store(result, at, e);
      w.set(sum, w.CreateFAdd(w.get(sum), e));
    });
    along([&](const Indices &at) { w.store(result, at, w.CreateFDiv(w.load(result, at), w.get(sum))); });
  });
}

} // namespace tw::codegen
