// SPDX-License-Identifier: Apache-2.0
// Loops of what stays on the host: float32 operators, quantize and dequantize, and operators that only move elements.
#include "Lowering.h"

#include "../interpreter/Kernels.h"
#include "tw/ir/FloatFunctions.h"
#include "tw/ir/Interpreter.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;

namespace tw::ir {
namespace {

// Shorthand for scalar float arithmetic in bodies.
struct F {
  LinalgBuilder &b;
  Value operator()(double value) { return b.scalar(b.builder.getF32Type(), value); }
  template <typename Op> Value binary(Value x, Value y) { return b.builder.create<Op>(b.location, x, y); }
  template <typename Op> Value unary(Value x) { return b.builder.create<Op>(b.location, x); }
  Value add(Value x, Value y) { return binary<arith::AddFOp>(x, y); }
  Value sub(Value x, Value y) { return binary<arith::SubFOp>(x, y); }
  Value mul(Value x, Value y) { return binary<arith::MulFOp>(x, y); }
  Value div(Value x, Value y) { return binary<arith::DivFOp>(x, y); }
  // y where it is larger (smaller), else x: what is not a number stays so if it is x.
  Value max(Value x, Value y) { return choose(arith::CmpFPredicate::OLT, x, y); }
  Value min(Value x, Value y) { return choose(arith::CmpFPredicate::OGT, x, y); }
  Value choose(arith::CmpFPredicate takesSecond, Value x, Value y) {
    Value isSecond = b.builder.create<arith::CmpFOp>(b.location, takesSecond, x, y);
    return b.builder.create<arith::SelectOp>(b.location, isSecond, y, x);
  }
  Value fma(Value x, Value y, Value sum) { return b.builder.create<math::FmaOp>(b.location, x, y, sum); }
  Value polynomial(ArrayRef<float> coefficients, Value x) {
    Value sum = (*this)(coefficients.back());
    for (float coefficient : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, (*this)(coefficient));
    return sum;
  }
  // 2^n of an int32 from -126 to 127.
  Value powerOfTwo(Value n) {
    auto i32 = [&](int64_t value) { return b.scalar(b.builder.getI32Type(), static_cast<double>(value)); };
    Value bits = b.builder.create<arith::ShLIOp>(b.location, binary<arith::AddIOp>(n, i32(127)), i32(23));
    return b.builder.create<arith::BitcastOp>(b.location, b.builder.getF32Type(), bits);
  }
  // FloatFunctions.h has the steps of these.
  Value exponential(Value x) {
    Value t = min(max(x, (*this)(kExpLeast)), (*this)(kExpMost));
    Value n = unary<math::RoundEvenOp>(mul(t, (*this)(kLog2E)));
    Value r = fma(n, (*this)(-kLn2Low), fma(n, (*this)(-kLn2High), t));
    Value y = add(fma(polynomial(kExp, r), mul(r, r), r), (*this)(1));
    Value whole = b.builder.create<arith::FPToSIOp>(b.location, b.builder.getI32Type(), n);
    Value half = binary<arith::ShRSIOp>(whole, b.scalar(b.builder.getI32Type(), 1));
    return mul(mul(y, powerOfTwo(half)), powerOfTwo(binary<arith::SubIOp>(whole, half)));
  }
  Value hyperbolicTangent(Value x) {
    Value a = unary<math::AbsFOp>(x), z = mul(x, x);
    Value small = fma(mul(polynomial(kTanh, z), z), x, x);
    Value large = sub((*this)(1), div((*this)(2), add(exponential(add(a, a)), (*this)(1))));
    Value isSmall = b.builder.create<arith::CmpFOp>(b.location, arith::CmpFPredicate::OLT, a, (*this)(kTanhSmall));
    return binary<math::CopySignOp>(b.builder.create<arith::SelectOp>(b.location, isSmall, small, large), x);
  }
};

// One loop per dimension of the result; `indices` of each input.
Value elementwise(LinalgBuilder &l, Value like, ArrayRef<Access> inputs, LinalgBuilder::Body body) {
  auto type = cast<RankedTensorType>(like.getType());
  unsigned rank = static_cast<unsigned>(type.getRank());
  return l.generic(inputs, {l.empty(type.getShape(), heldType(type.getElementType())), l.dims(0, rank)}, rank, 0, body);
}

// A scale or zero point: one number, or one per slice of `axis`.
Access parameter(Lowering &lowering, LinalgBuilder &l, llvm::StringRef role, Value value, uint64_t axis) {
  Value tensor = lowering.given(role, value);
  if (elementCount(shapeOf(tensor)) == 1)
    return {l.reshape(tensor, {}), {}};
  return {tensor, {l.dim(static_cast<unsigned>(axis))}};
}

// A zero point that is one number stands in the body, others come as an operand.
std::optional<int64_t> scalarZero(Value value) {
  return isConstant(value) && elementCount(shapeOf(value)) == 1 ? std::optional(constantInts(value)[0]) : std::nullopt;
}

// An int32 of a byte or a 16-bit integer, which has a sign or not.
Value widen(LinalgBuilder &b, Value value, ElementType type) {
  if (type == ElementType::I32)
    return value;
  return isUnsignedInteger(type) ? b.builder.create<arith::ExtUIOp>(b.location, b.builder.getI32Type(), value)
                                 : b.extend(value, 32);
}

Value lower(Lowering &lowering, LinalgBuilder &l, QuantizeOp op) {
  const ElementType type = elementTypeOf(op.getType());
  if (!llvm::is_contained({ElementType::I8, ElementType::U8, ElementType::I16, ElementType::U16}, type))
    return nullptr;
  const double values = byteWidth(type) == 1 ? 256 : 65536, least = isUnsignedInteger(type) ? 0 : -values / 2;
  unsigned rank = static_cast<unsigned>(shapeOf(op).size());
  auto zero = scalarZero(op.getZeroPoint());
  SmallVector<Access> inputs{{lowering.given("input", op.getInput()), l.dims(0, rank)},
                             parameter(lowering, l, "scale", op.getScale(), op.getAxis())};
  if (!zero)
    inputs.push_back(parameter(lowering, l, "zero", op.getZeroPoint(), op.getAxis()));
  return elementwise(l, op, inputs, [&](LinalgBuilder &b, ValueRange in) -> Value {
    F f{b};
    Value rounded = f.unary<math::RoundEvenOp>(f.div(in[0], in[1]));
    // What is no number becomes the zero point.
    Value isNumber = b.builder.create<arith::CmpFOp>(b.location, arith::CmpFPredicate::ORD, rounded, rounded);
    rounded = b.builder.create<arith::SelectOp>(b.location, isNumber, rounded, f(0));
    Value bounded =
        f.min(f.max(rounded, f(-65536)), f(65536)); // before the conversion: it needs an integer that exists
    Value q = b.builder.create<arith::FPToSIOp>(b.location, b.builder.getI32Type(), bounded);
    Value offset = zero ? b.scalar(b.builder.getI32Type(), static_cast<double>(*zero)) : widen(b, in[2], type);
    q = b.builder.create<arith::AddIOp>(b.location, q, offset);
    q = b.builder.create<arith::MaxSIOp>(b.location, q, b.scalar(b.builder.getI32Type(), least));
    q = b.builder.create<arith::MinSIOp>(b.location, q, b.scalar(b.builder.getI32Type(), least + values - 1));
    return b.builder.create<arith::TruncIOp>(b.location, lowering.type(type), q);
  });
}

Value lower(Lowering &lowering, LinalgBuilder &l, DequantizeOp op) {
  unsigned rank = static_cast<unsigned>(shapeOf(op).size());
  auto zero = scalarZero(op.getZeroPoint());
  const ElementType type = elementTypeOf(op.getInput().getType());
  if (isReal(type) || byteWidth(type) > 4 || type == ElementType::U32 || type == ElementType::Bool)
    return nullptr;
  SmallVector<Access> inputs{{lowering.given("input", op.getInput()), l.dims(0, rank)},
                             parameter(lowering, l, "scale", op.getScale(), op.getAxis())};
  if (!zero)
    inputs.push_back(parameter(lowering, l, "zero", op.getZeroPoint(), op.getAxis()));
  return elementwise(l, op, inputs, [&](LinalgBuilder &b, ValueRange in) -> Value {
    Value q = widen(b, in[0], type);
    q = zero ? b.minus(q, *zero) : b.builder.create<arith::SubIOp>(b.location, q, widen(b, in[2], type));
    F f{b};
    return f.mul(b.builder.create<arith::SIToFPOp>(b.location, b.builder.getF32Type(), q), in[1]);
  });
}

Value lower(Lowering &lowering, LinalgBuilder &l, FlipSignOp op) {
  unsigned rank = static_cast<unsigned>(shapeOf(op).size());
  return elementwise(l, op, {{lowering.given("input", op.getInput()), l.dims(0, rank)}},
                     [](LinalgBuilder &b, ValueRange in) -> Value {
                       return b.builder.create<arith::XOrIOp>(b.location, in[0], b.scalar(b.builder.getI8Type(), -128));
                     });
}

// f(x) as scalar operations; must compute what unaryFunction does.
Value unaryBody(LinalgBuilder &b, Operation *op, Value x) {
  F f{b};
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<ReluOp>([&](ReluOp) { return f.max(x, f(0)); })
      .Case<ClipOp>([&](ClipOp clip) {
        return f.min(f.max(x, f(clip.getLo().convertToFloat())), f(clip.getHi().convertToFloat()));
      })
      .Case<LeakyReluOp>([&](LeakyReluOp leaky) {
        Value isNegative = b.builder.create<arith::CmpFOp>(b.location, arith::CmpFPredicate::OLT, x, f(0));
        return b.builder.create<arith::SelectOp>(b.location, isNegative, f.mul(f(leaky.getAlpha().convertToFloat()), x),
                                                 x);
      })
      .Case<HardSigmoidOp>([&](HardSigmoidOp hard) {
        Value line = f.add(f.mul(f(hard.getAlpha().convertToFloat()), x), f(hard.getBeta().convertToFloat()));
        return f.max(f.min(line, f(1)), f(0));
      })
      .Case<SigmoidOp>([&](SigmoidOp) { return f.div(f(1), f.add(f(1), f.exponential(f.unary<arith::NegFOp>(x)))); })
      .Case<TanhOp>([&](TanhOp) { return f.hyperbolicTangent(x); });
}

Value lowerUnary(Lowering &lowering, LinalgBuilder &l, Operation *op) {
  Value result = op->getResult(0);
  unsigned rank = static_cast<unsigned>(shapeOf(result).size());
  return elementwise(l, result, {{lowering.given("input", op->getOperand(0)), l.dims(0, rank)}},
                     [&](LinalgBuilder &b, ValueRange in) { return unaryBody(b, op, in[0]); });
}

template <typename Scalar> Value lowerBinary(Lowering &lowering, LinalgBuilder &l, Operation *op) {
  Value result = op->getResult(0), lhs = op->getOperand(0), rhs = op->getOperand(1);
  Dims shape = shapeOf(result);
  return elementwise(l, result,
                     {{lowering.given("lhs", lhs), l.broadcast(shapeOf(lhs), shape)},
                      {lowering.given("rhs", rhs), l.broadcast(shapeOf(rhs), shape)}},
                     [](LinalgBuilder &b, ValueRange in) { return F{b}.binary<Scalar>(in[0], in[1]); });
}

// acc + x * w in float32, rounded once, over the loops of the result and `reductions` more: the last one fastest.
Value product(LinalgBuilder &l, Access x, Access w, Dims shape, unsigned reductions) {
  unsigned parallel = static_cast<unsigned>(shape.size());
  Access init{l.filled(shape, l.builder.getF32Type(), 0), l.dims(0, parallel)};
  return l.generic({x, w}, init, parallel, reductions,
                   [](LinalgBuilder &b, ValueRange in) { return F{b}.fma(in[0], in[1], in[2]); });
}

Value addBias(Lowering &lowering, LinalgBuilder &l, Value sum, Value bias) {
  if (!bias)
    return sum;
  Dims shape = shapeOf(sum);
  return elementwise(l, sum,
                     {{sum, l.dims(0, static_cast<unsigned>(shape.size()))},
                      {lowering.given("bias", bias), l.broadcast(shapeOf(bias), shape)}},
                     [](LinalgBuilder &b, ValueRange in) { return F{b}.add(in[0], in[1]); });
}

Value lower(Lowering &lowering, LinalgBuilder &l, ConvOp op) {
  if (op.getLayout() != Layout::NHWC)
    return nullptr;
  Dims out = shapeOf(op), w = shapeOf(op.getWeight()), s = op.getStrides(), d = op.getDilations(), p = op.getPads();
  int64_t group = static_cast<int64_t>(op.getGroup()), perGroup = out[3] / group;
  Value x = lowering.given("input", op.getInput()), weight = lowering.given("weight", op.getWeight());
  x = l.pad(x, {0, p[0], p[1], 0}, {0, p[2], p[3], 0}, l.scalar(l.builder.getF32Type(), 0));
  auto row = [&](unsigned kernelDim) { return l.dim(1) * s[0] + l.dim(kernelDim) * d[0]; };
  auto column = [&](unsigned kernelDim) { return l.dim(2) * s[1] + l.dim(kernelDim) * d[1]; };
  Value sum;
  if (group == 1) {
    sum = product(l, {x, {l.dim(0), row(4), column(5), l.dim(6)}}, {weight, {l.dim(3), l.dim(4), l.dim(5), l.dim(6)}},
                  out, 3);
  } else if (perGroup == 1 && w[3] == 1) {
    sum = product(l, {x, {l.dim(0), row(4), column(5), l.dim(3)}}, {weight, {l.dim(3), l.dim(4), l.dim(5), l.zero()}},
                  out, 2);
  } else {
    Dims in = shapeOf(x);
    x = l.reshape(x, {in[0], in[1], in[2], group, w[3]});
    weight = l.reshape(weight, {group, perGroup, w[1], w[2], w[3]});
    sum = product(l, {x, {l.dim(0), row(5), column(6), l.dim(3), l.dim(7)}},
                  {weight, {l.dim(3), l.dim(4), l.dim(5), l.dim(6), l.dim(7)}},
                  {out[0], out[1], out[2], group, perGroup}, 3);
  }
  return addBias(lowering, l, l.reshape(sum, out), op.getBias());
}

Value lower(Lowering &lowering, LinalgBuilder &l, GemmOp op) {
  AffineExpr m = l.dim(0), n = l.dim(1), k = l.dim(2);
  using Indices = SmallVector<AffineExpr>;
  Value sum =
      product(l, {lowering.given("lhs", op.getA()), op.getTransA() ? Indices{k, m} : Indices{m, k}},
              {lowering.given("rhs", op.getB()), op.getTransB() ? Indices{n, k} : Indices{k, n}}, shapeOf(op), 1);
  const float alpha = op.getAlpha().convertToFloat(), beta = op.getBeta().convertToFloat();
  if (alpha == 1 && (!op.getC() || beta == 1))
    return addBias(lowering, l, sum, op.getC());
  SmallVector<Access> inputs{{sum, l.dims(0, 2)}};
  if (op.getC())
    inputs.push_back({lowering.given("bias", op.getC()), l.broadcast(shapeOf(op.getC()), shapeOf(op))});
  return elementwise(l, sum, inputs, [&](LinalgBuilder &b, ValueRange in) {
    F f{b};
    Value value = alpha == 1 ? in[0] : f.mul(f(alpha), in[0]);
    return op.getC() ? f.add(value, beta == 1 ? in[1] : f.mul(f(beta), in[1])) : value;
  });
}

Value lower(Lowering &lowering, LinalgBuilder &l, MatmulOp op) {
  Dims out = shapeOf(op);
  unsigned rank = static_cast<unsigned>(out.size());
  auto left = l.broadcast(shapeOf(op.getA()).drop_back(2), out.drop_back(2));
  auto right = l.broadcast(shapeOf(op.getB()).drop_back(2), out.drop_back(2));
  left.append({l.dim(rank - 2), l.dim(rank)});
  right.append({l.dim(rank), l.dim(rank - 1)});
  return product(l, {lowering.given("lhs", op.getA()), left}, {lowering.given("rhs", op.getB()), right}, out, 1);
}

// Sum or maximum over a window, NHWC; `identity` pads.
Value window(Lowering &lowering, LinalgBuilder &l, Value input, Value result, Dims kernel, Dims s, Dims p, Dims d,
             Value identity, LinalgBuilder::Body body) {
  Dims out = shapeOf(result);
  Value x = l.pad(lowering.given("input", input), {0, p[0], p[1], 0}, {0, p[2], p[3], 0}, identity);
  Access image{x, {l.dim(0), l.dim(1) * s[0] + l.dim(4) * d[0], l.dim(2) * s[1] + l.dim(5) * d[1], l.dim(3)}};
  Access extents{l.empty(kernel, identity.getType()), {l.dim(4), l.dim(5)}};
  Value init = l.builder.create<linalg::FillOp>(l.location, identity, l.empty(out, identity.getType())).getResult(0);
  return l.generic({image, extents}, {init, l.dims(0, 4)}, 4, 2, body);
}

Value lower(Lowering &lowering, LinalgBuilder &l, MaxPoolOp op) {
  ElementType type = elementTypeOf(op.getType());
  if (op.getLayout() != Layout::NHWC || type == ElementType::U8)
    return nullptr;
  bool isFloat = type == ElementType::F32;
  // 64-bit numbers are no doubles: their least one is written as what it is.
  Value lowest =
      isFloat ? l.scalar(lowering.type(type), -std::numeric_limits<double>::max())
              : l.builder
                    .create<arith::ConstantOp>(
                        l.location,
                        l.builder.getIntegerAttr(lowering.type(type),
                                                 APInt::getSignedMinValue(lowering.type(type).getIntOrFloatBitWidth())))
                    .getResult();
  return window(lowering, l, op.getInput(), op, op.getKernel(), op.getStrides(), op.getPads(), op.getDilations(),
                lowest, [&](LinalgBuilder &b, ValueRange in) -> Value {
                  if (isFloat)
                    return F{b}.max(in[2], in[0]);
                  return b.builder.create<arith::MaxSIOp>(b.location, in[2], in[0]);
                });
}

// The divisor of each output position comes from counting ones with the same operator.
Value lower(Lowering &lowering, LinalgBuilder &l, AveragePoolOp op) {
  if (op.getLayout() != Layout::NHWC)
    return nullptr;
  const int64_t ones[] = {1, 1};
  Dims out = shapeOf(op), in = shapeOf(op.getInput()), kernel = op.getKernel();
  Value sum = window(lowering, l, op.getInput(), op, kernel, op.getStrides(), op.getPads(), ones,
                     l.scalar(l.builder.getF32Type(), 0),
                     [](LinalgBuilder &b, ValueRange args) { return F{b}.add(args[2], args[0]); });
  Tensor divisors(ElementType::F32, {out[1], out[2]});
  auto inside = [&](int d, int64_t o) {
    int64_t begin = o * op.getStrides()[d] - op.getPads()[d];
    return std::min(begin + kernel[d], in[1 + d]) - std::max<int64_t>(begin, 0);
  };
  forEachIndex(divisors.shape, [&](int64_t i, Dims index) {
    int64_t count = op.getCountIncludePad() ? kernel[0] * kernel[1] : inside(0, index[0]) * inside(1, index[1]);
    divisors.data<float>()[i] = static_cast<float>(count);
  });
  Value divisor =
      lowering.computed("divisor", ElementType::F32, divisors.shape, [=](func::CallOp) { return divisors; });
  return elementwise(l, sum, {{sum, l.dims(0, 4)}, {divisor, {l.dim(1), l.dim(2)}}},
                     [](LinalgBuilder &b, ValueRange args) { return F{b}.div(args[0], args[1]); });
}

// A reduction of `input` over `axes`: the kept dimensions are the loops, the reduced ones follow.
Value reduce(LinalgBuilder &l, Value input, Dims axes, double identity, LinalgBuilder::Body body) {
  Dims shape = shapeOf(input);
  unsigned kept = static_cast<unsigned>(shape.size() - axes.size()), nextKept = 0, nextReduced = kept;
  Shape result;
  SmallVector<AffineExpr> indices;
  for (size_t d = 0; d < shape.size(); ++d) {
    bool reduced = llvm::is_contained(axes, static_cast<int64_t>(d));
    indices.push_back(l.dim(reduced ? nextReduced++ : nextKept++));
    if (!reduced)
      result.push_back(shape[d]);
  }
  Access init{l.filled(result, l.builder.getF32Type(), identity), l.dims(0, kept)};
  return l.generic({{input, indices}}, init, kept, static_cast<unsigned>(axes.size()), body);
}

Value lower(Lowering &lowering, LinalgBuilder &l, ReduceMeanOp op) {
  Value sum = reduce(l, lowering.given("input", op.getInput()), op.getAxes(), 0,
                     [](LinalgBuilder &b, ValueRange in) { return F{b}.add(in[1], in[0]); });
  double count = static_cast<double>(elementCount(shapeOf(op.getInput())) / elementCount(shapeOf(op)));
  Value mean = elementwise(l, sum, {{sum, l.dims(0, static_cast<unsigned>(shapeOf(sum).size()))}},
                           [&](LinalgBuilder &b, ValueRange in) {
                             F f{b};
                             return f.div(in[0], f(count));
                           });
  return l.reshape(mean, shapeOf(op));
}

Value lower(Lowering &lowering, LinalgBuilder &l, SoftmaxOp op) {
  Value x = lowering.given("input", op.getInput());
  unsigned rank = static_cast<unsigned>(shapeOf(x).size());
  int64_t axis = static_cast<int64_t>(op.getAxis());
  SmallVector<AffineExpr> all = l.dims(0, rank), kept = all;
  kept.erase(kept.begin() + axis);
  Value top = reduce(l, x, {axis}, -std::numeric_limits<double>::infinity(),
                     [](LinalgBuilder &b, ValueRange in) { return F{b}.max(in[1], in[0]); });
  Value powers = elementwise(l, x, {{x, all}, {top, kept}}, [](LinalgBuilder &b, ValueRange in) {
    F f{b};
    return f.exponential(f.sub(in[0], in[1]));
  });
  Value sum = reduce(l, powers, {axis}, 0, [](LinalgBuilder &b, ValueRange in) { return F{b}.add(in[1], in[0]); });
  return elementwise(l, x, {{powers, all}, {sum, kept}},
                     [](LinalgBuilder &b, ValueRange in) { return F{b}.div(in[0], in[1]); });
}

Value lower(Lowering &lowering, LinalgBuilder &l, ReshapeOp op) {
  return l.reshape(lowering.given("input", op.getInput()), shapeOf(op));
}

Value lower(Lowering &lowering, LinalgBuilder &l, TransposeOp op) {
  SmallVector<AffineExpr> indices(op.getPerm().size());
  for (auto [position, p] : llvm::enumerate(op.getPerm()))
    indices[p] = l.dim(static_cast<unsigned>(position));
  return elementwise(l, op, {{lowering.given("input", op.getInput()), indices}},
                     [](LinalgBuilder &, ValueRange in) { return in[0]; });
}

Value lower(Lowering &lowering, LinalgBuilder &l, ConcatOp op) {
  Value result = l.empty(shapeOf(op), lowering.type(elementTypeOf(op.getType())));
  int64_t begin = 0;
  for (Value input : op.getInputs()) {
    Dims shape = shapeOf(input);
    SmallVector<OpFoldResult> offsets(shape.size(), l.builder.getIndexAttr(0)), sizes,
        strides(shape.size(), l.builder.getIndexAttr(1));
    offsets[op.getAxis()] = l.builder.getIndexAttr(begin);
    for (int64_t d : shape)
      sizes.push_back(l.builder.getIndexAttr(d));
    result = l.builder.create<tensor::InsertSliceOp>(l.location, lowering.given("input", input), result, offsets, sizes,
                                                     strides);
    begin += shape[op.getAxis()];
  }
  return result;
}

// Negative padding takes elements away: first those, then the padding.
Value lower(Lowering &lowering, LinalgBuilder &l, PadOp op) {
  Value x = lowering.given("input", op.getInput());
  SmallVector<OpFoldResult> offsets, sizes, strides;
  Shape low, high, kept;
  bool isCropped = false;
  for (auto [extent, lo, hi] : llvm::zip(shapeOf(op.getInput()), op.getLo(), op.getHi())) {
    low.push_back(std::max<int64_t>(lo, 0)), high.push_back(std::max<int64_t>(hi, 0));
    const int64_t first = std::min(std::max<int64_t>(-lo, 0), extent);
    kept.push_back(std::max<int64_t>(extent - first - std::max<int64_t>(-hi, 0), 0));
    offsets.push_back(l.builder.getIndexAttr(first));
    sizes.push_back(l.builder.getIndexAttr(kept.back()));
    strides.push_back(l.builder.getIndexAttr(1));
    isCropped |= kept.back() != extent;
  }
  if (isCropped) {
    auto type = RankedTensorType::get(kept, lowering.type(elementTypeOf(op.getType())));
    x = l.builder.create<tensor::ExtractSliceOp>(l.location, type, x, offsets, sizes, strides);
  }
  Tensor number(elementTypeOf(op.getType()), {});
  number.setNumber(0, op.getValue().convertToDouble());
  const bool isNarrow = number.type == ElementType::F16 || number.type == ElementType::BF16;
  Value value = isNarrow
                    ? l.builder.create<arith::ConstantOp>(
                          l.location, l.builder.getI16IntegerAttr(*reinterpret_cast<int16_t *>(number.bytes.data())))
                    : l.scalar(lowering.type(number.type), op.getValue().convertToDouble());
  return l.pad(x, low, high, value);
}

// One dimension after the other: each result reads one or two neighbours, whose places and shares are tables. Bytes are
// interpolated in float32.
Value lower(Lowering &lowering, LinalgBuilder &l, ResizeOp op) {
  const ElementType type = elementTypeOf(op.getType());
  const bool isLinear = op.getMode() == ResizeMode::Linear, isRounded = isLinear && type != ElementType::F32;
  if (isRounded && type != ElementType::I8)
    return nullptr;
  Value value = lowering.given("input", op.getInput());
  Dims target = shapeOf(op);
  unsigned rank = static_cast<unsigned>(target.size());
  Type f32 = l.builder.getF32Type();
  auto converted = [&](Type to, LinalgBuilder::Body body) {
    Access init{l.empty(shapeOf(value), to), l.dims(0, rank)};
    value = l.generic({{value, l.dims(0, rank)}}, init, rank, 0, body);
  };
  if (isRounded)
    converted(f32, [&](LinalgBuilder &b, ValueRange in) -> Value {
      return b.builder.create<arith::SIToFPOp>(b.location, f32, in[0]);
    });
  for (unsigned d = 0; d < rank; ++d) {
    if (target[d] == shapeOf(value)[d] && op.getScales()[d] == 1.0f)
      continue;
    ResizeLine line = resizeLine(op, d);
    auto table = [&](auto &values, StringRef role) -> Access {
      using T = std::decay_t<decltype(values.front())>;
      Tensor tensor = Tensor::of<T>({target[d]}, values);
      return {lowering.computed(role, ElementTypeOf<T>::value, tensor.shape, [=](func::CallOp) { return tensor; }),
              {l.dim(d)}};
    };
    SmallVector<Access> inputs{table(line.low, "place")};
    if (isLinear) {
      inputs.push_back(table(line.high, "place"));
      inputs.push_back(table(line.share, "weight"));
    }
    Shape shape(shapeOf(value));
    shape[d] = target[d];
    Access init{l.empty(shape, cast<RankedTensorType>(value.getType()).getElementType()), l.dims(0, rank)};
    Value source = value;
    value = l.generic(inputs, init, rank, 0, [&](LinalgBuilder &b, ValueRange in) -> Value {
      auto at = [&](Value place) -> Value {
        SmallVector<Value> indices;
        for (unsigned i = 0; i < rank; ++i)
          indices.push_back(
              i == d ? b.builder.create<arith::IndexCastOp>(b.location, b.builder.getIndexType(), place).getResult()
                     : b.builder.create<linalg::IndexOp>(b.location, i).getResult());
        return b.builder.create<tensor::ExtractOp>(b.location, source, indices);
      };
      if (!isLinear)
        return at(in[0]);
      F f{b};
      return f.add(f.mul(at(in[0]), f.sub(f(1), in[2])), f.mul(at(in[1]), in[2]));
    });
  }
  if (isRounded)
    converted(lowering.type(type), [&](LinalgBuilder &b, ValueRange in) -> Value {
      Value x = op.getRoundDown() ? F{b}.unary<math::FloorOp>(in[0]) : in[0];
      x = b.builder.create<arith::FPToSIOp>(b.location, b.builder.getI32Type(), x);
      return b.builder.create<arith::TruncIOp>(b.location, lowering.type(type), x);
    });
  return value;
}

} // namespace

Value lowerFloat(Lowering &lowering, LinalgBuilder &l, Operation *op) {
  if (unaryFunction(op))
    return lowerUnary(lowering, l, op);
  if (isa<AddOp, SubOp, MulOp, DivOp, MinOp, MaxOp, MatmulOp>(op) &&
      elementTypeOf(op->getResult(0).getType()) != ElementType::F32)
    return nullptr;
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<QuantizeOp, DequantizeOp, FlipSignOp, ConvOp, GemmOp, MatmulOp, MaxPoolOp, AveragePoolOp, ReduceMeanOp,
            SoftmaxOp, ReshapeOp, TransposeOp, ConcatOp, PadOp, ResizeOp>(
          [&](auto typed) { return lower(lowering, l, typed); })
      .Case<AddOp>([&](Operation *) { return lowerBinary<arith::AddFOp>(lowering, l, op); })
      .Case<SubOp>([&](Operation *) { return lowerBinary<arith::SubFOp>(lowering, l, op); })
      .Case<MulOp>([&](Operation *) { return lowerBinary<arith::MulFOp>(lowering, l, op); })
      .Case<DivOp>([&](Operation *) { return lowerBinary<arith::DivFOp>(lowering, l, op); })
      .Case<MinOp>([&](Operation *) { return lowerBinary<arith::MinimumFOp>(lowering, l, op); })
      .Case<MaxOp>([&](Operation *) { return lowerBinary<arith::MaximumFOp>(lowering, l, op); })
      .Default([](Operation *) { return Value(); });
}

} // namespace tw::ir
