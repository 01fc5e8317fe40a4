// SPDX-License-Identifier: Apache-2.0
// What for: one graph operator as loops over arrays, in the reference interpreter's order of float sums, so that
// results differ from it in exp and tanh only. Called by: HostCode.cpp for each operator of a block. Does not: make
// functions, or decide what runs on the host. Integers.cpp, Windows.cpp, Moves.cpp hold the families.
#ifndef TW_CODEGEN_LIB_HOST_OPERATORS_H
#define TW_CODEGEN_LIB_HOST_OPERATORS_H

#include "host/LoopWriter.h"
#include "tw/ir/Constants.h"
#include "tw/ir/GraphDialect.h"

#include "llvm/ADT/DenseMap.h"

#include <limits>

namespace tw::codegen {

using ir::Dims;
using ir::ElementType;
using ir::Shape;
using ir::shapeOf;
using mlir::Operation;

/// Where each value of a block lies.
using Arrays = llvm::DenseMap<mlir::Value, Array>;

class OperatorWriter {
public:
  OperatorWriter(LoopWriter &w, Operation *op, const Arrays &arrays) : w(w), op(op) {
    for (mlir::Value operand : op->getOperands())
      inputs.push_back(arrays.at(operand));
    result = arrays.at(op->getResult(0));
  }

  /// False: this operator has no loops here.
  bool write();

private:
  template <typename Function> void unary(const Function &function) {
    w.nest(result.shape, [&](const Indices &i) { w.store(result, i, function(w.load(inputs[0], i))); });
  }

  // NumPy's broadcasting: dimensions counted from the last.
  Value *loadBroadcast(const Array &array, const Indices &i) {
    Indices at;
    for (size_t d = 0; d != array.shape.size(); ++d)
      at.push_back(array.shape[d] == 1 ? w.index(0) : i[i.size() - array.shape.size() + d]);
    return w.load(array, at);
  }
  template <typename Function> void binary(const Function &function) {
    w.nest(result.shape, [&](const Indices &i) {
      w.store(result, i, function(loadBroadcast(inputs[0], i), loadBroadcast(inputs[1], i)));
    });
  }

  // Of a scale or zero point that is scalar or one per index of the axis.
  Value *loadParameter(const Array &array, const Indices &i, int64_t axis) {
    return w.loadFlat(array, ir::elementCount(array.shape) == 1 ? w.index(0) : i[axis]);
  }
  Value *widen(Value *value, ElementType type) {
    return type == ElementType::U8 ? w.CreateZExt(value, w.getInt32Ty()) : w.CreateSExtOrTrunc(value, w.getInt32Ty());
  }

  // Calls element(image index, kernel index) for each tap inside the image.
  struct Geometry {
    Dims strides, pads, dilations;
    bool isNhwc;
    Indices image(Value *n, Value *c, Value *h, Value *v) const {
      return isNhwc ? Indices{n, h, v, c} : Indices{n, c, h, v};
    }
    int64_t channels(Dims s) const { return s[isNhwc ? 3 : 1]; }
    int64_t height(Dims s) const { return s[isNhwc ? 1 : 2]; }
    int64_t width(Dims s) const { return s[isNhwc ? 2 : 3]; }
  };
  Value *position(Value *out, int64_t stride, int64_t pad, Value *tap, int64_t dilation) {
    return w.CreateAdd(w.CreateAdd(w.CreateMul(out, w.index(stride)), w.CreateMul(tap, w.index(dilation))),
                       w.index(-pad));
  }
  Value *isInside(Value *at, int64_t extent) { return w.CreateICmpULT(at, w.index(extent)); }

  template <typename Tap> void taps(const Geometry &g, Dims kernel, Value *oh, Value *ow, const Tap &tap) {
    Dims image = inputs[0].shape;
    w.loop(kernel[0], [&](Value *kh) {
      Value *h = position(oh, g.strides[0], g.pads[0], kh, g.dilations[0]);
      w.onlyIf(isInside(h, g.height(image)), [&] {
        w.loop(kernel[1], [&](Value *kw) {
          Value *v = position(ow, g.strides[1], g.pads[1], kw, g.dilations[1]);
          w.onlyIf(isInside(v, g.width(image)), [&] { tap(h, v, kh, kw); });
        });
      });
    });
  }

  template <typename Op> static Geometry geometryOf(Op o) {
    return {o.getStrides(), o.getPads(), o.getDilations(), o.getLayout() == ir::Layout::NHWC};
  }

  // For each output element: the largest element of its window, through finish.
  template <typename Op, typename Finish> void maxWindow(Op o, const Finish &finish) {
    const Geometry g = geometryOf(o);
    Dims y = result.shape;
    llvm::Type *type = w.typeOf(result.type);
    const bool isUnsigned = result.type == ElementType::U8;
    Value *lowest = type->isFloatTy() ? static_cast<Value *>(w.number(-std::numeric_limits<float>::max()))
                    : isUnsigned
                        ? static_cast<Value *>(llvm::ConstantInt::get(type, 0))
                        : llvm::ConstantInt::get(type, llvm::APInt::getSignedMinValue(type->getIntegerBitWidth()));
    w.nest({y[0], g.height(y), g.width(y), g.channels(y)}, [&](const Indices &i) {
      llvm::AllocaInst *top = w.variable(type, lowest);
      taps(g, o.getKernel(), i[1], i[2], [&](Value *h, Value *v, Value *, Value *) {
        Value *x = w.load(inputs[0], g.image(i[0], i[3], h, v)), *old = w.get(top);
        w.set(top, isUnsigned ? w.CreateSelect(w.CreateICmpULT(old, x), x, old) : w.maximum(old, x));
      });
      w.store(result, g.image(i[0], i[3], i[1], i[2]), finish(w.get(top)));
    });
  }

  // For each output element: sum over taps and channels of step(x, w) into a variable, then store(indices, o, sum).
  template <typename Op, typename Step, typename Store>
  void convolve(Op o, const Array &weight, llvm::Type *type, const Step &step, const Store &store) {
    Geometry g = geometryOf(o);
    Dims y = result.shape, k = weight.shape;
    const int64_t perGroup = g.channels(y) / int64_t(o.getGroup()), depth = g.channels(k);
    w.nest({y[0], g.height(y), g.width(y), g.channels(y)}, [&](const Indices &i) {
      llvm::AllocaInst *sum = w.variable(type, llvm::Constant::getNullValue(type));
      Value *first = w.CreateMul(w.CreateUDiv(i[3], w.index(perGroup)), w.index(depth));
      taps(g, {g.height(k), g.width(k)}, i[1], i[2], [&](Value *h, Value *v, Value *kh, Value *kw) {
        w.loop(depth, [&](Value *c) {
          Value *x = w.load(inputs[0], g.image(i[0], w.CreateAdd(first, c), h, v));
          w.set(sum, step(w.get(sum), x, w.load(weight, g.image(i[3], c, kh, kw)), i[3]));
        });
      });
      store(g.image(i[0], i[3], i[1], i[2]), i[3], w.get(sum));
    });
  }

  Value *multiplyAdd(Value *sum, Value *a, Value *b) { return w.CreateFAdd(sum, w.CreateFMul(a, b)); }

  // The operand's own batch indices for a result's, then two indices of the matrix.
  static Indices matrixIndex(LoopWriter &w, const Array &array, const Indices &i, Value *row, Value *column) {
    Indices at;
    size_t batch = array.shape.size() - 2;
    for (size_t d = 0; d != batch; ++d)
      at.push_back(array.shape[d] == 1 ? w.index(0) : i[i.size() - 2 - batch + d]);
    at.push_back(row);
    at.push_back(column);
    return at;
  }

  void quantize(ir::QuantizeOp o);
  void dequantize(ir::DequantizeOp o);
  void softmax(ir::SoftmaxOp o);

  // Windows.cpp
  void convolution(ir::ConvOp o);
  void product(ir::GemmOp o);
  void batchProduct();
  void averagePool(ir::AveragePoolOp o);
  void reduceMean(ir::ReduceMeanOp o);

  // Moves.cpp
  void reshape();
  void transpose(ir::TransposeOp o);
  void concat(ir::ConcatOp o);
  void pad(ir::PadOp o);
  void resize(ir::ResizeOp o);

  // Integers.cpp
  const Array &inputOf(mlir::Value operand) const;
  llvm::Type *sumType();               // of products: 64 bits where 32 are not proved to do
  Value *wide(Value *x, int64_t zero); // x - zero in 64 bits
  Value *entryOf(const Array &table, Value *x);
  Value *centred(Value *x, Value *zero);
  Value *requantize(Value *sum, Value *multiplier, int64_t zero, int64_t lo, int64_t hi);
  template <typename Op> std::function<void(const Indices &, Value *, Value *)> drain(Op o);
  template <typename Op> std::function<Value *(Value *, Value *, Value *, Value *)> step(Op o);
  void integerConvolution(ir::QConvOp o);
  void integerProduct(ir::QGemmOp o);
  void integerBatchProduct(ir::QMatmulOp o);
  void integerElementwise(ir::QEltwiseOp o);
  void integerMaxPool(ir::QPoolOp o);
  void integerAveragePool(ir::QPoolOp o);

  LoopWriter &w;
  Operation *op;
  std::vector<Array> inputs;
  Array result;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_OPERATORS_H
