// SPDX-License-Identifier: Apache-2.0
#include "host/LoopWriter.h"

#include "llvm/IR/Intrinsics.h"

#include <cmath>

namespace tw::codegen {

using llvm::BasicBlock;

LoopWriter::LoopWriter(llvm::Module &module, const std::string &name)
    : IRBuilder(module.getContext()), module_(module) {
  auto *pointer = getPtrTy();
  // buffers, dims, scratch, lo, hi: the one range of a phase of extent 1 is all of it.
  auto *type = llvm::FunctionType::get(getInt32Ty(), {pointer, pointer, pointer, getInt64Ty(), getInt64Ty()}, false);
  function_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module);
  function_->addFnAttr(llvm::Attribute::NoUnwind);
  SetInsertPoint(BasicBlock::Create(getContext(), "entry", function_));
}

void LoopWriter::finish() { CreateRet(getInt32(0)); }

Value *LoopWriter::buffer(unsigned index) {
  return CreateLoad(getPtrTy(), CreateConstGEP1_64(getPtrTy(), function_->getArg(0), index));
}

void LoopWriter::loop(int64_t extent, const std::function<void(Value *)> &body) {
  if (extent <= 1) { // a tensor may have no element
    if (extent == 1)
      body(index(0));
    return;
  }
  BasicBlock *before = GetInsertBlock();
  BasicBlock *head = BasicBlock::Create(getContext(), "loop", function_);
  BasicBlock *after = BasicBlock::Create(getContext(), "after", function_);
  CreateBr(head);
  SetInsertPoint(head);
  llvm::PHINode *i = CreatePHI(getInt64Ty(), 2);
  i->addIncoming(index(0), before);
  body(i);
  Value *next = CreateNUWAdd(i, index(1));
  i->addIncoming(next, GetInsertBlock());
  CreateCondBr(CreateICmpULT(next, index(extent)), head, after);
  SetInsertPoint(after);
}

void LoopWriter::nest(ir::Dims shape, const std::function<void(const Indices &)> &body) {
  Indices indices;
  auto level = [&](auto &self, size_t d) -> void {
    if (d == shape.size()) {
      body(indices);
      return;
    }
    loop(shape[d], [&](Value *i) {
      indices.push_back(i);
      self(self, d + 1);
      indices.pop_back();
    });
  };
  level(level, 0);
}

void LoopWriter::onlyIf(Value *condition, const std::function<void()> &body) {
  BasicBlock *then = BasicBlock::Create(getContext(), "then", function_);
  BasicBlock *after = BasicBlock::Create(getContext(), "endif", function_);
  CreateCondBr(condition, then, after);
  SetInsertPoint(then);
  body();
  CreateBr(after);
  SetInsertPoint(after);
}

llvm::AllocaInst *LoopWriter::variable(llvm::Type *type, Value *initial) {
  // In the entry block, where the optimiser turns it into a register.
  IRBuilder entry(&function_->getEntryBlock(), function_->getEntryBlock().begin());
  llvm::AllocaInst *result = entry.CreateAlloca(type);
  CreateStore(initial, result);
  return result;
}

llvm::Type *LoopWriter::typeOf(ir::ElementType type) {
  switch (type) {
  case ir::ElementType::F32:
    return getFloatTy();
  case ir::ElementType::I8:
  case ir::ElementType::U8:
    return getInt8Ty();
  case ir::ElementType::I32:
    return getInt32Ty();
  case ir::ElementType::I64:
    return getInt64Ty();
  }
  llvm_unreachable("all types are listed");
}

Value *LoopWriter::offset(ir::Dims shape, llvm::ArrayRef<Value *> indices) {
  Value *result = index(0);
  for (size_t d = 0; d != shape.size(); ++d)
    result = CreateAdd(CreateMul(result, index(shape[d])), indices[d]);
  return result;
}

Value *LoopWriter::loadFlat(const Array &array, Value *at) {
  llvm::Type *type = typeOf(array.type);
  return CreateLoad(type, CreateGEP(type, array.base, at));
}

Value *LoopWriter::load(const Array &array, llvm::ArrayRef<Value *> indices) {
  return loadFlat(array, offset(array.shape, indices));
}

void LoopWriter::store(const Array &array, llvm::ArrayRef<Value *> indices, Value *value) {
  llvm::Type *type = typeOf(array.type);
  if (type->isIntegerTy())
    value = CreateSExtOrTrunc(value, type);
  CreateStore(value, CreateGEP(type, array.base, offset(array.shape, indices)));
}

Array LoopWriter::constant(const ir::Tensor &tensor) {
  auto *data = llvm::ConstantDataArray::getString(getContext(), {tensor.bytes.data(), tensor.bytes.size()}, false);
  auto *global = new llvm::GlobalVariable(module_, data->getType(), true, llvm::GlobalValue::PrivateLinkage, data);
  global->setAlignment(llvm::Align(64));
  return {global, tensor.type, tensor.shape};
}

Value *LoopWriter::number(float value) { return llvm::ConstantFP::get(getFloatTy(), value); }

// The sum with 2^23 (2^52 of a double) has no room for a fraction. Instructions that round are not on every processor,
// and there is no library to call instead.
Value *LoopWriter::roundEven(Value *value) {
  llvm::Type *type = value->getType();
  Value *most = llvm::ConstantFP::get(type, type->isDoubleTy() ? 0x1p52 : 0x1p23);
  Value *shift = CreateBinaryIntrinsic(llvm::Intrinsic::copysign, most, value);
  Value *hasFraction = CreateFCmpOLT(CreateUnaryIntrinsic(llvm::Intrinsic::fabs, value), most);
  return CreateSelect(hasFraction, CreateFSub(CreateFAdd(value, shift), shift), value);
}
Value *LoopWriter::floorOf(Value *value) {
  Value *rounded = roundEven(value);
  Value *isAbove = CreateFCmpOGT(rounded, value);
  return CreateSelect(isAbove, CreateFSub(rounded, llvm::ConstantFP::get(value->getType(), 1)), rounded);
}

Value *LoopWriter::minimum(Value *a, Value *b) {
  return a->getType()->isIntegerTy() ? CreateSelect(CreateICmpSLT(b, a), b, a)
                                     : CreateSelect(CreateFCmpOLT(b, a), b, a);
}
Value *LoopWriter::maximum(Value *a, Value *b) {
  return a->getType()->isIntegerTy() ? CreateSelect(CreateICmpSLT(a, b), b, a)
                                     : CreateSelect(CreateFCmpOLT(a, b), b, a);
}

Value *LoopWriter::clampInteger(Value *value, int64_t lo, int64_t hi) {
  llvm::Type *type = value->getType();
  return minimum(maximum(value, llvm::ConstantInt::getSigned(type, lo)), llvm::ConstantInt::getSigned(type, hi));
}

// 2^k * p(r), r = x - k ln 2 in [-0.35, 0.35]; a Taylor polynomial of degree 12 is exact to 2^-50 there.
Value *LoopWriter::exponentialDouble(Value *x) {
  llvm::Type *type = getDoubleTy();
  auto real = [&](double value) { return llvm::ConstantFP::get(type, value); };
  x = minimum(maximum(x, real(-700)), real(700));
  Value *k = roundEven(CreateFMul(x, real(M_LOG2E)));
  Value *r =
      CreateFSub(CreateFSub(x, CreateFMul(k, real(0x1.62e42fefap-1))), CreateFMul(k, real(0x1.cf79abc9e3b3ap-40)));
  Value *sum = real(1.0 / 479001600.0);
  double factorial = 479001600.0;
  for (int degree = 11; degree >= 0; --degree) {
    factorial /= degree + 1;
    sum = CreateFAdd(CreateFMul(sum, r), real(1.0 / factorial));
  }
  Value *bits = CreateShl(CreateAdd(CreateFPToSI(k, getInt64Ty()), getInt64(1023)), getInt64(52));
  return CreateFMul(sum, CreateBitCast(bits, type));
}

Value *LoopWriter::exponential(Value *x) {
  return CreateFPTrunc(exponentialDouble(CreateFPExt(x, getDoubleTy())), getFloatTy());
}

Value *LoopWriter::hyperbolicTangent(Value *x) {
  // tanh x = (e^2x - 1) / (e^2x + 1); near zero the difference loses bits, there x - x^3/3 is exact enough.
  Value *wide = CreateFPExt(x, getDoubleTy());
  auto real = [&](double value) { return llvm::ConstantFP::get(getDoubleTy(), value); };
  Value *e = exponentialDouble(CreateFMul(wide, real(2)));
  Value *quotient = CreateFDiv(CreateFSub(e, real(1)), CreateFAdd(e, real(1)));
  Value *cube = CreateFMul(CreateFMul(wide, wide), wide);
  Value *series = CreateFSub(wide, CreateFMul(cube, real(1.0 / 3)));
  Value *isSmall = CreateFCmpOLT(CreateUnaryIntrinsic(llvm::Intrinsic::fabs, wide), real(1e-4));
  return CreateFPTrunc(CreateSelect(isSmall, series, quotient), getFloatTy());
}

Value *LoopWriter::quantise(Value *scaled, Value *zero, int64_t lo, int64_t hi) {
  Value *rounded = roundEven(scaled);
  // A NaN compares false and becomes the lower limit here, zero in the reference: made zero first.
  rounded = CreateSelect(CreateFCmpUNO(rounded, rounded), number(0), rounded);
  Value *limited = minimum(maximum(rounded, number(-65536)), number(65536));
  return clampInteger(CreateAdd(CreateFPToSI(limited, getInt32Ty()), zero), lo, hi);
}

Value *LoopWriter::rescale(Value *sum, int shift, int64_t zero, int64_t lo, int64_t hi) {
  Value *rounded = sum;
  if (shift > 0) {
    Value *kept = CreateAShr(sum, index(shift));
    Value *rest = CreateSub(sum, CreateShl(kept, index(shift)));
    Value *half = index(int64_t(1) << (shift - 1));
    Value *isOdd = CreateTrunc(kept, getInt1Ty());
    Value *up = CreateOr(CreateICmpSGT(rest, half), CreateAnd(CreateICmpEQ(rest, half), isOdd));
    rounded = CreateAdd(kept, CreateZExt(up, getInt64Ty()));
  }
  return CreateTrunc(clampInteger(clampInteger(CreateAdd(rounded, index(zero)), -128, 127), lo, hi), getInt32Ty());
}

} // namespace tw::codegen
