// SPDX-License-Identifier: Apache-2.0
#include "LinalgEvaluator.h"

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

// A scalar in a body: integers sign-extended, or a float32.
union Scalar {
  int64_t i;
  float f;
};

Scalar load(const Tensor &tensor, int64_t index) {
  Scalar scalar;
  if (tensor.type == ElementType::F32)
    scalar.f = tensor.data<float>()[index];
  else
    scalar.i = tensor.integerAt(index);
  return scalar;
}

void store(Tensor &tensor, int64_t index, Scalar scalar) {
  if (tensor.type == ElementType::F32)
    tensor.data<float>()[index] = scalar.f;
  else
    tensor.setInteger(index, scalar.i);
}

int64_t wrap(int64_t value, unsigned width) {
  return static_cast<int64_t>(static_cast<uint64_t>(value) << (64 - width)) >> (64 - width);
}

// The predicates that bodies have.
bool compare(arith::CmpFPredicate predicate, float a, float b) {
  if (predicate == arith::CmpFPredicate::ORD)
    return !std::isnan(a) && !std::isnan(b);
  return predicate == arith::CmpFPredicate::OLT ? a < b : a > b;
}

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
        return llvm::createStringError("linalg.generic: no evaluation of '" + inside.getName().getStringRef() + "'");
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
    unsigned width;
    const int8_t *table;
    arith::CmpFPredicate predicate = arith::CmpFPredicate::OLT;
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
      Scalar scalar;
      if (auto real = dyn_cast<FloatAttr>(constant.getValue()))
        scalar.f = static_cast<float>(real.getValueAsDouble());
      else
        scalar.i = cast<IntegerAttr>(constant.getValue()).getInt();
      newRegister(constant, scalar);
      return true;
    }
    if (auto index = dyn_cast<linalg::IndexOp>(op)) {
      indexRegisters.push_back({newRegister(index), static_cast<unsigned>(index.getDim())});
      return true;
    }
    if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
      Step read{[](std::vector<Scalar> &r, const Step &s) { r[s.to] = s.element(r); }, 0, 0, 0, 0, 64, nullptr};
      read.tensor = lookup(extract.getTensor());
      for (Value place : extract.getIndices())
        read.indices.push_back(registerOf(place, lookup));
      read.to = newRegister(extract);
      steps.push_back(std::move(read));
      return true;
    }
    Step step{functionOf(op), 0, 0, 0, 0, 64, nullptr};
    if (!step.function)
      return false;
    if (auto compared = dyn_cast<arith::CmpFOp>(op))
      step.predicate = compared.getPredicate();
    if (auto lut = dyn_cast<LutOp>(op))
      step.table = lookup(lut.getTable())->data<int8_t>();
    unsigned *sources[] = {&step.a, &step.b, &step.c};
    for (auto [source, operand] : llvm::zip(sources, op->getOperands()))
      if (!isa<RankedTensorType>(operand.getType()))
        *source = registerOf(operand, lookup);
    Type type = op->getResult(0).getType();
    if (type.isInteger())
      step.width = type.getIntOrFloatBitWidth();
    step.to = newRegister(op->getResult(0));
    steps.push_back(step);
    return true;
  }

  static decltype(Step::function) functionOf(Operation *op) {
    using R = std::vector<Scalar>;
#define TW_STEP(OP, FIELD, EXPRESSION)                                                                                 \
  if (isa<OP>(op))                                                                                                     \
    return [](R &r, const Step &s) { r[s.to].FIELD = EXPRESSION; };
    TW_STEP(arith::AddIOp, i, wrap(r[s.a].i + r[s.b].i, s.width))
    TW_STEP(arith::SubIOp, i, wrap(r[s.a].i - r[s.b].i, s.width))
    TW_STEP(arith::MulIOp, i, wrap(r[s.a].i * r[s.b].i, s.width))
    TW_STEP(arith::MaxSIOp, i, std::max(r[s.a].i, r[s.b].i))
    TW_STEP(arith::MinSIOp, i, std::min(r[s.a].i, r[s.b].i))
    TW_STEP(arith::XOrIOp, i, wrap(r[s.a].i ^ r[s.b].i, s.width))
    TW_STEP(arith::ExtSIOp, i, r[s.a].i)
    TW_STEP(arith::TruncIOp, i, wrap(r[s.a].i, s.width))
    TW_STEP(arith::SIToFPOp, f, static_cast<float>(r[s.a].i))
    TW_STEP(arith::FPToSIOp, i, static_cast<int64_t>(r[s.a].f))
    TW_STEP(arith::AddFOp, f, r[s.a].f + r[s.b].f)
    TW_STEP(arith::SubFOp, f, r[s.a].f - r[s.b].f)
    TW_STEP(arith::MulFOp, f, r[s.a].f * r[s.b].f)
    TW_STEP(arith::DivFOp, f, r[s.a].f / r[s.b].f)
    TW_STEP(arith::MaximumFOp, f,
            std::isnan(r[s.a].f)   ? r[s.a].f
            : std::isnan(r[s.b].f) ? r[s.b].f
                                   : std::max(r[s.a].f, r[s.b].f))
    TW_STEP(arith::MinimumFOp, f,
            std::isnan(r[s.a].f)   ? r[s.a].f
            : std::isnan(r[s.b].f) ? r[s.b].f
                                   : std::min(r[s.a].f, r[s.b].f))
    TW_STEP(arith::NegFOp, f, -r[s.a].f)
    TW_STEP(arith::CmpFOp, i, compare(s.predicate, r[s.a].f, r[s.b].f))
    TW_STEP(math::FmaOp, f, std::fma(r[s.a].f, r[s.b].f, r[s.c].f))
    TW_STEP(math::FloorOp, f, std::floor(r[s.a].f))
    if (auto select = dyn_cast<arith::SelectOp>(op); select && select.getType().isF32())
      return [](R &r, const Step &s) { r[s.to].f = r[s.a].i ? r[s.b].f : r[s.c].f; };
    if (isa<arith::SelectOp>(op))
      return [](R &r, const Step &s) { r[s.to].i = r[s.a].i ? r[s.b].i : r[s.c].i; };
    TW_STEP(arith::IndexCastOp, i, r[s.a].i)
    TW_STEP(math::AbsFOp, f, std::fabs(r[s.a].f))
    TW_STEP(math::CopySignOp, f, std::copysign(r[s.a].f, r[s.b].f))
    TW_STEP(arith::ShLIOp, i, wrap(static_cast<int64_t>(static_cast<uint64_t>(r[s.a].i) << r[s.b].i), s.width))
    TW_STEP(arith::ShRSIOp, i, r[s.a].i >> r[s.b].i)
    if (auto cast = dyn_cast<arith::BitcastOp>(op); cast && cast.getType().isF32())
      return [](R &r, const Step &s) { r[s.to].f = std::bit_cast<float>(static_cast<int32_t>(r[s.a].i)); };
    TW_STEP(math::RoundEvenOp, f, std::nearbyint(r[s.a].f))
    TW_STEP(RequantizeOp, i, requantize(r[s.a].i, r[s.b].f, static_cast<int32_t>(r[s.c].i)))
    TW_STEP(RescaleOp, i, rescale(r[s.a].i, static_cast<int>(r[s.b].i), static_cast<int32_t>(r[s.c].i)))
    TW_STEP(LutOp, i, s.table[r[s.a].i + 128])
#undef TW_STEP
    return nullptr;
  }

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
  forEachIndex(result.shape,
               [&](int64_t i, Dims index) { store(result, i, load(source, begin + offsetOf(index, strides))); });
  return result;
}

} // namespace

llvm::Expected<Tensor> evaluateTensorOp(Operation *op, Lookup lookup) {
  return llvm::TypeSwitch<Operation *, llvm::Expected<Tensor>>(op)
      .Case<arith::ConstantOp>([&](arith::ConstantOp constant) {
        Tensor tensor(elementTypeOf(constant.getType()), {});
        Scalar scalar;
        if (auto real = dyn_cast<FloatAttr>(constant.getValue()))
          scalar.f = static_cast<float>(real.getValueAsDouble());
        else
          scalar.i = cast<IntegerAttr>(constant.getValue()).getInt();
        store(tensor, 0, scalar);
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
        return llvm::createStringError("the interpreter has no evaluation of '" + other->getName().getStringRef() +
                                       "'");
      });
}

} // namespace tw::ir
