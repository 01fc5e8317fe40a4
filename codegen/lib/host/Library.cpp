// SPDX-License-Identifier: Apache-2.0
#include "host/Library.h"

#include "library.h" // codegen/runtime
#include "tw/ir/LibraryFunctions.h"
#include "tw/isa/DiagError.h"

#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Triple.h"

#include <algorithm>
#include <cassert>

// The bitcode that the build has made of codegen/runtime, one for each architecture of Processor.cpp.
#define TW_RUNTIME(ARCH, FILE)                                                                                         \
  __asm__(".pushsection .rodata\n.balign 16\ntw_runtime_" #ARCH ":\n.incbin \"" FILE "\"\ntw_runtime_" #ARCH           \
          "_end:\n.popsection\n");                                                                                     \
  extern "C" const char tw_runtime_##ARCH[], tw_runtime_##ARCH##_end[];
TW_RUNTIME(x86_64, TW_RUNTIME_X86_64)
TW_RUNTIME(aarch64, TW_RUNTIME_AARCH64)
TW_RUNTIME(riscv64, TW_RUNTIME_RISCV64)
// Of it the elementary functions, for GPUs.
TW_RUNTIME(nvptx64, TW_RUNTIME_NVPTX64)

namespace tw::codegen {
namespace {

static_assert(TW_LIB_RANK == ir::LibraryFunction::kMostDimensions);

llvm::StringRef bitcodeOf(const llvm::Triple &triple) {
  switch (triple.getArch()) {
  case llvm::Triple::x86_64:
    return {tw_runtime_x86_64, size_t(tw_runtime_x86_64_end - tw_runtime_x86_64)};
  case llvm::Triple::aarch64:
    return {tw_runtime_aarch64, size_t(tw_runtime_aarch64_end - tw_runtime_aarch64)};
  case llvm::Triple::riscv64:
    return {tw_runtime_riscv64, size_t(tw_runtime_riscv64_end - tw_runtime_riscv64)};
  case llvm::Triple::nvptx64:
    return {tw_runtime_nvptx64, size_t(tw_runtime_nvptx64_end - tw_runtime_nvptx64)};
  default:
    llvm_unreachable("a processor that processorOf or gpuProcessorOf gives");
  }
}

tw_lib_type typeOf(ir::ElementType type) {
  switch (type) {
  case ir::ElementType::F32:
    return TW_LIB_F32;
  case ir::ElementType::F64:
    return TW_LIB_F64;
  case ir::ElementType::F16:
    return TW_LIB_F16;
  case ir::ElementType::BF16:
    return TW_LIB_BF16;
  case ir::ElementType::Bool:
    return TW_LIB_BOOL;
  case ir::ElementType::I8:
    return TW_LIB_I8;
  case ir::ElementType::I16:
    return TW_LIB_I16;
  case ir::ElementType::I32:
    return TW_LIB_I32;
  case ir::ElementType::I64:
    return TW_LIB_I64;
  case ir::ElementType::U8:
    return TW_LIB_U8;
  case ir::ElementType::U16:
    return TW_LIB_U16;
  case ir::ElementType::U32:
    return TW_LIB_U32;
  case ir::ElementType::U64:
    return TW_LIB_U64;
  }
  llvm_unreachable("all element types are listed");
}

llvm::Constant *constantTable(llvm::Module &module, llvm::ArrayRef<int64_t> numbers) {
  const std::vector<uint64_t> bits(numbers.begin(), numbers.end());
  auto *data = llvm::ConstantDataArray::get(module.getContext(), bits);
  auto *table =
      new llvm::GlobalVariable(module, data->getType(), /*isConstant=*/true, llvm::GlobalValue::PrivateLinkage, data);
  table->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
  return table;
}

// struct tw_lib_tensor, as the int64 that it consists of.
void describe(const LibraryCall::Tensor &tensor, std::vector<int64_t> &numbers) {
  assert(tensor.shape.size() <= TW_LIB_RANK && "the verifier of tw.library holds the rank");
  const size_t begin = numbers.size();
  numbers.push_back(typeOf(tensor.type));
  numbers.push_back(int64_t(tensor.shape.size()));
  numbers.insert(numbers.end(), tensor.shape.begin(), tensor.shape.end());
  numbers.resize(begin + sizeof(tw_lib_tensor) / sizeof(int64_t));
}

bool isMissing(const llvm::Function &function) { return function.isDeclaration() && !function.isIntrinsic(); }

} // namespace

llvm::Value *emitCall(llvm::IRBuilder<> &b, const LibraryCall &call, llvm::ArrayRef<llvm::Value *> memory,
                      llvm::Value *why) {
  llvm::Module &module = *b.GetInsertBlock()->getModule();
  std::vector<int64_t> tensors;
  for (const LibraryCall::Tensor &tensor : call.tensors)
    describe(tensor, tensors);
  auto *pointers = b.CreateAlloca(llvm::ArrayType::get(b.getPtrTy(), memory.size()));
  for (auto [index, address] : llvm::enumerate(memory))
    b.CreateStore(address, b.CreateConstInBoundsGEP1_64(b.getPtrTy(), pointers, index));
  auto *type = llvm::FunctionType::get(b.getInt32Ty(), {b.getPtrTy(), b.getPtrTy(), b.getPtrTy(), b.getPtrTy()}, false);
  return b.CreateCall(module.getOrInsertFunction("tw_lib_" + call.function, type),
                      {pointers, constantTable(module, tensors), constantTable(module, call.params), why});
}

llvm::Error linkRuntime(llvm::Module &module) {
  if (std::ranges::none_of(module, isMissing))
    return llvm::Error::success();
  auto runtime = llvm::getLazyBitcodeModule(
      llvm::MemoryBufferRef(bitcodeOf(llvm::Triple(module.getTargetTriple())), "runtime"), module.getContext());
  if (!runtime)
    return runtime.takeError();
  // What it was compiled for is the least that its instructions need; code is made for the module's processor.
  std::vector<std::string> names;
  for (llvm::Function &function : **runtime) {
    function.removeFnAttr("target-features");
    function.removeFnAttr("tune-cpu");
    if (!function.isDeclaration())
      names.push_back(function.getName().str());
  }
  if (llvm::Linker::linkModules(module, std::move(*runtime), llvm::Linker::LinkOnlyNeeded))
    return errorAt("", "the runtime of host code cannot be linked for " + module.getTargetTriple());
  for (const std::string &name : names)
    if (llvm::Function *function = module.getFunction(name); function && !function->isDeclaration())
      function->setLinkage(llvm::GlobalValue::InternalLinkage);
  return llvm::Error::success();
}

} // namespace tw::codegen
