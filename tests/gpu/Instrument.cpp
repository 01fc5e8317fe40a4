// SPDX-License-Identifier: Apache-2.0
#include "Instrument.h"

#include "Ptx.h"
#include "tw/isa/DiagError.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"

#include <optional>

namespace tw::test {
namespace {

using namespace llvm;

constexpr unsigned kSharedSpace = 3; // PTX's address spaces, as NVVM numbers them

std::optional<PtxRegister> registerOf(StringRef name) {
  return StringSwitch<std::optional<PtxRegister>>(name)
      .Case("tid.x", PtxRegister::TidX)
      .Case("tid.y", PtxRegister::TidY)
      .Case("tid.z", PtxRegister::TidZ)
      .Case("ntid.x", PtxRegister::NtidX)
      .Case("ntid.y", PtxRegister::NtidY)
      .Case("ntid.z", PtxRegister::NtidZ)
      .Case("ctaid.x", PtxRegister::CtaidX)
      .Case("ctaid.y", PtxRegister::CtaidY)
      .Case("ctaid.z", PtxRegister::CtaidZ)
      .Case("nctaid.x", PtxRegister::NctaidX)
      .Case("nctaid.y", PtxRegister::NctaidY)
      .Case("nctaid.z", PtxRegister::NctaidZ)
      .Case("laneid", PtxRegister::LaneId)
      .Case("warpsize", PtxRegister::WarpSize)
      .Default(std::nullopt);
}

std::optional<PtxShuffle> shuffleOf(StringRef name) {
  return StringSwitch<std::optional<PtxShuffle>>(name)
      .Case("up", PtxShuffle::Up)
      .Case("down", PtxShuffle::Down)
      .Case("bfly", PtxShuffle::Butterfly)
      .Case("idx", PtxShuffle::Index)
      .Default(std::nullopt);
}

class Instrumenter {
public:
  Instrumenter(Module &module, void *emulator)
      : module(module), b(module.getContext()),
        emulator(ConstantExpr::getIntToPtr(b.getInt64(reinterpret_cast<uint64_t>(emulator)), b.getPtrTy())) {}

  Error run() {
    SmallVector<Function *> kernels;
    for (Function &function : module) {
      if (function.isDeclaration())
        continue;
      SmallVector<Instruction *> all;
      for (Instruction &instruction : instructions(function))
        all.push_back(&instruction);
      for (Instruction *instruction : all)
        if (auto error = change(instruction))
          return error;
      if (!function.hasLocalLinkage())
        kernels.push_back(&function);
      function.removeFnAttr("target-cpu");
      function.removeFnAttr("target-features");
      // What a thread does between two of these calls is seen by others.
      function.setMemoryEffects(MemoryEffects::unknown());
      function.removeFnAttr(Attribute::NoSync);
    }
    for (Function *kernel : kernels)
      addEntry(*kernel);
    return Error::success();
  }

private:
  Value *call(const char *name, Type *result, ArrayRef<Value *> arguments) {
    SmallVector<Value *> all{emulator};
    all.append(arguments.begin(), arguments.end());
    SmallVector<Type *> types;
    for (Value *argument : all)
      types.push_back(argument->getType());
    return b.CreateCall(module.getOrInsertFunction(name, FunctionType::get(result, types, false)), all);
  }

  Error change(Instruction *instruction) {
    b.SetInsertPoint(instruction);
    const DataLayout &layout = module.getDataLayout();
    if (auto *load = dyn_cast<LoadInst>(instruction)) {
      access(load->getPointerOperand(), b.getInt64(layout.getTypeStoreSize(load->getType())), false);
    } else if (auto *store = dyn_cast<StoreInst>(instruction)) {
      access(store->getPointerOperand(), b.getInt64(layout.getTypeStoreSize(store->getValueOperand()->getType())),
             true);
    } else if (auto *memory = dyn_cast<MemIntrinsic>(instruction)) {
      Value *bytes = b.CreateZExtOrTrunc(memory->getLength(), b.getInt64Ty());
      access(memory->getRawDest(), bytes, true);
      if (auto *transfer = dyn_cast<MemTransferInst>(memory))
        access(transfer->getRawSource(), bytes, false);
    } else if (auto *atomic = instruction->isAtomic() ? instruction : nullptr) {
      return errorAt("", "the emulator knows no atomic '" + std::string(atomic->getOpcodeName()) + "'");
    } else if (auto *intrinsic = dyn_cast<IntrinsicInst>(instruction)) {
      StringRef name = intrinsic->getCalledFunction()->getName();
      if (name.consume_front("llvm.nvvm."))
        return replace(intrinsic, name);
    } else if (auto *assembly = dyn_cast<CallInst>(instruction); assembly && assembly->isInlineAsm()) {
      return errorAt("", "the emulator cannot execute inline assembly");
    }
    return Error::success();
  }

  // A thread's own memory and tables are nobody else's concern.
  void access(Value *pointer, Value *bytes, bool isWrite) {
    const Value *object = getUnderlyingObject(pointer, 0);
    const auto *table = dyn_cast<GlobalVariable>(object);
    if (isa<AllocaInst>(object) || (table && table->isConstant()))
      return;
    Value *flat = b.CreateAddrSpaceCast(pointer, b.getPtrTy());
    call(kAccess, b.getVoidTy(), {flat, bytes, b.getInt32(isWrite)});
  }

  Error replace(IntrinsicInst *intrinsic, StringRef name) {
    Value *result = nullptr;
    StringRef rest = name;
    if (rest.consume_front("read.ptx.sreg.")) {
      if (auto which = registerOf(rest))
        result = call(kReadRegister, b.getInt32Ty(), {b.getInt32(uint32_t(*which))});
    } else if (name == "barrier0") {
      result = call(kBarrier, b.getVoidTy(), {});
    } else if (rest.consume_front("shfl.sync.")) {
      auto [mode, type] = rest.split('.');
      if (auto which = shuffleOf(mode); which && (type.starts_with("i32") || type.starts_with("f32"))) {
        Value *value = b.CreateBitCast(intrinsic->getArgOperand(1), b.getInt32Ty());
        Value *both = call(kShuffle, b.getInt64Ty(),
                           {b.getInt32(uint32_t(*which)), intrinsic->getArgOperand(0), value,
                            intrinsic->getArgOperand(2), intrinsic->getArgOperand(3)});
        Value *its = b.CreateTrunc(both, b.getInt32Ty());
        auto *pair = dyn_cast<StructType>(intrinsic->getType());
        its = b.CreateBitCast(its, pair ? pair->getElementType(0) : intrinsic->getType());
        result = its;
        if (pair) {
          Value *isInRange = b.CreateTrunc(b.CreateLShr(both, 32), b.getInt1Ty());
          result = b.CreateInsertValue(b.CreateInsertValue(PoisonValue::get(pair), its, 0), isInRange, 1);
        }
      }
    }
    if (!result)
      return errorAt("", "the emulator has no 'llvm.nvvm." + name.str() + "'");
    if (!intrinsic->getType()->isVoidTy())
      intrinsic->replaceAllUsesWith(result);
    intrinsic->eraseFromParent();
    return Error::success();
  }

  void addEntry(Function &kernel) {
    auto *type = FunctionType::get(b.getVoidTy(), {b.getPtrTy()}, false);
    auto *entry = Function::Create(type, GlobalValue::ExternalLinkage, "run_" + kernel.getName(), module);
    b.SetInsertPoint(BasicBlock::Create(module.getContext(), "entry", entry));
    SmallVector<Value *> arguments;
    for (Argument &argument : kernel.args())
      arguments.push_back(b.CreateLoad(
          argument.getType(), b.CreateConstInBoundsGEP1_64(b.getPtrTy(), entry->getArg(0), argument.getArgNo())));
    b.CreateCall(&kernel, arguments)->setCallingConv(kernel.getCallingConv());
    b.CreateRetVoid();
  }

  Module &module;
  IRBuilder<> b;
  Constant *emulator;
};

} // namespace

llvm::Expected<std::vector<Shared>> instrument(llvm::Module &module, void *emulator) {
  if (auto error = Instrumenter(module, emulator).run())
    return std::move(error);
  std::vector<Shared> shared;
  for (llvm::GlobalVariable &variable : module.globals())
    if (variable.getAddressSpace() == kSharedSpace) {
      variable.setLinkage(llvm::GlobalValue::ExternalLinkage);
      variable.setName("shared_" + std::to_string(shared.size()));
      variable.setInitializer(llvm::Constant::getNullValue(variable.getValueType()));
      shared.push_back({variable.getName().str(), module.getDataLayout().getTypeAllocSize(variable.getValueType())});
    }
  if (auto *annotations = module.getNamedMetadata("nvvm.annotations"))
    annotations->eraseFromParent();
  return shared;
}

} // namespace tw::test
