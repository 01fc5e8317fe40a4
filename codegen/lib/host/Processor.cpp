// SPDX-License-Identifier: Apache-2.0
#include "host/Processor.h"

#include "tw/isa/DiagError.h"
#include "tw/isa/package_format.h"

#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <cassert>

namespace tw::codegen {
namespace {

constexpr const char *kX86 = "x86_64-unknown-linux-gnu";

llvm::Expected<const llvm::Target *> generatorOf(const std::string &triple) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64Target();
  LLVMInitializeAArch64TargetMC();
  LLVMInitializeAArch64AsmPrinter();
  LLVMInitializeRISCVTargetInfo();
  LLVMInitializeRISCVTarget();
  LLVMInitializeRISCVTargetMC();
  LLVMInitializeRISCVAsmPrinter();
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return errorOf({"", "no code generator for " + triple, {{"", error}}});
  return target;
}

} // namespace

llvm::Expected<HostProcessor> processorOf(const std::string &name) {
  // Architectures whose code is made here and run elsewhere: their least processor.
  if (name == "aarch64")
    return HostProcessor{"aarch64-unknown-linux-gnu", "generic", "", 128, 32, Dot::None, true};
  if (name == "riscv64") // no vectors: scalars
    return HostProcessor{"riscv64-unknown-linux-gnu", "generic-rv64", "+m,+a,+f,+d,+c", 8, 32, Dot::None};
  HostProcessor processor{kX86, name == "native" ? llvm::sys::getHostCPUName().str() : name, "", 128, 16, Dot::None};
  auto target = generatorOf(kX86);
  if (!target)
    return target.takeError();
  // Asked before, because a machine for an unknown processor prints warnings of its own.
  std::unique_ptr<llvm::MCSubtargetInfo> known((*target)->createMCSubtargetInfo(kX86, "", ""));
  if (!known->isCPUStringValid(processor.cpu))
    return errorAt("--host-cpu " + name,
                   "no such processor; use x86-64-v3, native, aarch64, riscv64 or an x86-64 one that LLVM knows");
  std::unique_ptr<llvm::MCSubtargetInfo> its((*target)->createMCSubtargetInfo(kX86, processor.cpu, ""));
  if (!its->checkFeatures("+avx2,+fma"))
    return errorAt("--host-cpu " + name, "host code needs AVX2 and FMA, which it lacks; use x86-64-v3 or a later one");
  processor.vectorBits = 256;
  processor.hasHalf = its->checkFeatures("+f16c");
  processor.dot = Dot::Pairs;
  if (its->checkFeatures("+avx512f,+avx512bw,+avx512dq,+avx512vl")) {
    processor.vectorBits = 512;
    processor.registers = 32;
    if (its->checkFeatures("+avx512vnni"))
      processor.dot = Dot::Quads;
  }
  return processor;
}

std::string targetOf(const HostProcessor &processor) {
  return llvm::Triple(processor.triple).getArchName().str() + " " + processor.cpu;
}

uint64_t featuresOf(const HostProcessor &processor) {
  if (!llvm::Triple(processor.triple).isX86())
    return 0;
  auto target = generatorOf(processor.triple);
  assert(target && "a processor that processorOf has found");
  std::unique_ptr<llvm::MCSubtargetInfo> its(
      (*target)->createMCSubtargetInfo(processor.triple, processor.cpu, processor.features));
  uint64_t features = 0;
#define TW_FEATURE(bit, name) features |= uint64_t(its->checkFeatures("+" name)) << bit;
  TW_PKG_X86_LIST(TW_FEATURE)
#undef TW_FEATURE
  return features;
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machineFor(const HostProcessor &processor,
                                                                llvm::CodeGenOptLevel level) {
  auto target = generatorOf(processor.triple);
  if (!target)
    return target.takeError();
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict; // what is fused is written so
  return std::unique_ptr<llvm::TargetMachine>((*target)->createTargetMachine(
      processor.triple, processor.cpu, processor.features, options, llvm::Reloc::PIC_, std::nullopt, level));
}

} // namespace tw::codegen
