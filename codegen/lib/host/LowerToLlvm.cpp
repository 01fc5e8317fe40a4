// SPDX-License-Identifier: Apache-2.0
#include "host/LowerToLlvm.h"

#include "tw/ir/DiagCollector.h"
#include "tw/isa/DiagError.h"

#include "host/Functions.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Transforms/Utils/Cloning.h"

namespace tw::codegen {
namespace {

using namespace mlir;

LogicalResult lower(ModuleOp code) {
  PassManager manager(code.getContext());
  manager.enableVerifier(false); // what comes of it is verified as LLVM IR
  manager.addPass(createCSEPass());
  manager.addPass(createConvertSCFToCFPass());
  ConvertVectorToLLVMPassOptions vectors;
  manager.addPass(createConvertVectorToLLVMPass(vectors));
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(arith::createArithExpandOpsPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createFinalizeMemRefToLLVMConversionPass());
  ConvertFuncToLLVMPassOptions functions;
  functions.useBarePtrCallConv = true;
  manager.addPass(createConvertFuncToLLVMPass(functions));
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
  return manager.run(code);
}

// int name(void *const *buffers, const int64_t *dims, void *scratch, int64_t lo, int64_t hi)
void addEntry(llvm::Module &module, const HostEntry &entry) {
  llvm::IRBuilder<> b(module.getContext());
  auto *pointer = b.getPtrTy();
  auto *type =
      llvm::FunctionType::get(b.getInt32Ty(), {pointer, pointer, pointer, b.getInt64Ty(), b.getInt64Ty()}, false);
  auto *function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, entry.function, module);
  b.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "entry", function));
  auto buffer = [&](uint64_t index) {
    return b.CreateLoad(pointer, b.CreateConstInBoundsGEP1_64(pointer, function->getArg(0), index));
  };
  llvm::SmallVector<llvm::Value *> arguments;
  for (const HostEntry::Memory &memory : entry.memory)
    arguments.push_back(memory.isScratch
                            ? b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), buffer(entry.bufferCount), memory.place)
                            : static_cast<llvm::Value *>(buffer(memory.place)));
  if (entry.call) {
    b.CreateRet(emitCall(b, *entry.call, arguments, function->getArg(2)));
    return;
  }
  llvm::Function *body = module.getFunction(entry.body);
  body->setLinkage(llvm::Function::InternalLinkage);
  body->addFnAttr(llvm::Attribute::AlwaysInline);
  arguments.append({function->getArg(3), function->getArg(4)});
  llvm::CallInst *call = b.CreateCall(body, arguments);
  b.CreateRet(b.getInt32(0));
  if (entry.isOptimised)
    return;
  // No pass looks at it: one function instead of two is half of what code generation has to go through.
  llvm::InlineFunctionInfo inlined;
  llvm::InlineFunction(*call, inlined);
  function->addFnAttr(llvm::Attribute::OptimizeNone);
  function->addFnAttr(llvm::Attribute::NoInline);
}

} // namespace

llvm::Expected<std::unique_ptr<llvm::Module>> lowerToLlvm(ModuleOp code, llvm::LLVMContext &context,
                                                          const HostProcessor &processor,
                                                          const std::vector<HostEntry> &entries) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  code.getContext()->appendDialectRegistry(registry);
  ir::DiagCollector said(*code.getContext());
  callFunctions(code, std::max(processor.vectorBits / 64, 1u));
  if (failed(lower(code)))
    return errorOf({"", "host code cannot be lowered to LLVM (a defect of the compiler)", said.take()});
  std::unique_ptr<llvm::Module> module = translateModuleToLLVMIR(code, context, "host");
  if (!module)
    return errorOf({"", "host code cannot be translated to LLVM IR (a defect of the compiler)", said.take()});
  for (const HostEntry &entry : entries)
    addEntry(*module, entry);
  return module;
}

} // namespace tw::codegen
