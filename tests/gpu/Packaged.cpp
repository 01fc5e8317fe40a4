// SPDX-License-Identifier: Apache-2.0
#include "Packaged.h"

#include "tw/support/Paths.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <dlfcn.h>

namespace tw::test {

using namespace tools;

std::string emulatedLibrary() { return TW_EMULATED_CUDA; }

void EmulatedGpuTest::SetUp() {
  static void *const library = dlopen(emulatedLibrary().c_str(), RTLD_NOW | RTLD_LOCAL); // the driver opens it again
  its = reinterpret_cast<EmulatedCudaFunction>(dlsym(library, kEmulatedCuda))();
}

void EmulatedGpuTest::TearDown() {
  EXPECT_EQ(gpu().alive, 0) << "allocations, modules, streams, events or contexts were not given back";
  EXPECT_STREQ(gpu().problem, "");
}

codegen::CompileOptions optionsFor(std::vector<codegen::ExecutorId> executors) {
  codegen::CompileOptions options;
  options.config = llvm::cantFail(loadMachine("tw8"));
  options.executors = std::move(executors);
  options.gpu.isEmulated = true;
  return options;
}

llvm::Expected<Compiled> compileFor(mlir::ModuleOp module, codegen::CompileOptions options) {
  Compiled compiled;
  options.fused = [&](mlir::ModuleOp fused) { compiled.graph = fused.clone(); };
  auto made = codegen::compile(module, options);
  if (!made)
    return made.takeError();
  compiled.made = std::move(*made);
  return compiled;
}

llvm::Expected<std::vector<ir::Tensor>> reference(const Compiled &compiled, const Tensors &inputs) {
  std::vector<ir::Tensor> arguments;
  for (const ir::NamedTensor &input : inputs)
    arguments.push_back(input.tensor);
  mlir::ModuleOp graph = *compiled.graph;
  return ir::Interpreter(graph).run(graph.lookupSymbol<mlir::func::FuncOp>("main"), arguments);
}

void expectReference(const Compiled &compiled, uint64_t seed) {
  const isa::Package &package = compiled.made.package;
  bool isRandom = false;
  const Tensors inputs = llvm::cantFail(gatherInputs(inputsOf(package), {}, seed, isRandom));
  auto expected = reference(compiled, inputs);
  ASSERT_TRUE(bool(expected)) << llvm::toString(expected.takeError());
  auto bytes = packageBytes(package);
  ASSERT_TRUE(bool(bytes)) << llvm::toString(bytes.takeError());
  auto session = Session::open(*bytes, package, {.gpuLibrary = emulatedLibrary()});
  ASSERT_TRUE(bool(session)) << llvm::toString(session.takeError());
  EXPECT_EQ((*session)->withoutGpu(), "");
  for (int run = 0; run != 2; ++run) { // what the first left in the GPU's memory does no harm
    auto result = (*session)->run(inputs);
    ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
    for (auto [i, output] : llvm::enumerate(result->outputs))
      EXPECT_EQ(output.tensor.bytes, (*expected)[i].bytes) << "result " << i;
  }
}

} // namespace tw::test
