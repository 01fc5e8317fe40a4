// SPDX-License-Identifier: Apache-2.0
// Every operator of the graph as host code, against the reference interpreter on random inputs.
#include "host/HostCode.h"
#include "HostLibrary.h"
#include "host/Processor.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Interpreter.h"
#include "tw/ir/Passes.h"
#include "tw/ir/Register.h"
#include "tw/ir/ToLinalg.h"
#include "tw/isa/package_format.h"
#include "tw/support/OperatorCases.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <random>
#include <set>

using namespace tw;
using namespace tw::codegen;
using namespace mlir;

namespace {

constexpr size_t kGuard = 64; // bytes behind every buffer that must stay as they are
constexpr char kGuardByte = 0x5A;

std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  ir::registerGraphDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

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

using Memory = std::vector<char>;

Memory guarded(std::vector<char> bytes) {
  bytes.resize(bytes.size() + kGuard, kGuardByte);
  return bytes;
}
Memory roomFor(Value value) {
  return guarded(ir::Tensor(ir::elementTypeOf(value.getType()), ir::shapeOf(value)).bytes);
}
bool isGuarded(const Memory &memory) {
  return std::all_of(memory.end() - kGuard, memory.end(), [](char byte) { return byte == kGuardByte; });
}

// Runs a step; its phases cut into so many ranges, the last one first.
void runStep(test::HostLibrary &library, const HostStep &step, std::vector<void *> buffers, int64_t ranges) {
  std::vector<char> shared(step.sharedBytes + TW_PKG_SCRATCH_ALIGN, kGuardByte);
  void *aligned = shared.data();
  size_t space = shared.size();
  buffers.push_back(std::align(TW_PKG_SCRATCH_ALIGN, step.sharedBytes, aligned, space));
  for (const isa::PackagePhase &phase : step.phases) {
    auto function = library.function(phase.function);
    ASSERT_TRUE(function) << phase.function;
    // At any tile, not only where a range is worth a thread: these blocks are too small for that.
    const int64_t extent = int64_t(phase.extent), count = std::min(ranges, extent);
    for (int64_t r = count; r-- > 0;) {
      const int64_t lo = r * extent / count, hi = (r + 1) * extent / count;
      ASSERT_EQ(function(buffers.data(), nullptr, nullptr, lo, hi), 0) << phase.function;
    }
  }
}

// Arguments of @main behind the first become constants of these values.
void makeConstant(func::FuncOp main, std::vector<ir::Tensor> &arguments) {
  OpBuilder builder = OpBuilder::atBlockBegin(&main.front());
  for (unsigned i = main.getNumArguments(); i-- > 1;) {
    auto constant = ir::makeConstant(builder, main.getLoc(), "c" + std::to_string(i), arguments[i]);
    main.getArgument(i).replaceAllUsesWith(constant.getResult());
    main.eraseArgument(i);
  }
  arguments.resize(1);
}

// Runs all blocks of @main as host code and by the interpreter.
void expectSameAsReference(const std::string &text, bool isConstant, const std::string &cpu,
                           std::set<std::string> *covered = nullptr) {
  SCOPED_TRACE(text + (isConstant ? "with constants, " : "") + cpu);
  auto context = makeContext();
  auto module = parseSourceString<ModuleOp>(text, context.get());
  ASSERT_TRUE(module);
  auto main = module->lookupSymbol<func::FuncOp>("main");
  std::mt19937 random(7);
  std::vector<ir::Tensor> arguments;
  for (Value argument : main.getArguments())
    arguments.push_back(randomTensor(argument, random));
  if (isConstant)
    makeConstant(main, arguments);
  PassManager manager(context.get());
  ir::buildGraphPipeline(manager);
  ASSERT_TRUE(succeeded(manager.run(*module)));
  if (covered)
    module->walk([&](Operation *op) { covered->insert(op->getName().stripDialect().str()); });
  auto expected = ir::Interpreter(*module).run(main, arguments);
  ASSERT_TRUE(bool(expected)) << llvm::toString(expected.takeError());

  ASSERT_TRUE(succeeded(ir::lowerBlocksToLinalg(*module)));
  auto processor = processorOf(cpu);
  ASSERT_TRUE(bool(processor)) << llvm::toString(processor.takeError());
  HostCode host(context.get(), *processor);
  std::vector<std::pair<func::CallOp, const HostStep *>> steps;
  for (auto call : main.front().getOps<func::CallOp>()) {
    std::vector<bool> isKnown;
    for (Value operand : call.getOperands())
      isKnown.push_back(ir::isConstant(operand));
    auto step = host.add(module->lookupSymbol<func::FuncOp>(call.getCallee()), isKnown);
    ASSERT_TRUE(bool(step)) << llvm::toString(step.takeError());
    steps.push_back({call, *step});
  }
  std::vector<std::vector<char>> results[3];
  if (!steps.empty()) {
    auto object = host.link();
    ASSERT_TRUE(bool(object)) << llvm::toString(object.takeError());
    test::HostLibrary library(*object);
    // One range, two, and as many as there are: the same bytes.
    for (auto [which, ranges] : llvm::enumerate(std::array<int64_t, 3>{1, 2, 1000})) {
      llvm::DenseMap<Value, Memory *> memory;
      std::deque<Memory> owned;
      auto put = [&](Value value, Memory bytes) { memory[value] = &owned.emplace_back(std::move(bytes)); };
      for (auto [argument, tensor] : llvm::zip(main.getArguments(), arguments))
        put(argument, guarded(tensor.bytes));
      for (auto [call, step] : steps) {
        std::vector<void *> buffers;
        for (const HostStep::Buffer &buffer : step->buffers) {
          if (buffer.kind == HostArray::Derived) {
            std::vector<ir::Tensor> known;
            for (unsigned argument : buffer.constant->arguments)
              known.push_back(*ir::constantOf(call.getOperand(argument)));
            buffers.push_back(owned.emplace_back(guarded(buffer.constant->compute(known).bytes)).data());
            continue;
          }
          Value value = buffer.kind == HostArray::Result ? call.getResult(0) : call.getOperand(buffer.argument);
          if (!memory.count(value))
            put(value, buffer.kind == HostArray::Result ? roomFor(value) : guarded(ir::constantOf(value)->bytes));
          buffers.push_back(memory[value]->data());
        }
        runStep(library, *step, buffers, ranges);
      }
      for (const Memory &bytes : owned)
        ASSERT_TRUE(isGuarded(bytes)) << "written beyond its end";
      for (Value value : main.front().getTerminator()->getOperands()) {
        ASSERT_TRUE(memory.count(value));
        results[which].emplace_back(memory[value]->begin(), memory[value]->end() - kGuard);
      }
    }
  }
  if (steps.empty()) // folded: nothing is left to run
    return;
  EXPECT_EQ(results[1], results[0]) << "two ranges give other bytes than one";
  EXPECT_EQ(results[2], results[0]) << "many ranges give other bytes than one";
  for (auto [bytes, wanted] : llvm::zip(results[0], *expected)) {
    EXPECT_EQ(bytes, wanted.bytes);
  }
}

// The processors of which code can run here: others are named as skipped.
std::vector<std::string> processors() {
  std::vector<std::string> names{"x86-64-v3"};
  if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    names.push_back("skylake-avx512");
  if (__builtin_cpu_supports("avx512vnni"))
    names.push_back("cascadelake");
  return names;
}

} // namespace

TEST(HostCodeTest, EveryOperatorOfTheGraphAgreesWithTheReference) {
  // Constants are no code; the scalar operators stand inside loops alone. Some are what fusion leaves nothing of.
  std::set<std::string> covered{"constant", "requantize", "rescale", "lut"};
  for (const std::string &cpu : processors())
    for (const std::string &text : test::operatorCases())
      for (bool isConstant : {false, true})
        expectSameAsReference(text, isConstant, cpu, &covered);
  auto context = makeContext();
  for (RegisteredOperationName name : context->getRegisteredOperations())
    if (name.getDialectNamespace() == "tw")
      EXPECT_TRUE(covered.count(name.stripDialect().str())) << name.getStringRef().str() << " has no case";
  for (const char *cpu : {"skylake-avx512", "cascadelake"})
    if (const auto names = processors(); std::ranges::find(names, cpu) == names.end())
      GTEST_SKIP() << "code for " << cpu << " was not run: this computer lacks its instructions";
}

TEST(HostCodeTest, SumsThatMayLeaveInt32AreAddedIn64Bits) {
  // About 100,000 times 127 * 255: half as much again as an int32 holds.
  const std::string k = "100000";
  expectSameAsReference(test::quantisedFunction(
                            "%x: tensor<1x" + k + "xi8>", "tensor<1x2xi8>",
                            "  %top = tw.constant dense<127> : tensor<i8>\n  %w = tw.constant dense<-128> : tensor<2x" +
                                k + "xi8>\n  %y = tw.qgemm %x(%s, %top), %w(%t, %top) out(%u, %c) : (tensor<1x" + k +
                                "xi8>, tensor<f32>, tensor<i8>, tensor<2x" + k +
                                "xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<1x2xi8>"),
                        false, "x86-64-v3");
}

// What is no number becomes the zero point, in the reference and here, behind functions that hand it on.
TEST(HostCodeTest, WhatIsNoNumberBecomesTheZeroPoint) {
  for (const char *function : {"relu", "sigmoid", "tanh"})
    expectSameAsReference(
        test::quantisedFunction(
            "%x: tensor<3x5xf32>", "tensor<3x5xi8>",
            std::string("  %d = tw.sub %x, %x : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>\n"
                        "  %q = tw.div %d, %d : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>\n"
                        "  %f = tw.") +
                function +
                " %q : (tensor<3x5xf32>) -> tensor<3x5xf32>\n"
                "  %y = tw.quantize %f, %t, %a : (tensor<3x5xf32>, tensor<f32>, tensor<i8>) -> "
                "tensor<3x5xi8>"),
        false, "x86-64-v3");
}

// Blocks by hand, as loops: several results, one of them read on, one an argument, one returned twice.
TEST(HostCodeTest, ABlockMayHaveSeveralResults) {
  auto context = makeContext();
  auto module = parseSourceString<ModuleOp>(R"mlir(
#id = affine_map<(d0) -> (d0)>
func.func private @blk(%x: tensor<40xf32>, %y: tensor<40xf32>)
    -> (tensor<40xf32>, tensor<4x10xf32>, tensor<40xf32>, tensor<40xf32>) {
  %e = tensor.empty() : tensor<40xf32>
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %y : tensor<40xf32>, tensor<40xf32>) outs(%e : tensor<40xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %c = arith.addf %a, %b : f32
      linalg.yield %c : f32 } -> tensor<40xf32>
  %p = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%s, %y : tensor<40xf32>, tensor<40xf32>) outs(%e : tensor<40xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %c = arith.mulf %a, %b : f32
      linalg.yield %c : f32 } -> tensor<40xf32>
  %q = tensor.expand_shape %p [[0, 1]] output_shape [4, 10] : tensor<40xf32> into tensor<4x10xf32>
  return %s, %q, %x, %s : tensor<40xf32>, tensor<4x10xf32>, tensor<40xf32>, tensor<40xf32>
})mlir",
                                            context.get());
  ASSERT_TRUE(module);
  HostCode host(context.get(), llvm::cantFail(processorOf("x86-64-v3")));
  auto step = host.add(module->lookupSymbol<func::FuncOp>("blk"), {false, false});
  ASSERT_TRUE(bool(step)) << llvm::toString(step.takeError());
  auto object = host.link();
  ASSERT_TRUE(bool(object)) << llvm::toString(object.takeError());
  test::HostLibrary library(*object);
  std::vector<float> memory[6];
  for (std::vector<float> &bytes : memory)
    bytes.assign(40, 0);
  for (int i = 0; i != 40; ++i)
    memory[0][size_t(i)] = float(i), memory[1][size_t(i)] = 0.5f;
  std::vector<void *> buffers;
  for (const HostStep::Buffer &buffer : (*step)->buffers)
    buffers.push_back(memory[buffer.argument + (buffer.kind == HostArray::Result ? 2 : 0)].data());
  runStep(library, **step, buffers, 1);
  for (size_t i = 0; i != 40; ++i) {
    const float sum = float(i) + 0.5f;
    EXPECT_EQ(memory[2][i], sum);
    EXPECT_EQ(memory[3][i], sum * 0.5f);
    EXPECT_EQ(memory[4][i], float(i));
    EXPECT_EQ(memory[5][i], sum);
  }
}

TEST(HostCodeTest, AProcessorWithoutFusedMultiplyAddIsRefused) {
  auto processor = processorOf("x86-64");
  ASSERT_FALSE(bool(processor));
  EXPECT_EQ(llvm::toString(processor.takeError()),
            "--host-cpu x86-64: host code needs AVX2 and FMA, which it lacks; use x86-64-v3 or a later one");
}
