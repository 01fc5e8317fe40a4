// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/ToLinalg.h"

#include "LinalgBuilder.h"
#include "tw/ir/QuantOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

#include <variant>

using namespace mlir;

namespace tw::ir {
namespace {

// The constant that a value of the old body has at one call.
Tensor valueAt(func::CallOp call, Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return *constantOf(argument ? call.getOperand(argument.getArgNumber()) : value);
}

float floatAt(func::CallOp call, Value value) { return valueAt(call, value).data<float>()[0]; }

// Rewrites one block function and the calls of it. Arguments are added as the new body asks for them.
class Lowering {
public:
  explicit Lowering(func::FuncOp function) : function(function), builder(function.getContext()) {}

  // False when the block has no loop form.
  bool run() {
    Operation *op = nullptr;
    for (Operation &candidate : function.front().without_terminator()) {
      if (isa<ConstantOp>(candidate))
        continue;
      if (op)
        return false; // a float group
      op = &candidate;
    }
    if (!op)
      return false;
    body = new Block;
    function.getBody().push_back(body);
    builder.setInsertionPointToEnd(body);
    LinalgBuilder linalg(builder, op->getLoc());
    Value result = llvm::TypeSwitch<Operation *, Value>(op)
                       .Case<QConvOp, QGemmOp, QMatmulOp, QEltwiseOp, QPoolOp, QLutOp>(
                           [&](auto typed) { return lower(linalg, typed); })
                       .Default([](Operation *) { return Value(); });
    if (!result) {
      body->erase();
      return false;
    }
    builder.create<func::ReturnOp>(op->getLoc(), result);
    replaceCalls();
    function.front().erase();
    function.setFunctionType(builder.getFunctionType(body->getArgumentTypes(), result.getType()));
    function.setAllArgAttrs(roles());
    return true;
  }

private:
  using Compute = std::function<Tensor(func::CallOp)>;
  struct Argument {
    std::string role;
    std::variant<unsigned, Compute> source; // an argument of before, or computed from constants at each call
  };

  // An activation, or a constant that is used as it stands.
  Value given(llvm::StringRef role, Value old) {
    if (isConstant(old)) // one scalar as an operand of elementwise arithmetic
      return builder.clone(*old.getDefiningOp())->getResult(0);
    unsigned index = cast<BlockArgument>(old).getArgNumber();
    for (auto [position, argument] : llvm::enumerate(arguments))
      if (argument.source.index() == 0 && std::get<unsigned>(argument.source) == index)
        return body->getArgument(static_cast<unsigned>(position));
    arguments.push_back({role.str(), index});
    return body->addArgument(old.getType(), old.getLoc());
  }

  Value computed(llvm::StringRef role, ElementType type, Dims shape, Compute compute) {
    arguments.push_back({role.str(), std::move(compute)});
    return body->addArgument(toMlirType(builder.getContext(), type, shape), builder.getUnknownLoc());
  }

  Access computedScalar(llvm::StringRef role, std::function<int32_t(func::CallOp)> compute) {
    return {computed(role, ElementType::I32, {},
                     [compute](func::CallOp call) { return Tensor::of<int32_t>({}, {compute(call)}); }),
            {}};
  }

  static int64_t zeroInside(Value value) { return constantInts(value)[0]; }

  Value lower(LinalgBuilder &l, QConvOp op);
  Value lower(LinalgBuilder &l, QGemmOp op);
  Value lower(LinalgBuilder &l, QMatmulOp op);
  Value lower(LinalgBuilder &l, QEltwiseOp op);
  Value lower(LinalgBuilder &l, QPoolOp op);
  Value lower(LinalgBuilder &l, QLutOp op);
  template <typename Op> Value drain(LinalgBuilder &l, Op op, Value acc);
  Value product(LinalgBuilder &l, Access x, int64_t xZero, Access w, std::optional<int64_t> wZero,
                std::optional<Access> wZeroTensor, Dims accShape, unsigned reductions);
  Access average(LinalgBuilder &l, QPoolOp op);

  void replaceCalls() {
    auto module = function->getParentOfType<ModuleOp>();
    SmallVector<func::CallOp> calls;
    module.walk([&](func::CallOp call) {
      if (call.getCallee() == function.getName())
        calls.push_back(call);
    });
    for (func::CallOp call : calls) {
      OpBuilder at(call);
      SmallVector<Value> operands;
      for (const Argument &argument : arguments)
        operands.push_back(std::holds_alternative<unsigned>(argument.source)
                               ? call.getOperand(std::get<unsigned>(argument.source))
                               : constantFor(at, call, argument));
      auto fresh = at.create<func::CallOp>(call.getLoc(), call.getCallee(), call.getResultTypes(), operands);
      call.replaceAllUsesWith(fresh);
      call.erase();
    }
  }

  static Value constantFor(OpBuilder &at, func::CallOp call, const Argument &argument) {
    auto names = nodeNames(call.getLoc());
    std::string name = (names.empty() ? call.getCallee() : names.front()).str() + "." + argument.role;
    return makeConstant(at, call.getLoc(), name, std::get<Compute>(argument.source)(call));
  }

  SmallVector<DictionaryAttr> roles() {
    SmallVector<DictionaryAttr> attributes;
    for (const Argument &argument : arguments)
      attributes.push_back(
          builder.getDictionaryAttr(builder.getNamedAttr("tw.role", builder.getStringAttr(argument.role))));
    return attributes;
  }

  func::FuncOp function;
  OpBuilder builder;
  Block *body = nullptr;
  std::vector<Argument> arguments;
};

// acc + (x - xZero) * (w - wZero) over the loops of acc and `reductions` more.
Value Lowering::product(LinalgBuilder &l, Access x, int64_t xZero, Access w, std::optional<int64_t> wZero,
                        std::optional<Access> wZeroTensor, Dims accShape, unsigned reductions) {
  unsigned parallel = static_cast<unsigned>(accShape.size());
  SmallVector<Access> inputs{x, w};
  if (wZeroTensor)
    inputs.push_back(*wZeroTensor);
  Access init{l.filled(accShape, builder.getI32Type(), 0), l.dims(0, parallel)};
  return l.generic(inputs, init, parallel, reductions, [&](LinalgBuilder &b, ValueRange in) {
    Value left = b.minus(b.extend(in[0], 32), xZero), right = b.extend(in[1], 32);
    if (wZeroTensor)
      right = b.builder.create<arith::SubIOp>(b.location, right, b.extend(in[2], 32));
    else
      right = b.minus(right, *wZero);
    Value term = b.builder.create<arith::MulIOp>(b.location, left, right);
    return b.builder.create<arith::AddIOp>(b.location, in.back(), term);
  });
}

template <typename Op> Value Lowering::drain(LinalgBuilder &l, Op op, Value acc) {
  Dims shape = shapeOf(acc);
  unsigned rank = static_cast<unsigned>(shape.size());
  AffineExpr channel = l.dim(rank - 1);
  bool perChannel = elementCount(shapeOf(op.getWeightScale())) != 1;
  Value inScale = op.getInScale(), weightScale = op.getWeightScale(), outScale = op.getOutScale();

  SmallVector<Access> inputs{{acc, l.dims(0, rank)}};
  if (op.getBias())
    inputs.push_back({given("bias", op.getBias()), {channel}});
  unsigned multiplier = static_cast<unsigned>(inputs.size());
  Shape multiplierShape = perChannel ? Shape{shapeOf(op.getWeight())[0]} : Shape();
  Value multipliers = computed("multiplier", ElementType::F32, multiplierShape, [=](func::CallOp call) {
    auto values = requantMultipliers(valueAt(call, inScale).values<float>(), valueAt(call, weightScale).values<float>(),
                                     floatAt(call, outScale));
    return Tensor::of<float>(multiplierShape, values);
  });
  inputs.push_back({multipliers, perChannel ? SmallVector<AffineExpr>{channel} : SmallVector<AffineExpr>()});

  unsigned residual = static_cast<unsigned>(inputs.size());
  if (op.getResidual()) {
    Value residualScale = op.getResidualScale(), sumScale = op.getSumScale();
    auto params = [=](func::CallOp call) {
      return *eltwiseParams(EltwiseFunction::Add, floatAt(call, outScale), floatAt(call, residualScale),
                            floatAt(call, sumScale));
    };
    inputs.push_back({given("residual", op.getResidual()), l.dims(0, rank)});
    inputs.push_back(computedScalar("mult_sum", [=](func::CallOp call) { return params(call).multA; }));
    inputs.push_back(computedScalar("mult_residual", [=](func::CallOp call) { return params(call).multB; }));
    inputs.push_back(computedScalar("shift", [=](func::CallOp call) { return params(call).shift; }));
  }
  Value table = op.getLut() ? given("table", op.getLut()) : Value();
  Access init{l.empty(shape, builder.getI8Type()), l.dims(0, rank)};
  return l.generic(inputs, init, rank, 0, [&](LinalgBuilder &b, ValueRange in) {
    Value sum = in[0];
    if (op.getBias())
      sum = b.builder.create<arith::AddIOp>(b.location, sum, in[1]);
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
  });
}

Value Lowering::lower(LinalgBuilder &l, QConvOp op) {
  if (op.getLayout() != Layout::NHWC)
    return nullptr;
  Dims out = shapeOf(op.getResult()), w = shapeOf(op.getWeight()), s = op.getStrides(), d = op.getDilations(),
       p = op.getPads();
  int64_t group = static_cast<int64_t>(op.getGroup()), perGroup = out[3] / group;
  int64_t inZero = zeroInside(op.getInZero());
  Value x = given("input", op.getInput()), weight = given("weight", op.getWeight());
  x = l.pad(x, {0, p[0], p[1], 0}, {0, p[2], p[3], 0}, l.scalar(builder.getI8Type(), static_cast<double>(inZero)));

  std::optional<int64_t> wZero;
  std::optional<Access> wZeroTensor;
  bool zeroPerChannel = elementCount(shapeOf(op.getWeightZero())) != 1;
  if (!zeroPerChannel)
    wZero = zeroInside(op.getWeightZero());
  else if (group == 1 || (perGroup == 1 && w[3] == 1))
    wZeroTensor = Access{given("weight_zero", op.getWeightZero()), {l.dim(3)}};
  else
    return nullptr; // asymmetric per-channel weights in groups: no such model is known

  auto row = [&](unsigned kernelDim) { return l.dim(1) * s[0] + l.dim(kernelDim) * d[0]; };
  auto column = [&](unsigned kernelDim) { return l.dim(2) * s[1] + l.dim(kernelDim) * d[1]; };
  if (group == 1) {
    Value acc = product(l, {x, {l.dim(0), row(4), column(5), l.dim(6)}}, inZero,
                        {weight, {l.dim(3), l.dim(4), l.dim(5), l.dim(6)}}, wZero, wZeroTensor, out, 3);
    return drain(l, op, acc);
  }
  if (perGroup == 1 && w[3] == 1) {
    Value acc = product(l, {x, {l.dim(0), row(4), column(5), l.dim(3)}}, inZero,
                        {weight, {l.dim(3), l.dim(4), l.dim(5), l.zero()}}, wZero, wZeroTensor, out, 2);
    return drain(l, op, acc);
  }
  Dims in = shapeOf(x);
  x = l.reshape(x, {in[0], in[1], in[2], group, w[3]});
  weight = l.reshape(weight, {group, perGroup, w[1], w[2], w[3]});
  Value acc = product(l, {x, {l.dim(0), row(5), column(6), l.dim(3), l.dim(7)}}, inZero,
                      {weight, {l.dim(3), l.dim(4), l.dim(5), l.dim(6), l.dim(7)}}, wZero, wZeroTensor,
                      {out[0], out[1], out[2], group, perGroup}, 3);
  return drain(l, op, l.reshape(acc, out));
}

Value Lowering::lower(LinalgBuilder &l, QGemmOp op) {
  Value x = given("input", op.getInput()), weight = given("weight", op.getWeight());
  std::optional<int64_t> wZero;
  std::optional<Access> wZeroTensor;
  if (elementCount(shapeOf(op.getWeightZero())) == 1)
    wZero = zeroInside(op.getWeightZero());
  else
    wZeroTensor = Access{given("weight_zero", op.getWeightZero()), {l.dim(1)}};
  Value acc = product(l, {x, {l.dim(0), l.dim(2)}}, zeroInside(op.getInZero()), {weight, {l.dim(1), l.dim(2)}}, wZero,
                      wZeroTensor, shapeOf(op.getResult()), 1);
  return drain(l, op, acc);
}

Value Lowering::lower(LinalgBuilder &l, QMatmulOp op) {
  Dims out = shapeOf(op.getResult());
  unsigned rank = static_cast<unsigned>(out.size());
  Value a = given("lhs", op.getA()), b = given("rhs", op.getB());
  auto left = l.broadcast(shapeOf(a).drop_back(2), out.drop_back(2));
  auto right = l.broadcast(shapeOf(b).drop_back(2), out.drop_back(2));
  left.append({l.dim(rank - 2), l.dim(rank)});
  right.append({l.dim(rank), l.dim(rank - 1)});
  Value acc =
      product(l, {a, left}, zeroInside(op.getAZero()), {b, right}, zeroInside(op.getBZero()), std::nullopt, out, 1);
  Value aScale = op.getAScale(), bScale = op.getBScale(), outScale = op.getOutScale();
  Value multiplier = computed("multiplier", ElementType::F32, {}, [=](func::CallOp call) {
    return Tensor::of<float>(
        {}, {requantMultiplier(floatAt(call, aScale), floatAt(call, bScale), floatAt(call, outScale))});
  });
  Access init{l.empty(out, builder.getI8Type()), l.dims(0, rank)};
  return l.generic(
      {{acc, l.dims(0, rank)}, {multiplier, {}}}, init, rank, 0, [&](LinalgBuilder &inside, ValueRange in) {
        Value zero = inside.scalar(inside.builder.getI32Type(), static_cast<double>(zeroInside(op.getOutZero())));
        Value q = inside.builder.create<RequantizeOp>(inside.location, in[0], in[1], zero);
        return inside.clamp(q, static_cast<int64_t>(op.getClampLo()), static_cast<int64_t>(op.getClampHi()));
      });
}

Value Lowering::lower(LinalgBuilder &l, QEltwiseOp op) {
  Dims out = shapeOf(op.getResult());
  unsigned rank = static_cast<unsigned>(out.size());
  Value lhsScale = op.getLhsScale(), rhsScale = op.getRhsScale(), outScale = op.getOutScale();
  EltwiseFunction function = eltwiseFunction(op.getKind());
  auto params = [=](func::CallOp call) {
    return *eltwiseParams(function, floatAt(call, lhsScale), floatAt(call, rhsScale), floatAt(call, outScale));
  };
  bool isProduct = op.getKind() == EltwiseKind::Mul;
  SmallVector<Access> inputs{{given("lhs", op.getLhs()), l.broadcast(shapeOf(op.getLhs()), out)},
                             {given("rhs", op.getRhs()), l.broadcast(shapeOf(op.getRhs()), out)}};
  inputs.push_back(computedScalar("mult_lhs", [=](func::CallOp call) { return params(call).multA; }));
  if (!isProduct)
    inputs.push_back(computedScalar("mult_rhs", [=](func::CallOp call) { return params(call).multB; }));
  inputs.push_back(computedScalar("shift", [=](func::CallOp call) { return params(call).shift; }));
  Access init{l.empty(out, builder.getI8Type()), l.dims(0, rank)};
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
Access Lowering::average(LinalgBuilder &l, QPoolOp op) {
  Value inScale = op.getInScale(), outScale = op.getOutScale();
  Dims image = shapeOf(op.getInput()), out = shapeOf(op.getResult());
  auto counts = averageCountsOf(op);
  if (counts.size() == 1)
    return computedScalar("multiplier", [=](func::CallOp call) {
      return averageParams(floatAt(call, inScale), floatAt(call, outScale), counts)->multiplierFor(counts.front());
    });
  Shape shape{out[1], out[2]};
  Shape perDim[2];
  for (int d = 0; d < 2; ++d)
    for (int64_t o = 0; o < shape[d]; ++o) {
      int64_t begin = o * op.getStrides()[d] - op.getPads()[d];
      perDim[d].push_back(std::min(begin + op.getKernel()[d], image[1 + d]) - std::max<int64_t>(begin, 0));
    }
  Value table =
      computed("multiplier", ElementType::I32, shape, [=, rows = perDim[0], columns = perDim[1]](func::CallOp call) {
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

Value Lowering::lower(LinalgBuilder &l, QPoolOp op) {
  if (op.getLayout() != Layout::NHWC)
    return nullptr;
  Dims out = shapeOf(op.getResult()), s = op.getStrides(), d = op.getDilations(), p = op.getPads();
  bool isMax = op.getKind() == PoolKind::Max;
  int64_t inZero = zeroInside(op.getInZero()), padding = isMax ? -128 : inZero;
  Value x = given("input", op.getInput());
  x = l.pad(x, {0, p[0], p[1], 0}, {0, p[2], p[3], 0}, l.scalar(builder.getI8Type(), static_cast<double>(padding)));
  Access image{x, {l.dim(0), l.dim(1) * s[0] + l.dim(4) * d[0], l.dim(2) * s[1] + l.dim(5) * d[1], l.dim(3)}};
  Access window{l.empty(op.getKernel(), builder.getI8Type()), {l.dim(4), l.dim(5)}};
  Type accType = isMax ? builder.getI8Type() : builder.getI32Type();
  Access init{l.filled(out, accType, isMax ? -128 : 0), l.dims(0, 4)};
  Value acc = l.generic({image, window}, init, 4, 2, [&](LinalgBuilder &b, ValueRange in) -> Value {
    if (isMax)
      return b.builder.create<arith::MaxSIOp>(b.location, in[2], in[0]);
    return b.builder.create<arith::AddIOp>(b.location, in[2], b.minus(b.extend(in[0], 32), inZero));
  });
  int64_t lo = static_cast<int64_t>(op.getClampLo()), hi = static_cast<int64_t>(op.getClampHi());
  Access result{l.empty(out, builder.getI8Type()), l.dims(0, 4)};
  if (isMax && lo == -128 && hi == 127)
    return acc;
  if (isMax)
    return l.generic({{acc, l.dims(0, 4)}}, result, 4, 0,
                     [&](LinalgBuilder &b, ValueRange in) { return b.clamp(in[0], lo, hi); });
  Value inScale = op.getInScale(), outScale = op.getOutScale();
  Access multiplier = average(l, op);
  // The shift depends on the counts, which are those of the block, and on the scales, which are those of the call.
  auto counts = averageCountsOf(op);
  Access shift = computedScalar("shift", [=](func::CallOp call) {
    return averageParams(floatAt(call, inScale), floatAt(call, outScale), counts)->fixed.shift;
  });
  return l.generic({{acc, l.dims(0, 4)}, multiplier, shift}, result, 4, 0, [&](LinalgBuilder &b, ValueRange in) {
    Value sum = b.builder.create<arith::MulIOp>(b.location, b.extend(in[0], 64), b.extend(in[1], 64));
    Value zero = b.scalar(b.builder.getI32Type(), static_cast<double>(zeroInside(op.getOutZero())));
    return b.clamp(b.builder.create<RescaleOp>(b.location, sum, in[2], zero), lo, hi);
  });
}

Value Lowering::lower(LinalgBuilder &l, QLutOp op) {
  Dims shape = shapeOf(op.getResult());
  unsigned rank = static_cast<unsigned>(shape.size());
  Value x = given("input", op.getInput()), table = given("table", op.getTable());
  Access init{l.empty(shape, builder.getI8Type()), l.dims(0, rank)};
  return l.generic({{x, l.dims(0, rank)}}, init, rank, 0, [&](LinalgBuilder &b, ValueRange in) -> Value {
    return b.builder.create<LutOp>(b.location, in[0], table);
  });
}

} // namespace

LogicalResult lowerBlocksToLinalg(ModuleOp module) {
  for (auto function : llvm::to_vector(module.getOps<func::FuncOp>()))
    if (function.isPrivate() && !function.isExternal())
      Lowering(function).run();
  return success();
}

} // namespace tw::ir
