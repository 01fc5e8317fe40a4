// SPDX-License-Identifier: Apache-2.0
#include "LinalgEvaluator.h"

#include "tw/isa/DiagError.h"

#include "Kernels.h"

#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

#include <bit>
#include <cmath>

using namespace mlir;

namespace tw::ir {
namespace {

using Lookup = llvm::function_ref<const Tensor *(Value)>;

// A scalar in a body: an integer sign-extended (of an i1, too: true is -1), a float32, a float64; of a narrow real its
// bits.
union Scalar {
  int64_t i;
  float f;
  double d;
};
template <typename T> T &real(Scalar &scalar) {
  if constexpr (std::is_same_v<T, double>)
    return scalar.d;
  else
    return scalar.f;
}

int64_t wrap(int64_t value, unsigned width) {
  return static_cast<int64_t>(static_cast<uint64_t>(value) << (64 - width)) >> (64 - width);
}
uint64_t withoutSign(int64_t value, unsigned width) {
  return static_cast<uint64_t>(value) << (64 - width) >> (64 - width);
}

Scalar load(const Tensor &tensor, int64_t index) {
  Scalar scalar;
  if (tensor.type == ElementType::F32)
    scalar.f = tensor.data<float>()[index];
  else if (tensor.type == ElementType::F64)
    scalar.d = tensor.data<double>()[index];
  else if (tensor.type == ElementType::F16)
    scalar.i = static_cast<int16_t>(tensor.data<Float16>()[index].bits);
  else if (tensor.type == ElementType::BF16)
    scalar.i = static_cast<int16_t>(tensor.data<BFloat16>()[index].bits);
  else if (tensor.type == ElementType::Bool)
    scalar.i = tensor.data<bool>()[index] ? -1 : 0;
  else
    scalar.i = tensor.integerAt(index);
  return scalar;
}

void store(Tensor &tensor, int64_t index, Scalar scalar) {
  if (tensor.type == ElementType::F32)
    tensor.data<float>()[index] = scalar.f;
  else if (tensor.type == ElementType::F64)
    tensor.data<double>()[index] = scalar.d;
  else if (tensor.type == ElementType::F16)
    tensor.data<Float16>()[index].bits = static_cast<uint16_t>(scalar.i);
  else if (tensor.type == ElementType::BF16)
    tensor.data<BFloat16>()[index].bits = static_cast<uint16_t>(scalar.i);
  else
    tensor.setInteger(index, scalar.i);
}

Scalar scalarOf(TypedAttr constant) {
  Scalar scalar;
  auto real = dyn_cast<FloatAttr>(constant);
  if (!real)
    scalar.i = cast<IntegerAttr>(constant).getValue().getSExtValue();
  else if (real.getType().isF32())
    scalar.f = static_cast<float>(real.getValueAsDouble());
  else if (real.getType().isF64())
    scalar.d = real.getValueAsDouble();
  else
    scalar.i = real.getValue().bitcastToAPInt().getSExtValue();
  return scalar;
}

template <typename T> bool compare(arith::CmpFPredicate predicate, T a, T b) {
  using P = arith::CmpFPredicate;
  const bool isUnordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case P::AlwaysFalse:
    return false;
  case P::OEQ:
    return a == b;
  case P::OGT:
    return a > b;
  case P::OGE:
    return a >= b;
  case P::OLT:
    return a < b;
  case P::OLE:
    return a <= b;
  case P::ONE:
    return !isUnordered && a != b;
  case P::ORD:
    return !isUnordered;
  case P::UEQ:
    return isUnordered || a == b;
  case P::UGT:
    return !(a <= b);
  case P::UGE:
    return !(a < b);
  case P::ULT:
    return !(a >= b);
  case P::ULE:
    return !(a > b);
  case P::UNE:
    return a != b;
  case P::UNO:
    return isUnordered;
  case P::AlwaysTrue:
    return true;
  }
  llvm_unreachable("all predicates are listed");
}

bool compare(arith::CmpIPredicate predicate, int64_t a, int64_t b) {
  using P = arith::CmpIPredicate;
  // Of sign-extended numbers the order without a sign is that of 64 bits.
  const auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
  switch (predicate) {
  case P::eq:
    return a == b;
  case P::ne:
    return a != b;
  case P::slt:
    return a < b;
  case P::sle:
    return a <= b;
  case P::sgt:
    return a > b;
  case P::sge:
    return a >= b;
  case P::ult:
    return x < y;
  case P::ule:
    return x <= y;
  case P::ugt:
    return x > y;
  case P::uge:
    return x >= y;
  }
  llvm_unreachable("all predicates are listed");
}

// As host code has them (arith's expansion): of equal ones the second.
template <typename T> T minimum(T a, T b) { return std::isnan(b) || !(std::isnan(a) || a < b) ? b : a; }
template <typename T> T maximum(T a, T b) { return std::isnan(b) || !(std::isnan(a) || a > b) ? b : a; }

// A body as straight-line code over registers.
class Program {
public:
  // An error names the first operation that has no evaluation.
  static llvm::Expected<Program> of(linalg::GenericOp op, Lookup lookup) {
    Program program;
    Block &block = op.getRegion().front();
    for (BlockArgument argument : block.getArguments())
      program.newRegister(argument);
    for (Operation &inside : block.without_terminator())
      if (!program.add(&inside, lookup))
        return errorAt("linalg.generic", "no evaluation of '" + inside.getName().getStringRef() + "'");
    program.result = program.registerOf(block.getTerminator()->getOperand(0), lookup);
    return program;
  }

  // Arguments stand in registers 0, 1, ...
  Scalar run(std::vector<Scalar> &registers, Dims place) const {
    for (auto [number, loop] : indexRegisters)
      registers[number].i = place[loop];
    for (const Step &step : steps)
      step.function(registers, step);
    return registers[result];
  }
  std::vector<Scalar> initialRegisters() const { return registers; }

private:
  struct Step {
    void (*function)(std::vector<Scalar> &, const Step &);
    unsigned to, a, b, c;
    unsigned width, sourceWidth; // of the result and of the first operand, where they are integers
    const int8_t *table;
    int64_t predicate = 0;
    // Of an element by index: its tensor, and registers of the indices.
    const Tensor *tensor = nullptr;
    std::vector<unsigned> indices{};

    Scalar element(const std::vector<Scalar> &r) const {
      Shape strides = stridesOf(tensor->shape);
      int64_t at = 0;
      for (size_t d = 0; d < indices.size(); ++d)
        at += r[indices[d]].i * strides[d];
      return load(*tensor, at);
    }
  };

  unsigned newRegister(Value value, Scalar initial = {}) {
    unsigned index = static_cast<unsigned>(registers.size());
    registers.push_back(initial);
    registerOfValue[value] = index;
    return index;
  }

  unsigned registerOf(Value value, Lookup lookup) {
    auto found = registerOfValue.find(value);
    return found != registerOfValue.end() ? found->second : newRegister(value, load(*lookup(value), 0));
  }

  bool add(Operation *op, Lookup lookup) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      newRegister(constant, scalarOf(constant.getValue()));
      return true;
    }
    if (auto index = dyn_cast<linalg::IndexOp>(op)) {
      indexRegisters.push_back({newRegister(index), static_cast<unsigned>(index.getDim())});
      return true;
    }
    if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
      Step read{[](std::vector<Scalar> &r, const Step &s) { r[s.to] = s.element(r); }, 0, 0, 0, 0, 64, 64, nullptr};
      read.tensor = lookup(extract.getTensor());
      for (Value place : extract.getIndices())
        read.indices.push_back(registerOf(place, lookup));
      read.to = newRegister(extract);
      steps.push_back(std::move(read));
      return true;
    }
    Step step{functionOf(op), 0, 0, 0, 0, 64, 64, nullptr};
    if (!step.function)
      return false;
    if (auto compared = dyn_cast<arith::CmpFOp>(op))
      step.predicate = static_cast<int64_t>(compared.getPredicate());
    if (auto compared = dyn_cast<arith::CmpIOp>(op))
      step.predicate = static_cast<int64_t>(compared.getPredicate());
    if (auto lut = dyn_cast<LutOp>(op))
      step.table = lookup(lut.getTable())->data<int8_t>();
    unsigned *sources[] = {&step.a, &step.b, &step.c};
    for (auto [source, operand] : llvm::zip(sources, op->getOperands()))
      if (!isa<RankedTensorType>(operand.getType()))
        *source = registerOf(operand, lookup);
    Type type = op->getResult(0).getType();
    if (type.isInteger())
      step.width = type.getIntOrFloatBitWidth();
    if (Type source = op->getOperand(0).getType(); source.isInteger())
      step.sourceWidth = source.getIntOrFloatBitWidth();
    step.to = newRegister(op->getResult(0));
    steps.push_back(step);
    return true;
  }

  static decltype(Step::function) functionOf(Operation *op) {
    if (auto function = integerFunctionOf(op))
      return function;
    // Reals by the type of the operand, or of the result where that has none.
    const Type operand = op->getOperand(0).getType(), result = op->getResult(0).getType();
    const bool isReal = isa<FloatType>(operand);
    if (isa<arith::SelectOp>(op))
      return result.isF64() ? selectOf<double>() : selectOf<float>();
    if (isa<arith::BitcastOp, arith::ExtFOp, arith::TruncFOp>(op))
      return conversionOf(op, operand, result);
    return (isReal ? operand : result).isF64() ? realFunctionOf<double>(op) : realFunctionOf<float>(op);
  }

  using R = std::vector<Scalar>;
#define TW_STEP(OP, FIELD, EXPRESSION)                                                                                 \
  if (isa<OP>(op))                                                                                                     \
    return [](R &r, const Step &s) { FIELD = EXPRESSION; };
#define TW_A r[s.a].i
#define TW_B r[s.b].i
#define TW_INTEGER(OP, EXPRESSION) TW_STEP(OP, r[s.to].i, wrap(static_cast<int64_t>(EXPRESSION), s.width))

  static decltype(Step::function) integerFunctionOf(Operation *op) {
    TW_INTEGER(arith::AddIOp, static_cast<uint64_t>(TW_A) + static_cast<uint64_t>(TW_B))
    TW_INTEGER(arith::SubIOp, static_cast<uint64_t>(TW_A) - static_cast<uint64_t>(TW_B))
    TW_INTEGER(arith::MulIOp, static_cast<uint64_t>(TW_A) * static_cast<uint64_t>(TW_B))
    TW_INTEGER(arith::DivSIOp, TW_A / TW_B)
    TW_INTEGER(arith::RemSIOp, TW_A % TW_B)
    TW_INTEGER(arith::DivUIOp, withoutSign(TW_A, s.width) / withoutSign(TW_B, s.width))
    TW_INTEGER(arith::RemUIOp, withoutSign(TW_A, s.width) % withoutSign(TW_B, s.width))
    TW_INTEGER(arith::MaxSIOp, std::max(TW_A, TW_B))
    TW_INTEGER(arith::MinSIOp, std::min(TW_A, TW_B))
    TW_INTEGER(arith::MaxUIOp, std::max(static_cast<uint64_t>(TW_A), static_cast<uint64_t>(TW_B)))
    TW_INTEGER(arith::MinUIOp, std::min(static_cast<uint64_t>(TW_A), static_cast<uint64_t>(TW_B)))
    TW_INTEGER(arith::AndIOp, TW_A & TW_B)
    TW_INTEGER(arith::OrIOp, TW_A | TW_B)
    TW_INTEGER(arith::XOrIOp, TW_A ^ TW_B)
    TW_INTEGER(arith::ShLIOp, static_cast<uint64_t>(TW_A) << TW_B)
    TW_INTEGER(arith::ShRSIOp, TW_A >> TW_B)
    TW_INTEGER(arith::ShRUIOp, withoutSign(TW_A, s.width) >> TW_B)
    TW_INTEGER(arith::ExtSIOp, TW_A)
    TW_INTEGER(arith::ExtUIOp, withoutSign(TW_A, s.sourceWidth))
    TW_INTEGER(arith::TruncIOp, TW_A)
    TW_INTEGER(arith::CmpIOp, compare(static_cast<arith::CmpIPredicate>(s.predicate), TW_A, TW_B))
    TW_STEP(arith::IndexCastOp, r[s.to].i, TW_A)
    TW_STEP(RequantizeOp, r[s.to].i, requantize(TW_A, r[s.b].f, static_cast<int32_t>(r[s.c].i)))
    TW_STEP(RescaleOp, r[s.to].i, rescale(TW_A, static_cast<int>(TW_B), static_cast<int32_t>(r[s.c].i)))
    TW_STEP(LutOp, r[s.to].i, s.table[TW_A + 128])
    // Narrow reals are moved as their bits.
    Type type = op->getResult(0).getType();
    if (isa<arith::SelectOp>(op) && !type.isF32() && !type.isF64())
      return [](R &r, const Step &s) { r[s.to].i = TW_A ? TW_B : r[s.c].i; };
    return nullptr;
  }

  template <typename T> static decltype(Step::function) selectOf() {
    return [](R &r, const Step &s) { real<T>(r[s.to]) = TW_A ? real<T>(r[s.b]) : real<T>(r[s.c]); };
  }

  static decltype(Step::function) conversionOf(Operation *op, Type from, Type to) {
    if (isa<arith::ExtFOp>(op) && to.isF64() && from.isF32())
      return [](R &r, const Step &s) { r[s.to].d = r[s.a].f; };
    if (isa<arith::TruncFOp>(op) && to.isF32())
      return [](R &r, const Step &s) { r[s.to].f = static_cast<float>(r[s.a].d); };
    if (isa<arith::ExtFOp>(op) && from.isF16() && to.isF32())
      return [](R &r, const Step &s) {
        Float16 half;
        half.bits = static_cast<uint16_t>(TW_A);
        r[s.to].f = static_cast<float>(static_cast<double>(half));
      };
    if (isa<arith::TruncFOp>(op) && from.isF32() && to.isF16())
      return [](R &r, const Step &s) { r[s.to].i = static_cast<int16_t>(Float16(r[s.a].f).bits); };
    if (!isa<arith::BitcastOp>(op))
      return nullptr;
    if (to.isF32())
      return [](R &r, const Step &s) { r[s.to].f = std::bit_cast<float>(static_cast<int32_t>(TW_A)); };
    if (from.isF32())
      return [](R &r, const Step &s) { r[s.to].i = std::bit_cast<int32_t>(r[s.a].f); };
    return [](R &r, const Step &s) { r[s.to] = r[s.a]; }; // the same 64 or 16 bits
  }

#undef TW_A
#undef TW_B
#define TW_A real<T>(r[s.a])
#define TW_B real<T>(r[s.b])
#define TW_REAL(OP, EXPRESSION) TW_STEP(OP, real<T>(r[s.to]), EXPRESSION)
  template <typename T> static decltype(Step::function) realFunctionOf(Operation *op) {
    TW_REAL(arith::SIToFPOp, static_cast<T>(r[s.a].i))
    TW_REAL(arith::UIToFPOp, static_cast<T>(withoutSign(r[s.a].i, s.sourceWidth)))
    TW_STEP(arith::FPToSIOp, r[s.to].i, wrap(static_cast<int64_t>(TW_A), s.width))
    TW_STEP(arith::CmpFOp, r[s.to].i, -int64_t(compare(static_cast<arith::CmpFPredicate>(s.predicate), TW_A, TW_B)))
    TW_REAL(arith::AddFOp, TW_A + TW_B)
    TW_REAL(arith::SubFOp, TW_A - TW_B)
    TW_REAL(arith::MulFOp, TW_A * TW_B)
    TW_REAL(arith::DivFOp, TW_A / TW_B)
    TW_REAL(arith::RemFOp, std::fmod(TW_A, TW_B))
    TW_REAL(arith::MaximumFOp, maximum(TW_A, TW_B))
    TW_REAL(arith::MinimumFOp, minimum(TW_A, TW_B))
    TW_REAL(arith::NegFOp, -TW_A)
    TW_REAL(math::FmaOp, std::fma(TW_A, TW_B, real<T>(r[s.c])))
    TW_REAL(math::AbsFOp, std::fabs(TW_A))
    TW_REAL(math::CopySignOp, std::copysign(TW_A, TW_B))
    TW_REAL(math::CeilOp, std::ceil(TW_A))
    TW_REAL(math::FloorOp, std::floor(TW_A))
    TW_REAL(math::RoundEvenOp, std::nearbyint(TW_A))
    TW_REAL(math::SqrtOp, std::sqrt(TW_A))
    TW_REAL(math::ExpOp, std::exp(TW_A))
    TW_REAL(math::LogOp, std::log(TW_A))
    TW_REAL(math::SinOp, std::sin(TW_A))
    TW_REAL(math::CosOp, std::cos(TW_A))
    TW_REAL(math::TanOp, std::tan(TW_A))
    TW_REAL(math::AsinOp, std::asin(TW_A))
    TW_REAL(math::AcosOp, std::acos(TW_A))
    TW_REAL(math::AtanOp, std::atan(TW_A))
    TW_REAL(math::SinhOp, std::sinh(TW_A))
    TW_REAL(math::CoshOp, std::cosh(TW_A))
    TW_REAL(math::AsinhOp, std::asinh(TW_A))
    TW_REAL(math::AcoshOp, std::acosh(TW_A))
    TW_REAL(math::AtanhOp, std::atanh(TW_A))
    TW_REAL(math::ErfOp, std::erf(TW_A))
    TW_REAL(math::Log1pOp, std::log1p(TW_A))
    TW_REAL(math::ExpM1Op, std::expm1(TW_A))
    TW_REAL(math::PowFOp, std::pow(TW_A, TW_B))
    return nullptr;
  }
#undef TW_A
#undef TW_B
#undef TW_STEP
#undef TW_REAL
#undef TW_INTEGER

  std::vector<Scalar> registers;
  std::vector<Step> steps;
  llvm::DenseMap<Value, unsigned> registerOfValue;
  std::vector<std::pair<unsigned, unsigned>> indexRegisters; // of linalg.index: register, loop
  unsigned result = 0;
};

// Offset of an operand's element as a linear function of the loops: coefficients, then the constant.
std::vector<int64_t> linearOffset(AffineMap map, Dims shape) {
  std::vector<int64_t> offset(map.getNumDims() + 1, 0);
  Shape strides = stridesOf(shape);
  for (auto [expression, stride] : llvm::zip(map.getResults(), strides)) {
    SmallVector<int64_t> flat;
    [[maybe_unused]] bool linear =
        succeeded(getFlattenedAffineExpr(expression, map.getNumDims(), 0, &flat)) && flat.size() == offset.size();
    assert(linear && "the builder makes linear accesses only");
    for (size_t d = 0; d < flat.size(); ++d)
      offset[d] += flat[d] * stride;
  }
  return offset;
}

llvm::Expected<Tensor> evaluateGeneric(linalg::GenericOp op, Lookup lookup) {
  auto program = Program::of(op, lookup);
  if (!program)
    return program.takeError();
  Tensor result = *lookup(op.getDpsInits()[0]);
  std::vector<const Tensor *> tensors;
  std::vector<std::vector<int64_t>> offsets;
  auto maps = op.getIndexingMapsArray();
  for (auto [position, operand] : llvm::enumerate(op->getOperands())) {
    tensors.push_back(lookup(operand));
    offsets.push_back(linearOffset(maps[position], shapeOf(operand)));
  }
  size_t output = tensors.size() - 1;
  tensors[output] = &result;
  Shape extents(op.getStaticLoopRanges());
  std::vector<Scalar> registers = program->initialRegisters();
  forEachIndex(extents, [&](int64_t, Dims index) {
    int64_t at = 0;
    for (size_t k = 0; k < tensors.size(); ++k) {
      at = offsets[k].back();
      for (size_t d = 0; d < index.size(); ++d)
        at += offsets[k][d] * index[d];
      registers[k] = load(*tensors[k], at);
    }
    store(result, at, program->run(registers, index));
  });
  return result;
}

llvm::Expected<Tensor> evaluatePad(tensor::PadOp op, Lookup lookup) {
  Tensor result = resultTensor(op);
  const Tensor &source = *lookup(op.getSource());
  Scalar value = load(*lookup(op.getConstantPaddingValue()), 0);
  for (int64_t i = 0; i < result.size(); ++i)
    store(result, i, value);
  Shape strides = stridesOf(result.shape);
  int64_t begin = offsetOf(op.getStaticLow(), strides);
  forEachIndex(source.shape,
               [&](int64_t i, Dims index) { store(result, begin + offsetOf(index, strides), load(source, i)); });
  return result;
}

llvm::Expected<Tensor> evaluateInsert(tensor::InsertSliceOp op, Lookup lookup) {
  Tensor result = *lookup(op.getDest());
  const Tensor &source = *lookup(op.getSource());
  Shape strides = stridesOf(result.shape);
  int64_t begin = offsetOf(op.getStaticOffsets(), strides);
  forEachIndex(source.shape,
               [&](int64_t i, Dims index) { store(result, begin + offsetOf(index, strides), load(source, i)); });
  return result;
}

llvm::Expected<Tensor> evaluateExtract(tensor::ExtractSliceOp op, Lookup lookup) {
  Tensor result = resultTensor(op);
  const Tensor &source = *lookup(op.getSource());
  Shape strides = stridesOf(source.shape);
  int64_t begin = offsetOf(op.getStaticOffsets(), strides);
  for (size_t d = 0; d < strides.size(); ++d)
    strides[d] *= op.getStaticStrides()[d];
  forEachIndex(result.shape,
               [&](int64_t i, Dims index) { store(result, i, load(source, begin + offsetOf(index, strides))); });
  return result;
}

} // namespace

llvm::Expected<Tensor> evaluateTensorOp(Operation *op, Lookup lookup) {
  return llvm::TypeSwitch<Operation *, llvm::Expected<Tensor>>(op)
      .Case<arith::ConstantOp>([&](arith::ConstantOp constant) {
        Tensor tensor(elementTypeOf(constant.getType()), {});
        store(tensor, 0, scalarOf(constant.getValue()));
        return tensor;
      })
      .Case<tensor::EmptyOp>([](tensor::EmptyOp empty) { return resultTensor(empty); })
      .Case<linalg::FillOp>([&](linalg::FillOp fill) {
        Tensor tensor = resultTensor(fill);
        for (int64_t i = 0; i < tensor.size(); ++i)
          store(tensor, i, load(*lookup(fill.getInputs()[0]), 0));
        return tensor;
      })
      .Case<LibraryOp>([&](LibraryOp library) {
        llvm::SmallVector<const Tensor *> inputs(llvm::map_range(library.getInputs(), lookup));
        return evaluateOp(library, Operands(library, inputs));
      })
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>([&](auto reshape) {
        Tensor tensor = resultTensor(reshape);
        tensor.bytes = lookup(reshape.getSrc())->bytes;
        return tensor;
      })
      .Case<tensor::BitcastOp>([&](tensor::BitcastOp cast) {
        Tensor tensor = resultTensor(cast);
        tensor.bytes = lookup(cast.getSource())->bytes;
        return tensor;
      })
      .Case<tensor::PadOp>([&](tensor::PadOp pad) { return evaluatePad(pad, lookup); })
      .Case<tensor::InsertSliceOp>([&](tensor::InsertSliceOp insert) { return evaluateInsert(insert, lookup); })
      .Case<tensor::ExtractSliceOp>([&](tensor::ExtractSliceOp extract) { return evaluateExtract(extract, lookup); })
      .Case<linalg::GenericOp>([&](linalg::GenericOp generic) { return evaluateGeneric(generic, lookup); })
      .Default([](Operation *other) -> llvm::Expected<Tensor> {
        return errorAt("", "the interpreter has no evaluation of '" + other->getName().getStringRef() + "'");
      });
}

} // namespace tw::ir
