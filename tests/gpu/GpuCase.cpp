// SPDX-License-Identifier: Apache-2.0
#include "GpuCase.h"

#include "Emulator.h"

#include "gpu/GpuCode.h"
#include "gpu/Nvvm.h"
#include "tw/ir/Constants.h"
#include "tw/ir/Interpreter.h"
#include "tw/ir/Passes.h"
#include "tw/ir/Register.h"
#include "tw/ir/ToLinalg.h"
#include "tw/isa/DiagError.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

namespace tw::test {

using namespace mlir;

namespace {

// What lies in memory that nothing was written to.
constexpr char kUnwritten = 0x5A;

ir::Tensor randomTensor(Value value, std::mt19937 &random) {
  ir::Tensor tensor(ir::elementTypeOf(value.getType()), ir::shapeOf(value));
  for (int64_t i = 0; i != tensor.size(); ++i)
    if (ir::isReal(tensor.type))
      tensor.setNumber(i, double(int32_t(random() % 6001) - 3000) / 1000);
    else
      tensor.setInteger(i, tensor.type == ir::ElementType::Bool ? random() % 2
                                                                : int64_t(uint64_t(random()) << 32 | random()));
  return tensor;
}

void makeConstants(func::FuncOp main, std::vector<ir::Tensor> &arguments) {
  OpBuilder builder = OpBuilder::atBlockBegin(&main.front());
  for (unsigned i = main.getNumArguments(); i-- > 1;) {
    auto constant = ir::makeConstant(builder, main.getLoc(), "c" + std::to_string(i), arguments[i]);
    main.getArgument(i).replaceAllUsesWith(constant.getResult());
    main.eraseArgument(i);
  }
  arguments.resize(1);
}

using Bytes = std::vector<char>;

// Tensors of @main in memory, and what steps add to them.
class Memories {
public:
  Bytes &put(Value value, Bytes bytes) { return *(of[value] = &owned.emplace_back(std::move(bytes))); }
  Bytes &at(Value value) {
    if (auto found = of.find(value); found != of.end())
      return *found->second;
    if (auto constant = ir::constantOf(value))
      return put(value, constant->bytes);
    const size_t size = ir::Tensor(ir::elementTypeOf(value.getType()), ir::shapeOf(value)).bytes.size();
    return put(value, Bytes(size, kUnwritten));
  }
  ir::Tensor tensor(Value value) {
    ir::Tensor tensor(ir::elementTypeOf(value.getType()), ir::shapeOf(value));
    tensor.bytes = at(value);
    return tensor;
  }
  Bytes &derived(const codegen::DerivedConstant &constant, func::CallOp call) {
    std::vector<ir::Tensor> known;
    for (unsigned argument : constant.arguments)
      known.push_back(*ir::constantOf(call.getOperand(argument)));
    return owned.emplace_back(constant.compute(known).bytes);
  }

private:
  llvm::DenseMap<Value, Bytes *> of;
  std::deque<Bytes> owned;
};

SmallVector<func::CallOp> callsOf(ModuleOp module) {
  return llvm::to_vector(module.lookupSymbol<func::FuncOp>("main").front().getOps<func::CallOp>());
}

// An argument or a result of a call, in the module in which blocks are loops.
Value loweredOf(Value value, ModuleOp graph, ModuleOp lowered) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return lowered.lookupSymbol<func::FuncOp>("main").getArgument(argument.getArgNumber());
  const auto calls = callsOf(graph);
  const size_t which = size_t(llvm::find(calls, value.getDefiningOp()) - calls.begin());
  return callsOf(lowered)[which].getResult(cast<OpResult>(value).getResultNumber());
}

void runStep(Emulator &emulator, const codegen::GpuStep &step, func::CallOp call, Memories &memories) {
  std::vector<Bytes *> buffers;
  for (const codegen::HostStep::Buffer &buffer : step.buffers)
    buffers.push_back(buffer.kind == codegen::HostArray::Derived  ? &memories.derived(*buffer.constant, call)
                      : buffer.kind == codegen::HostArray::Result ? &memories.at(call.getResult(buffer.argument))
                                                                  : &memories.at(call.getOperand(buffer.argument)));
  Bytes scratch(step.scratchBytes, kUnwritten);
  for (const codegen::GpuLaunch &launch : step.launches) {
    std::vector<Emulator::Memory> arguments;
    for (const codegen::GpuLaunch::Memory &memory : launch.arguments)
      if (memory.isScratch)
        arguments.push_back({scratch.data() + memory.place, memory.bytes});
      else
        arguments.push_back({buffers[memory.place]->data(), buffers[memory.place]->size()});
    auto error = emulator.launch(launch.kernel, launch.blocks, launch.threads, arguments);
    ASSERT_FALSE(bool(error)) << launch.mapping << ": " << llvm::toString(std::move(error));
  }
}

} // namespace

std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  ir::registerGraphDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

std::optional<GpuOutcome> runOnEmulatedGpu(ModuleOp module, bool isConstant) {
  GpuOutcome outcome;
  auto failed = [](llvm::Error error) -> std::optional<GpuOutcome> {
    ADD_FAILURE() << llvm::toString(std::move(error));
    return std::nullopt;
  };
  auto main = module.lookupSymbol<func::FuncOp>("main");
  std::mt19937 random(7);
  std::vector<ir::Tensor> arguments;
  for (Value argument : main.getArguments())
    arguments.push_back(randomTensor(argument, random));
  if (isConstant)
    makeConstants(main, arguments);
  PassManager manager(module.getContext());
  ir::buildGraphPipeline(manager);
  if (mlir::failed(manager.run(module)))
    return failed(errorAt("", "the graph could not be fused"));
  module.walk([&](Operation *op) {
    if (op->getName().getDialectNamespace() == "tw")
      outcome.operators.insert(op->getName().stripDialect().str());
  });
  auto expected = ir::Interpreter(module).run(main, arguments);
  if (!expected)
    return failed(expected.takeError());
  OwningOpRef<ModuleOp> graph = module.clone();
  if (mlir::failed(ir::lowerBlocksToLinalg(module)))
    return failed(errorAt("", "the blocks have no loops"));

  const codegen::GpuProcessor processor = llvm::cantFail(codegen::gpuProcessorOf("sm_80"));
  codegen::GpuCode code(module.getContext(), processor);
  std::vector<std::pair<func::CallOp, const codegen::GpuStep *>> steps; // null: the reference computes it
  for (auto call : main.front().getOps<func::CallOp>()) {
    std::vector<bool> isKnown;
    for (Value operand : call.getOperands())
      isKnown.push_back(ir::isConstant(operand));
    auto step = code.add(module.lookupSymbol<func::FuncOp>(call.getCallee()), isKnown);
    if (!step) {
      outcome.refusals.push_back(llvm::toString(step.takeError()));
      steps.push_back({call, nullptr});
      continue;
    }
    for (const codegen::GpuLaunch &launch : (*step)->launches)
      outcome.mappings.push_back(launch.mapping);
    steps.push_back({call, *step});
  }
  if (code.isEmpty()) // all folded, or refused
    return outcome;
  auto context = std::make_unique<llvm::LLVMContext>();
  auto kernels = code.link(*context);
  if (!kernels)
    return failed(kernels.takeError());
  auto ptx = codegen::ptxOf(*llvm::CloneModule(**kernels), processor);
  if (!ptx)
    return failed(ptx.takeError());
  outcome.ptx = std::move(*ptx);
  auto emulator = Emulator::make(std::move(context), std::move(*kernels));
  if (!emulator)
    return failed(emulator.takeError());
  Memories memories;
  for (auto [argument, tensor] : llvm::zip(main.getArguments(), arguments))
    memories.put(argument, tensor.bytes);
  for (auto [which, its] : llvm::enumerate(steps)) {
    auto [call, step] = its;
    if (step) {
      runStep(**emulator, *step, call, memories);
      continue;
    }
    // Lowering may have made other arguments of a block's constants.
    func::CallOp before = callsOf(*graph)[which];
    std::vector<ir::Tensor> operands;
    for (Value operand : before.getOperands()) {
      auto constant = ir::constantOf(operand);
      operands.push_back(constant ? *constant : memories.tensor(loweredOf(operand, *graph, module)));
    }
    auto results = ir::Interpreter(*graph).run(graph->lookupSymbol<func::FuncOp>(before.getCallee()), operands);
    if (!results)
      return failed(results.takeError());
    for (auto [value, tensor] : llvm::zip(call.getResults(), *results))
      memories.at(value) = tensor.bytes;
  }
  for (auto [i, value] : llvm::enumerate(main.front().getTerminator()->getOperands()))
    EXPECT_EQ(memories.at(value), (*expected)[i].bytes) << "result " << i;
  return outcome;
}

} // namespace tw::test
