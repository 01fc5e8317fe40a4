// SPDX-License-Identifier: Apache-2.0
#include "host/HostLink.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

namespace tw::codegen {
namespace {

constexpr const char *kTriple = "x86_64-unknown-linux-gnu";

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machineFor(const std::string &cpu) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(kTriple, error);
  if (!target)
    return llvm::createStringError("no code generator for " + std::string(kTriple) + ": " + error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict; // a fused multiply-add would round once instead of twice
  std::string name = cpu == "native" ? llvm::sys::getHostCPUName().str() : cpu;
  // Asked before, because a machine for an unknown processor prints warnings of its own.
  std::unique_ptr<llvm::MCSubtargetInfo> known(target->createMCSubtargetInfo(kTriple, "", ""));
  if (!known->isCPUStringValid(name))
    return llvm::createStringError("--host-cpu " + cpu +
                                   ": no such processor; use x86-64, x86-64-v3, native or a name that LLVM knows");
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(kTriple, name, "", options, llvm::Reloc::PIC_));
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

llvm::Expected<std::vector<uint8_t>> linkHostModule(llvm::Module &module, const std::string &cpu) {
  std::string broken;
  llvm::raw_string_ostream stream(broken);
  if (llvm::verifyModule(module, &stream))
    return llvm::createStringError("host code is not valid LLVM IR: " + broken);
  auto machine = machineFor(cpu);
  if (!machine)
    return machine.takeError();
  module.setTargetTriple(kTriple);
  module.setDataLayout((*machine)->createDataLayout());
  // No calls to memset or memcpy: there is no library to link with.
  for (llvm::Function &function : module) {
    function.addFnAttr("no-builtins");
    function.addFnAttr("target-cpu", (*machine)->getTargetCPU());
  }
  optimise(module, **machine);

  llvm::SmallString<128> object, library;
  if (auto error = llvm::sys::fs::createTemporaryFile("tw-host", "o", object))
    return llvm::createStringError(error, "temporary file for host code: " + error.message());
  llvm::FileRemover removeObject(object);
  if (auto error = llvm::sys::fs::createTemporaryFile("tw-host", "so", library))
    return llvm::createStringError(error, "temporary file for host code: " + error.message());
  llvm::FileRemover removeLibrary(library);
  {
    std::error_code error;
    llvm::raw_fd_ostream out(object, error);
    llvm::legacy::PassManager emit;
    if (error || (*machine)->addPassesToEmitFile(emit, out, nullptr, llvm::CodeGenFileType::ObjectFile))
      return llvm::createStringError("host code cannot be written to " + std::string(object.str()));
    emit.run(module);
  }
  auto linker = llvm::sys::findProgramByName("ld.lld-19");
  if (!linker)
    linker = llvm::sys::findProgramByName("ld.lld");
  if (!linker)
    return llvm::createStringError("ld.lld-19 is not on PATH: install lld-19 (scripts/setup.sh)");
  llvm::StringRef arguments[] = {*linker,           "-shared", "-nostdlib", "--no-undefined",
                                 "--build-id=none", "-o",      library,     object};
  std::string message;
  if (llvm::sys::ExecuteAndWait(*linker, arguments, std::nullopt, {}, 0, 0, &message) != 0)
    return llvm::createStringError("host code cannot be linked: " + message);
  auto bytes = llvm::MemoryBuffer::getFile(library, false, false);
  if (!bytes)
    return llvm::createStringError("host code cannot be read back: " + bytes.getError().message());
  return std::vector<uint8_t>((*bytes)->getBufferStart(), (*bytes)->getBufferEnd());
}

} // namespace tw::codegen
