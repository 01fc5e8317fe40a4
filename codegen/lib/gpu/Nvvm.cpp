// SPDX-License-Identifier: Apache-2.0
#include "gpu/Nvvm.h"

#include "host/Functions.h"
#include "host/Library.h"
#include "tw/isa/DiagError.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

namespace tw::codegen {
namespace {

using namespace mlir;

constexpr const char *kTriple = "nvptx64-nvidia-cuda";

// The conversion to NVVM forbids LLVM's own functions of reals, as it would rather call libdevice, which approximates
// some: it does not see what they are when they are called by name.
void callByName(gpu::GPUModuleOp kernels) {
  kernels.walk([](Operation *op) {
    StringRef name = op->getName().getStringRef();
    if (op->getNumResults() != 1 || !llvm::isa<FloatType>(op->getResult(0).getType()) ||
        !name.consume_front("llvm.intr."))
      return;
    OpBuilder b(op);
    auto call =
        b.create<LLVM::CallIntrinsicOp>(op->getLoc(), op->getResultTypes(), ("llvm." + name).str(), op->getOperands());
    op->replaceAllUsesWith(call);
    op->erase();
  });
}

LogicalResult lower(gpu::GPUModuleOp kernels) {
  PassManager first(kernels->getContext(), gpu::GPUModuleOp::getOperationName());
  first.enableVerifier(false); // what comes of it is verified as LLVM IR
  first.addPass(createCSEPass());
  first.addPass(createConvertSCFToCFPass());
  first.addPass(createConvertMathToLLVMPass());
  first.addPass(arith::createArithExpandOpsPass());
  if (failed(first.run(kernels)))
    return failure();
  callByName(kernels);
  PassManager second(kernels->getContext(), gpu::GPUModuleOp::getOperationName());
  second.enableVerifier(false);
  ConvertGpuOpsToNVVMOpsOptions nvvm;
  nvvm.indexBitwidth = 32; // 64-bit divisions take tens of instructions; GpuCode refuses larger tensors
  nvvm.useBarePtrCallConv = true;
  second.addPass(createConvertGpuOpsToNVVMOps(nvvm));
  second.addPass(createReconcileUnrealizedCastsPass());
  return second.run(kernels);
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machineFor(const GpuProcessor &processor) {
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(kTriple, error);
  if (!target)
    return errorAt("", "no code generator for " + std::string(kTriple) + ": " + error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict; // what is fused is written so
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(kTriple, processor.chip, processor.features,
                                                                          options, std::nullopt, std::nullopt,
                                                                          llvm::CodeGenOptLevel::Aggressive));
}

void optimise(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

} // namespace

llvm::Expected<std::unique_ptr<llvm::Module>> lowerToNvvm(gpu::GPUModuleOp kernels, llvm::LLVMContext &context,
                                                          const GpuProcessor &processor) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
  kernels->getContext()->appendDialectRegistry(registry);
  callFunctions(kernels, 1);
  if (failed(lower(kernels)))
    return errorAt("", "GPU code cannot be lowered to NVVM: see the errors above");
  std::unique_ptr<llvm::Module> module = translateModuleToLLVMIR(kernels, context, "gpu");
  if (!module)
    return errorAt("", "GPU code cannot be translated to LLVM IR");
  auto machine = machineFor(processor);
  if (!machine)
    return machine.takeError();
  module->setTargetTriple(kTriple);
  module->setDataLayout((*machine)->createDataLayout());
  if (auto error = linkRuntime(*module))
    return std::move(error);
  for (llvm::Function &function : *module) {
    function.addFnAttr("no-builtins");
    function.addFnAttr("target-cpu", processor.chip);
    function.addFnAttr("target-features", processor.features);
  }
  std::string broken;
  llvm::raw_string_ostream stream(broken);
  if (llvm::verifyModule(*module, &stream))
    return errorOf({"", "GPU code is not valid LLVM IR", {{"", broken}}});
  optimise(*module, **machine);
  return module;
}

std::vector<uint8_t> bitcodeOf(const llvm::Module &module) {
  // LLVM's wrapper: five words, little-endian.
  llvm::SmallVector<char, 0> code;
  llvm::raw_svector_ostream out(code);
  llvm::WriteBitcodeToFile(module, out);
  std::vector<uint8_t> bytes(20);
  const uint32_t header[5] = {0x0B17C0DE, 0, uint32_t(bytes.size()), uint32_t(code.size()), 0};
  for (size_t i = 0; i != 5; ++i)
    llvm::support::endian::write32le(bytes.data() + 4 * i, header[i]);
  bytes.insert(bytes.end(), code.begin(), code.end());
  return bytes;
}

llvm::Expected<std::string> ptxOf(llvm::Module &module, const GpuProcessor &processor) {
  auto machine = machineFor(processor);
  if (!machine)
    return machine.takeError();
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream out(text);
  llvm::legacy::PassManager emit;
  if ((*machine)->addPassesToEmitFile(emit, out, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return errorAt("", "no PTX can be made for " + processor.chip);
  emit.run(module);
  return text.str().str();
}

} // namespace tw::codegen
