// SPDX-License-Identifier: Apache-2.0
// Loops of the integer operators; ToLinalg.h states the form that others rely on.
#include "Lowering.h"

#include "tw/ir/QuantOps.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tw::ir {
namespace {

int64_t zeroInside(Value value) { return constantInts(value)[0]; }

// acc + (x - xZero) * (w - wZero) over `loops`: those of acc, then reductions.
Value product(Lowering &lowering, LinalgBuilder &l, Access x, int64_t xZero, Access w, std::optional<int64_t> wZero,
              std::optional<Access> wZeroTensor, Dims accShape, ArrayRef<StringRef> loops) {
  unsigned parallel = static_cast<unsigned>(accShape.size());
  SmallVector<Access> inputs{x, w};
  if (wZeroTensor)
    inputs.push_back(*wZeroTensor);
  Type sum = lowering.sumType();
  Access init{l.filled(accShape, sum, 0), l.dims(0, parallel)};
  auto body = [&](LinalgBuilder &b, ValueRange in) {
    Value left = b.minus(b.extend(in[0], 32), xZero), right = b.extend(in[1], 32);
    if (wZeroTensor)
      right = b.builder.create<arith::SubIOp>(b.location, right, b.extend(in[2], 32));
    else
      right = b.minus(right, *wZero);
    Value term = b.builder.create<arith::MulIOp>(b.location, left, right);
    return b.builder.create<arith::AddIOp>(b.location, in.back(), b.widened(term, sum));
  };
  return l.generic(inputs, init, parallel, static_cast<unsigned>(loops.size()) - parallel, body, loops);
}

// Channels are the last dimension of acc, or the last two: groups, and channels of a group.
template <typename Op> Value drain(Lowering &lowering, LinalgBuilder &l, Op op, Value acc) {
  Dims shape = shapeOf(acc), outShape = shapeOf(op.getResult());
  unsigned rank = static_cast<unsigned>(shape.size()), first = static_cast<unsigned>(outShape.size()) - 1;
  Dims channels = shape.drop_front(first);
  SmallVector<AffineExpr> channel = l.dims(first, rank);
  bool perChannel = elementCount(shapeOf(op.getWeightScale())) != 1;
  Value inScale = op.getInScale(), weightScale = op.getWeightScale(), outScale = op.getOutScale();

  SmallVector<Access> inputs{{acc, l.dims(0, rank)}};
  if (op.getBias())
    inputs.push_back({l.reshape(lowering.given("bias", op.getBias()), channels), channel});
  unsigned multiplier = static_cast<unsigned>(inputs.size());
  Shape multiplierShape = perChannel ? Shape{shapeOf(op.getWeight())[0]} : Shape();
  Value multipliers = lowering.computed("multiplier", ElementType::F32, multiplierShape, [=](func::CallOp call) {
    auto values = requantMultipliers(valueAt(call, inScale).values<float>(), valueAt(call, weightScale).values<float>(),
                                     floatAt(call, outScale));
    return Tensor::of<float>(multiplierShape, values);
  });
  inputs.push_back(perChannel ? Access{l.reshape(multipliers, channels), channel} : Access{multipliers, {}});

  unsigned residual = static_cast<unsigned>(inputs.size());
  if (op.getResidual()) {
    Value residualScale = op.getResidualScale(), sumScale = op.getSumScale();
    auto params = [=](func::CallOp call) {
      return *eltwiseParams(EltwiseFunction::Add, floatAt(call, outScale), floatAt(call, residualScale),
                            floatAt(call, sumScale));
    };
    inputs.push_back({l.reshape(lowering.given("residual", op.getResidual()), shape), l.dims(0, rank)});
    inputs.push_back(lowering.computedScalar("mult_sum", [=](func::CallOp call) { return params(call).multA; }));
    inputs.push_back(lowering.computedScalar("mult_residual", [=](func::CallOp call) { return params(call).multB; }));
    inputs.push_back(lowering.computedScalar("shift", [=](func::CallOp call) { return params(call).shift; }));
  }
  Value table = op.getLut() ? lowering.given("table", op.getLut()) : Value();
  Access init{l.empty(shape, l.builder.getI8Type()), l.dims(0, rank)};
  auto body = [&](LinalgBuilder &b, ValueRange in) {
    Value sum = in[0];
    if (op.getBias())
      sum = b.builder.create<arith::AddIOp>(b.location, sum, b.widened(in[1], sum.getType()));
    int64_t outZero = zeroInside(op.getOutZero());
    Value q = b.builder.create<RequantizeOp>(b.location, sum, in[multiplier],
                                             b.scalar(b.builder.getI32Type(), static_cast<double>(outZero)));
    if (op.getResidual()) {
      auto term = [&](Value value, int64_t zero, Value mult) -> Value {
        return b.builder.create<arith::MulIOp>(b.location, b.minus(b.extend(value, 64), zero), b.extend(mult, 64));
      };
      Value total =
          b.builder.create<arith::AddIOp>(b.location, term(q, outZero, in[residual + 1]),
                                          term(in[residual], zeroInside(op.getResidualZero()), in[residual + 2]));
      q = b.builder.create<RescaleOp>(
          b.location, total, in[residual + 3],
          b.scalar(b.builder.getI32Type(), static_cast<double>(zeroInside(op.getSumZero()))));
    }
    q = b.clamp(q, static_cast<int64_t>(op.getClampLo()), static_cast<int64_t>(op.getClampHi()));
    return table ? Value(b.builder.create<LutOp>(b.location, q, table)) : q;
  };
  return l.reshape(l.generic(inputs, init, rank, 0, body), outShape);
}

// The sums of a convolution of x - xZero, with a dimension of groups in front of the channels where a group has
// several.
template <typename Op> Value convolution(Lowering &lowering, LinalgBuilder &l, Op op, int64_t xZero) {
  Dims out = shapeOf(op.getResult()), w = shapeOf(op.getWeight()), s = op.getStrides(), d = op.getDilations(),
       p = op.getPads();
  int64_t group = static_cast<int64_t>(op.getGroup()), perGroup = out[3] / group;
  Value x = lowering.given("input", op.getInput()), weight = lowering.given("weight", op.getWeight());
  x = l.pad(x, {0, p[0], p[1], 0}, {0, p[2], p[3], 0},
            l.scalar(l.builder.getI8Type(), static_cast<double>(zeroInside(op.getInZero()))));

  std::optional<int64_t> wZero;
  std::optional<Access> wZeroTensor;
  bool zeroPerChannel = elementCount(shapeOf(op.getWeightZero())) != 1;
  const bool isDepthwise = perGroup == 1 && w[3] == 1;
  if (!zeroPerChannel) {
    wZero = zeroInside(op.getWeightZero());
  } else {
    Value zero = lowering.given("weight_zero", op.getWeightZero());
    wZeroTensor = group == 1 || isDepthwise ? Access{zero, {l.dim(3)}}
                                            : Access{l.reshape(zero, {group, perGroup}), {l.dim(3), l.dim(4)}};
  }

  auto row = [&](unsigned kernelDim) { return l.dim(1) * s[0] + l.dim(kernelDim) * d[0]; };
  auto column = [&](unsigned kernelDim) { return l.dim(2) * s[1] + l.dim(kernelDim) * d[1]; };
  if (group == 1)
    return product(lowering, l, {x, {l.dim(0), row(4), column(5), l.dim(6)}}, xZero,
                   {weight, {l.dim(3), l.dim(4), l.dim(5), l.dim(6)}}, wZero, wZeroTensor, out,
                   {"n", "oh", "ow", "oc", "kh", "kw", "ic"});
  if (isDepthwise)
    return product(lowering, l, {x, {l.dim(0), row(4), column(5), l.dim(3)}}, xZero,
                   {weight, {l.dim(3), l.dim(4), l.dim(5), l.zero()}}, wZero, wZeroTensor, out,
                   {"n", "oh", "ow", "c", "kh", "kw"});
  Dims in = shapeOf(x);
  x = l.reshape(x, {in[0], in[1], in[2], group, w[3]});
  weight = l.reshape(weight, {group, perGroup, w[1], w[2], w[3]});
  return product(lowering, l, {x, {l.dim(0), row(5), column(6), l.dim(3), l.dim(7)}}, xZero,
                 {weight, {l.dim(3), l.dim(4), l.dim(5), l.dim(6), l.dim(7)}}, wZero, wZeroTensor,
                 {out[0], out[1], out[2], group, perGroup}, {"n", "oh", "ow", "g", "oc", "kh", "kw", "ic"});
}

// [M, K] x [N, K] of x - xZero.
template <typename Op> Value rowsByColumns(Lowering &lowering, LinalgBuilder &l, Op op, int64_t xZero) {
  Value x = lowering.given("input", op.getInput()), weight = lowering.given("weight", op.getWeight());
  std::optional<int64_t> wZero;
  std::optional<Access> wZeroTensor;
  if (elementCount(shapeOf(op.getWeightZero())) == 1)
    wZero = zeroInside(op.getWeightZero());
  else
    wZeroTensor = Access{lowering.given("weight_zero", op.getWeightZero()), {l.dim(1)}};
  return product(lowering, l, {x, {l.dim(0), l.dim(2)}}, xZero, {weight, {l.dim(1), l.dim(2)}}, wZero, wZeroTensor,
                 shapeOf(op.getResult()), {"m", "n", "k"});
}

Value lower(Lowering &lowering, LinalgBuilder &l, QConvOp op) {
  if (op.getLayout() != Layout::NHWC)
    return nullptr;
  return drain(lowering, l, op, convolution(lowering, l, op, zeroInside(op.getInZero())));
}

Value lower(Lowering &lowering, LinalgBuilder &l, QConvSumsOp op) {
  if (op.getLayout() != Layout::NHWC)
    return nullptr;
  return l.reshape(convolution(lowering, l, op, 0), shapeOf(op.getResult()));
}

Value lower(Lowering &lowering, LinalgBuilder &l, QGemmOp op) {
  return drain(lowering, l, op, rowsByColumns(lowering, l, op, zeroInside(op.getInZero())));
}

Value lower(Lowering &lowering, LinalgBuilder &l, QGemmSumsOp op) { return rowsByColumns(lowering, l, op, 0); }

Value lower(Lowering &lowering, LinalgBuilder &l, QMatmulOp op) {
  Dims out = shapeOf(op.getResult());
  unsigned rank = static_cast<unsigned>(out.size());
  Value a = lowering.given("lhs", op.getA()), b = lowering.given("rhs", op.getB());
  auto left = l.broadcast(shapeOf(a).drop_back(2), out.drop_back(2));
  auto right = l.broadcast(shapeOf(b).drop_back(2), out.drop_back(2));
  left.append({l.dim(rank - 2), l.dim(rank)});
  right.append({l.dim(rank), l.dim(rank - 1)});
  SmallVector<StringRef> loops(rank - 2, "batch");
  loops.append({"m", "n", "k"});
  Value acc = product(lowering, l, {a, left}, zeroInside(op.getAZero()), {b, right}, zeroInside(op.getBZero()),
                      std::nullopt, out, loops);
  Value aScale = op.getAScale(), bScale = op.getBScale(), outScale = op.getOutScale();
  Value multiplier = lowering.computed("multiplier", ElementType::F32, {}, [=](func::CallOp call) {
    return Tensor::of<float>(
        {}, {requantMultiplier(floatAt(call, aScale), floatAt(call, bScale), floatAt(call, outScale))});
  });
  Access init{l.empty(out, l.builder.getI8Type()), l.dims(0, rank)};
  return l.generic(
      {{acc, l.dims(0, rank)}, {multiplier, {}}}, init, rank, 0, [&](LinalgBuilder &inside, ValueRange in) {
        Value zero = inside.scalar(inside.builder.getI32Type(), static_cast<double>(zeroInside(op.getOutZero())));
        Value q = inside.builder.create<RequantizeOp>(inside.location, in[0], in[1], zero);
        return inside.clamp(q, static_cast<int64_t>(op.getClampLo()), static_cast<int64_t>(op.getClampHi()));
      });
}

Value lower(Lowering &lowering, LinalgBuilder &l, QEltwiseOp op) {
  Dims out = shapeOf(op.getResult());
  unsigned rank = static_cast<unsigned>(out.size());
  Value lhsScale = op.getLhsScale(), rhsScale = op.getRhsScale(), outScale = op.getOutScale();
  EltwiseFunction function = eltwiseFunction(op.getKind());
  auto params = [=](func::CallOp call) {
    return *eltwiseParams(function, floatAt(call, lhsScale), floatAt(call, rhsScale), floatAt(call, outScale));
  };
  bool isProduct = op.getKind() == EltwiseKind::Mul;
  SmallVector<Access> inputs{{lowering.given("lhs", op.getLhs()), l.broadcast(shapeOf(op.getLhs()), out)},
                             {lowering.given("rhs", op.getRhs()), l.broadcast(shapeOf(op.getRhs()), out)}};
  inputs.push_back(lowering.computedScalar("mult_lhs", [=](func::CallOp call) { return params(call).multA; }));
  if (!isProduct)
    inputs.push_back(lowering.computedScalar("mult_rhs", [=](func::CallOp call) { return params(call).multB; }));
  inputs.push_back(lowering.computedScalar("shift", [=](func::CallOp call) { return params(call).shift; }));
  Access init{l.empty(out, l.builder.getI8Type()), l.dims(0, rank)};
  return l.generic(inputs, init, rank, 0, [&](LinalgBuilder &b, ValueRange in) {
    auto multiply = [&](Value x, Value y) -> Value { return b.builder.create<arith::MulIOp>(b.location, x, y); };
    Value left = b.minus(b.extend(in[0], 64), zeroInside(op.getLhsZero()));
    Value right = b.minus(b.extend(in[1], 64), zeroInside(op.getRhsZero()));
    Value sum;
    if (isProduct) {
      sum = multiply(multiply(left, right), b.extend(in[2], 64));
    } else {
      left = multiply(left, b.extend(in[2], 64));
      right = multiply(right, b.extend(in[3], 64));
      switch (op.getKind()) {
      case EltwiseKind::Add:
      case EltwiseKind::Sub: // its multiplier is negative
      case EltwiseKind::Mul:
        sum = b.builder.create<arith::AddIOp>(b.location, left, right);
        break;
      case EltwiseKind::Min:
        sum = b.builder.create<arith::MinSIOp>(b.location, left, right);
        break;
      case EltwiseKind::Max:
        sum = b.builder.create<arith::MaxSIOp>(b.location, left, right);
        break;
      }
    }
    Value zero = b.scalar(b.builder.getI32Type(), static_cast<double>(zeroInside(op.getOutZero())));
    Value q = b.builder.create<RescaleOp>(b.location, sum, in[isProduct ? 3 : 4], zero);
    return b.clamp(q, static_cast<int64_t>(op.getClampLo()), static_cast<int64_t>(op.getClampHi()));
  });
}

// The multiplier of each output element: one number when all windows hold as many elements, else one per position.
Access average(Lowering &lowering, LinalgBuilder &l, QPoolOp op) {
  Value inScale = op.getInScale(), outScale = op.getOutScale();
  Dims image = shapeOf(op.getInput()), out = shapeOf(op.getResult());
  auto counts = averageCountsOf(op);
  if (counts.size() == 1)
    return lowering.computedScalar("multiplier", [=](func::CallOp call) {
      return averageParams(floatAt(call, inScale), floatAt(call, outScale), counts)->multiplierFor(counts.front());
    });
  Shape shape{out[1], out[2]};
  Shape perDim[2];
  for (int d = 0; d < 2; ++d)
    for (int64_t o = 0; o < shape[d]; ++o) {
      int64_t begin = o * op.getStrides()[d] - op.getPads()[d];
      perDim[d].push_back(std::min(begin + op.getKernel()[d], image[1 + d]) - std::max<int64_t>(begin, 0));
    }
  Value table = lowering.computed(
      "multiplier", ElementType::I32, shape, [=, rows = perDim[0], columns = perDim[1]](func::CallOp call) {
        auto params = averageParams(floatAt(call, inScale), floatAt(call, outScale), counts);
        Tensor tensor(ElementType::I32, shape);
        int32_t *next = tensor.data<int32_t>();
        for (int64_t h : rows)
          for (int64_t w : columns)
            *next++ = params->multiplierFor(h * w);
        return tensor;
      });
  return {table, {l.dim(1), l.dim(2)}};
}

Value lower(Lowering &lowering, LinalgBuilder &l, QPoolOp op) {
  if (op.getLayout() != Layout::NHWC)
    return nullptr;
  Dims out = shapeOf(op.getResult()), s = op.getStrides(), d = op.getDilations(), p = op.getPads();
  bool isMax = op.getKind() == PoolKind::Max;
  int64_t inZero = zeroInside(op.getInZero()), padding = isMax ? -128 : inZero;
  Value x = lowering.given("input", op.getInput());
  x = l.pad(x, {0, p[0], p[1], 0}, {0, p[2], p[3], 0}, l.scalar(l.builder.getI8Type(), static_cast<double>(padding)));
  Access image{x, {l.dim(0), l.dim(1) * s[0] + l.dim(4) * d[0], l.dim(2) * s[1] + l.dim(5) * d[1], l.dim(3)}};
  Access window{l.empty(op.getKernel(), l.builder.getI8Type()), {l.dim(4), l.dim(5)}};
  Type accType = isMax ? l.builder.getI8Type() : lowering.sumType();
  Access init{l.filled(out, accType, isMax ? -128 : 0), l.dims(0, 4)};
  auto body = [&](LinalgBuilder &b, ValueRange in) -> Value {
    if (isMax)
      return b.builder.create<arith::MaxSIOp>(b.location, in[2], in[0]);
    return b.builder.create<arith::AddIOp>(b.location, in[2], b.widened(b.minus(b.extend(in[0], 32), inZero), accType));
  };
  Value acc = l.generic({image, window}, init, 4, 2, body, {"n", "oh", "ow", "c", "kh", "kw"});
  int64_t lo = static_cast<int64_t>(op.getClampLo()), hi = static_cast<int64_t>(op.getClampHi());
  Access result{l.empty(out, l.builder.getI8Type()), l.dims(0, 4)};
  if (isMax && lo == -128 && hi == 127)
    return acc;
  if (isMax)
    return l.generic({{acc, l.dims(0, 4)}}, result, 4, 0,
                     [&](LinalgBuilder &b, ValueRange in) { return b.clamp(in[0], lo, hi); });
  Value inScale = op.getInScale(), outScale = op.getOutScale();
  Access multiplier = average(lowering, l, op);
  // The shift depends on the counts, which are those of the block, and on the scales, which are those of the call.
  auto counts = averageCountsOf(op);
  Access shift = lowering.computedScalar("shift", [=](func::CallOp call) {
    return averageParams(floatAt(call, inScale), floatAt(call, outScale), counts)->fixed.shift;
  });
  return l.generic({{acc, l.dims(0, 4)}, multiplier, shift}, result, 4, 0, [&](LinalgBuilder &b, ValueRange in) {
    Value sum =
        b.builder.create<arith::MulIOp>(b.location, b.widened(in[0], b.builder.getI64Type()), b.extend(in[1], 64));
    Value zero = b.scalar(b.builder.getI32Type(), static_cast<double>(zeroInside(op.getOutZero())));
    return b.clamp(b.builder.create<RescaleOp>(b.location, sum, in[2], zero), lo, hi);
  });
}

Value lower(Lowering &lowering, LinalgBuilder &l, QLutOp op) {
  Dims shape = shapeOf(op.getResult());
  unsigned rank = static_cast<unsigned>(shape.size());
  Value x = lowering.given("input", op.getInput()), table = lowering.given("table", op.getTable());
  Access init{l.empty(shape, l.builder.getI8Type()), l.dims(0, rank)};
  return l.generic({{x, l.dims(0, rank)}}, init, rank, 0, [&](LinalgBuilder &b, ValueRange in) -> Value {
    return b.builder.create<LutOp>(b.location, in[0], table);
  });
}

} // namespace

Value lowerInteger(Lowering &lowering, LinalgBuilder &l, Operation *op) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<QConvOp, QGemmOp, QConvSumsOp, QGemmSumsOp, QMatmulOp, QEltwiseOp, QPoolOp, QLutOp>(
          [&](auto typed) { return lower(lowering, l, typed); })
      .Default([](Operation *) { return Value(); });
}

} // namespace tw::ir
