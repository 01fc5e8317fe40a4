// SPDX-License-Identifier: Apache-2.0
// Host operators as loops. Float sums run in the reference interpreter's order, so results differ from it in exp and
// tanh only.
#include "HostCode.h"

#include "HostLink.h"
#include "LoopWriter.h"
#include "tw/ir/Constants.h"
#include "tw/ir/GraphDialect.h"
#include "tw/ir/QuantOps.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tw::codegen {
namespace {

using ir::Dims;
using ir::ElementType;
using ir::Shape;
using ir::shapeOf;
using mlir::Operation;

class OperatorWriter {
public:
  OperatorWriter(LoopWriter &w, Operation *op) : w(w), op(op) {
    for (mlir::Value operand : op->getOperands())
      inputs.push_back(array(operand, unsigned(inputs.size())));
    result = array(op->getResult(0), op->getNumOperands());
  }

  /// False: this operator has no loops here.
  bool write() {
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
        .Case([&](ir::MaxPoolOp o) { return maxPool(o), true; })
        .Case([&](ir::AveragePoolOp o) { return averagePool(o), true; })
        .Case([&](ir::ReduceMeanOp o) { return reduceMean(o), true; })
        .Case([&](ir::SoftmaxOp o) { return softmax(o), true; })
        .Case([&](ir::ReshapeOp) { return reshape(), true; })
        .Case([&](ir::TransposeOp o) { return transpose(o), true; })
        .Case([&](ir::ConcatOp o) { return concat(o), true; })
        .Case([&](ir::PadOp o) { return pad(o), true; })
        .Case([&](ir::ResizeOp o) { return resize(o); })
        .Case([&](ir::QConvOp o) { return integerConvolution(o); })
        .Case([&](ir::QGemmOp o) { return integerProduct(o); })
        .Case([&](ir::QMatmulOp o) { return integerBatchProduct(o), true; })
        .Case([&](ir::QEltwiseOp o) { return integerElementwise(o); })
        .Case([&](ir::QLutOp) {
          return unary([&](Value *x) {
                   return w.loadFlat(inputs[1], w.CreateAdd(w.CreateSExt(x, w.getInt64Ty()), w.index(128)));
                 }),
                 true;
        })
        .Default([](Operation *) { return false; });
  }

private:
  Array array(mlir::Value value, unsigned index) {
    return {w.buffer(index), ir::elementTypeOf(value.getType()), Shape(shapeOf(value))};
  }

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

  void quantize(ir::QuantizeOp o) {
    const int64_t axis = o.getAxis();
    const bool isUnsigned = result.type == ElementType::U8;
    w.nest(result.shape, [&](const Indices &i) {
      Value *scaled = w.CreateFDiv(w.load(inputs[0], i), loadParameter(inputs[1], i, axis));
      Value *zero = widen(loadParameter(inputs[2], i, axis), inputs[2].type);
      w.store(result, i, w.quantise(scaled, zero, isUnsigned ? 0 : -128, isUnsigned ? 255 : 127));
    });
  }

  void dequantize(ir::DequantizeOp o) {
    const int64_t axis = o.getAxis();
    w.nest(result.shape, [&](const Indices &i) {
      Value *x = widen(w.load(inputs[0], i), inputs[0].type),
            *zero = widen(loadParameter(inputs[2], i, axis), inputs[2].type);
      w.store(result, i,
              w.CreateFMul(w.CreateSIToFP(w.CreateSub(x, zero), w.getFloatTy()), loadParameter(inputs[1], i, axis)));
    });
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

  void convolution(ir::ConvOp o) {
    convolve(
        o, inputs[1], w.getFloatTy(), [&](Value *sum, Value *x, Value *k, Value *) { return multiplyAdd(sum, x, k); },
        [&](const Indices &at, Value *channel, Value *sum) {
          w.store(result, at, o.getBias() ? w.CreateFAdd(sum, w.loadFlat(inputs[2], channel)) : sum);
        });
  }

  void product(ir::GemmOp o) {
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

  void batchProduct() {
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

  void maxPool(ir::MaxPoolOp o) {
    Geometry g = geometryOf(o);
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
      w.store(result, g.image(i[0], i[3], i[1], i[2]), w.get(top));
    });
  }

  void averagePool(ir::AveragePoolOp o) {
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
      w.store(result, g.image(i[0], i[3], i[1], i[2]),
              w.CreateFDiv(w.get(sum), w.CreateSIToFP(divisor, w.getFloatTy())));
    });
  }

  void reduceMean(ir::ReduceMeanOp o) {
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

  void softmax(ir::SoftmaxOp o) {
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

  void reshape() {
    Array flat{result.base, result.type, {ir::elementCount(result.shape)}};
    w.nest(flat.shape, [&](const Indices &i) { w.store(flat, i, w.loadFlat(inputs[0], i[0])); });
  }

  void transpose(ir::TransposeOp o) {
    w.nest(result.shape, [&](const Indices &i) {
      Indices at(i.size());
      for (size_t d = 0; d != i.size(); ++d)
        at[o.getPerm()[d]] = i[d];
      w.store(result, i, w.load(inputs[0], at));
    });
  }

  void concat(ir::ConcatOp o) {
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

  void pad(ir::PadOp o) {
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

  // Positions depend on constants only: they become tables, computed as the reference does.
  struct Line {
    std::vector<int64_t> low, high;
    std::vector<float> weight; // of `high`
  };
  static Line lineOf(ir::ResizeOp o, size_t d, int64_t in, int64_t out) {
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

  bool resize(ir::ResizeOp o) {
    const bool isLinear = o.getMode() == ir::ResizeMode::Linear;
    if (isLinear && result.type != ElementType::F32)
      return false;
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
      w.store(result, i, value(value, result.shape.size()));
    });
    return true;
  }

  //===- Integer operators that no instruction takes
  //--------------------------------------------------------------------===//

  static int64_t zeroOf(mlir::Value value) { return ir::constantInts(value).front(); }
  static float scaleOf(mlir::Value value) { return ir::constantFloats(value).front(); }

  Value *centred(Value *x, Value *zero) { return w.CreateSub(w.CreateSExt(x, w.getInt32Ty()), zero); }

  Value *requantize(Value *sum, Value *multiplier, int64_t zero, int64_t lo, int64_t hi) {
    Value *scaled = w.CreateFMul(w.CreateSIToFP(sum, w.getFloatTy()), multiplier);
    return w.quantise(scaled, w.getInt32(uint32_t(zero)), lo, hi);
  }

  // Sum -> bias -> requantise -> clamp, for operators without a residual or table.
  template <typename Op> std::function<void(const Indices &, Value *, Value *)> drain(Op o) {
    std::vector<float> list = ir::requantMultipliers(ir::constantFloats(o.getInScale()),
                                                     ir::constantFloats(o.getWeightScale()), scaleOf(o.getOutScale()));
    Array multipliers = w.constant(ir::Tensor::of<float>({int64_t(list.size())}, list));
    bool isScalar = list.size() == 1;
    std::optional<Array> bias;
    if (o.getBias())
      bias = inputs[llvm::find(op->getOperands(), o.getBias()).getIndex()];
    return [=, this](const Indices &at, Value *channel, Value *sum) mutable {
      Value *total = bias ? w.CreateAdd(sum, w.loadFlat(*bias, channel)) : sum;
      Value *q = requantize(total, w.loadFlat(multipliers, isScalar ? w.index(0) : channel), zeroOf(o.getOutZero()),
                            -128, 127);
      w.store(result, at, w.clampInteger(q, o.getClampLo(), o.getClampHi()));
    };
  }

  template <typename Op> std::function<Value *(Value *, Value *, Value *, Value *)> step(Op o) {
    Value *inZero = w.getInt32(uint32_t(zeroOf(o.getInZero())));
    unsigned index = unsigned(llvm::find(op->getOperands(), o.getWeightZero()).getIndex());
    Array zeros = inputs[index];
    return [=, this](Value *sum, Value *x, Value *k, Value *channel) {
      Value *zero =
          w.CreateSExt(w.loadFlat(zeros, ir::elementCount(zeros.shape) == 1 ? w.index(0) : channel), w.getInt32Ty());
      return w.CreateAdd(sum, w.CreateMul(centred(x, inZero), centred(k, zero)));
    };
  }

  bool integerConvolution(ir::QConvOp o) {
    if (o.getResidual() || o.getLut())
      return false;
    convolve(o, inputs[3], w.getInt32Ty(), step(o), drain(o));
    return true;
  }

  bool integerProduct(ir::QGemmOp o) {
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

  void integerBatchProduct(ir::QMatmulOp o) {
    Value *aZero = w.getInt32(uint32_t(zeroOf(o.getAZero()))), *bZero = w.getInt32(uint32_t(zeroOf(o.getBZero())));
    Value *multiplier =
        w.number(ir::requantMultiplier(scaleOf(o.getAScale()), scaleOf(o.getBScale()), scaleOf(o.getOutScale())));
    const Array &a = inputs[0], &b = inputs[3];
    w.nest(result.shape, [&](const Indices &i) {
      llvm::AllocaInst *sum = w.variable(w.getInt32Ty(), w.getInt32(0));
      w.loop(a.shape.back(), [&](Value *k) {
        Value *x = w.load(a, matrixIndex(w, a, i, i[i.size() - 2], k)),
              *y = w.load(b, matrixIndex(w, b, i, k, i.back()));
        w.set(sum, w.CreateAdd(w.get(sum), w.CreateMul(centred(x, aZero), centred(y, bZero))));
      });
      Value *q = requantize(w.get(sum), multiplier, zeroOf(o.getOutZero()), -128, 127);
      w.store(result, i, w.clampInteger(q, o.getClampLo(), o.getClampHi()));
    });
  }

  bool integerElementwise(ir::QEltwiseOp o) {
    auto params = ir::eltwiseParams(ir::eltwiseFunction(o.getKind()), scaleOf(o.getLhsScale()),
                                    scaleOf(o.getRhsScale()), scaleOf(o.getOutScale()));
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

  LoopWriter &w;
  Operation *op;
  std::vector<Array> inputs;
  Array result;
};

Shape blocked(const std::vector<int64_t> &shape, int64_t lanes) {
  Shape result(shape.begin(), shape.end());
  if (result.empty())
    result.push_back(1);
  result.back() = (result.back() + lanes - 1) / lanes * lanes;
  return result;
}

} // namespace

struct HostCode::Implementation {
  llvm::LLVMContext context;
  llvm::Module module{"host", context};
  std::string cpu;
};

HostCode::HostCode(const std::string &cpu) : impl(std::make_unique<Implementation>()) { impl->cpu = cpu; }
HostCode::~HostCode() = default;

llvm::Error HostCode::addOperation(const std::string &name, Operation *op) {
  LoopWriter writer(impl->module, name);
  if (!OperatorWriter(writer, op).write())
    return llvm::createStringError("'" + op->getName().getStringRef() +
                                   "' has no host code: neither the NPU nor the host can run it");
  writer.finish();
  return llvm::Error::success();
}

void HostCode::addPack(const std::string &name, const std::vector<int64_t> &shape, int64_t lanes, int8_t fill) {
  LoopWriter w(impl->module, name);
  Array from{w.buffer(0), ElementType::I8, Shape(shape.begin(), shape.end())},
      to{w.buffer(1), ElementType::I8, blocked(shape, lanes)};
  if (from.shape.empty())
    from.shape.push_back(1);
  w.nest(to.shape, [&](const Indices &i) { w.store(to, i, w.getInt8(uint8_t(fill))); });
  w.nest(from.shape, [&](const Indices &i) { w.store(to, i, w.load(from, i)); });
  w.finish();
}

void HostCode::addUnpack(const std::string &name, const std::vector<int64_t> &shape, int64_t lanes) {
  LoopWriter w(impl->module, name);
  Array from{w.buffer(0), ElementType::I8, blocked(shape, lanes)},
      to{w.buffer(1), ElementType::I8, Shape(shape.begin(), shape.end())};
  if (to.shape.empty())
    to.shape.push_back(1);
  w.nest(to.shape, [&](const Indices &i) { w.store(to, i, w.load(from, i)); });
  w.finish();
}

bool HostCode::isEmpty() const { return impl->module.empty(); }

llvm::Expected<std::vector<uint8_t>> HostCode::link() { return linkHostModule(impl->module, impl->cpu); }

std::string HostCode::text() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  impl->module.print(stream, nullptr);
  return text;
}

} // namespace tw::codegen
