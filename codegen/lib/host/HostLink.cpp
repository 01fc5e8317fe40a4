// SPDX-License-Identifier: Apache-2.0
#include "host/HostLink.h"

#include "tw/isa/DiagError.h"

#include "host/Library.h"
#include "host/Processor.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Passes/StandardInstrumentations.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <sys/mman.h>
#include <unistd.h>

namespace tw::codegen {
namespace {

/// A file in memory, without a name in any folder: it is gone when this program is, however it ends.
struct AnonymousFile {
  explicit AnonymousFile(const char *name) : file(memfd_create(name, MFD_CLOEXEC)) {}
  AnonymousFile(const AnonymousFile &) = delete;
  ~AnonymousFile() {
    if (isOpen())
      close(file);
  }

  bool isOpen() const { return file >= 0; }
  /// For another process of the same user.
  std::string path() const { return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file); }
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> read() const {
    return llvm::MemoryBuffer::getFile(path(), false, false);
  }

  int file;
};

void optimise(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning; // loops are vectors already
  tuning.LoopVectorization = tuning.SLPVectorization = false;
  llvm::PassInstrumentationCallbacks callbacks;
  llvm::OptNoneInstrumentation skip(/*DebugLogging=*/false); // functions that are not worth it (HostEntry)
  skip.registerCallbacks(callbacks);
  llvm::PassBuilder builder(&machine, tuning, std::nullopt, &callbacks);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

// The functions that are not worth optimising (HostEntry) leave `module` for one of their own, in which they call what
// the others call. Null: there is none.
std::unique_ptr<llvm::Module> takeUnoptimised(llvm::Module &module) {
  auto isTaken = [](const llvm::Function &function) { return function.hasOptNone(); };
  if (llvm::none_of(module, isTaken))
    return nullptr;
  for (llvm::Function &function : module)
    if (function.hasLocalLinkage() && !isTaken(function) && llvm::any_of(function.users(), [&](llvm::User *user) {
          auto *call = llvm::dyn_cast<llvm::Instruction>(user);
          return call && isTaken(*call->getFunction());
        })) {
      function.setLinkage(llvm::GlobalValue::ExternalLinkage);
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
    }
  llvm::ValueToValueMapTy map;
  std::unique_ptr<llvm::Module> taken = llvm::CloneModule(module, map, [&](const llvm::GlobalValue *value) {
    auto *function = llvm::dyn_cast<llvm::Function>(value);
    return !function || isTaken(*function);
  });
  for (llvm::Function &function : llvm::make_early_inc_range(module))
    if (isTaken(function))
      function.eraseFromParent();
  return taken;
}

llvm::Error emitObject(llvm::Module &module, llvm::TargetMachine &machine, int file) {
  llvm::raw_fd_ostream out(file, /*shouldClose=*/false);
  llvm::legacy::PassManager emit;
  if (machine.addPassesToEmitFile(emit, out, nullptr, llvm::CodeGenFileType::ObjectFile))
    return errorAt("", "no object files can be made for " + module.getTargetTriple());
  emit.run(module);
  return llvm::Error::success();
}

} // namespace

llvm::Expected<std::vector<uint8_t>> linkHostModule(llvm::Module &module, const HostProcessor &processor) {
  std::string broken;
  llvm::raw_string_ostream stream(broken);
  if (llvm::verifyModule(module, &stream))
    return errorOf({"", "host code is not valid LLVM IR", {{"", broken}}});
  auto machine = machineFor(processor, llvm::CodeGenOptLevel::Default);
  if (!machine)
    return machine.takeError();
  module.setTargetTriple(processor.triple);
  module.setDataLayout((*machine)->createDataLayout());
  if (auto error = linkRuntime(module))
    return std::move(error);
  // No calls to memset or memcpy: there is no library to link with.
  for (llvm::Function &function : module) {
    function.addFnAttr("no-builtins");
    function.addFnAttr("target-cpu", (*machine)->getTargetCPU());
    if (!processor.features.empty())
      function.addFnAttr("target-features", processor.features);
    // The vectors that the schedule was made for, whatever LLVM would prefer.
    function.addFnAttr("prefer-vector-width", std::to_string(processor.vectorBits));
    function.addFnAttr("min-legal-vector-width", std::to_string(processor.vectorBits));
  }
  std::unique_ptr<llvm::Module> unoptimised = takeUnoptimised(module);
  optimise(module, **machine);

  const AnonymousFile object("object"), other("other"), library("library"), messages("messages");
  if (!object.isOpen() || !other.isOpen() || !library.isOpen() || !messages.isOpen())
    return errorAt("host code", "the system gives no anonymous file: " + llvm::sys::StrError());
  if (auto error = emitObject(module, **machine, object.file))
    return std::move(error);
  if (unoptimised) {
    // Most passes of a better level take their time with each function, even where they leave it as it is.
    auto fast = machineFor(processor, llvm::CodeGenOptLevel::None);
    if (!fast)
      return fast.takeError();
    if (auto error = emitObject(*unoptimised, **fast, other.file))
      return std::move(error);
  }
  auto linker = llvm::sys::findProgramByName("ld.lld-19");
  if (!linker)
    linker = llvm::sys::findProgramByName("ld.lld");
  if (!linker)
    return errorAt("", "ld.lld-19 is not on PATH: install lld-19 (scripts/setup.sh)");
  // "-": the linker writes to its standard output.
  const std::string input = object.path(), output = library.path(), errors = messages.path();
  const std::string inputOther = other.path();
  llvm::SmallVector<llvm::StringRef> arguments{*linker,           "-shared", "-nostdlib", "--no-undefined",
                                               "--build-id=none", "-o",      "-",         input};
  if (unoptimised)
    arguments.push_back(inputOther);
  const std::optional<llvm::StringRef> streams[] = {"", output, errors};
  std::string message;
  if (llvm::sys::ExecuteAndWait(*linker, arguments, std::nullopt, streams, 0, 0, &message) != 0) {
    auto text = messages.read();
    return errorOf({"",
                    "host code cannot be linked",
                    {{"", message + (text ? (*text)->getBuffer().split('\n').first.str() : "")}}});
  }
  auto bytes = library.read();
  if (!bytes)
    return errorOf({"", "host code cannot be read back", {{"", bytes.getError().message()}}});
  return std::vector<uint8_t>((*bytes)->getBufferStart(), (*bytes)->getBufferEnd());
}

} // namespace tw::codegen
