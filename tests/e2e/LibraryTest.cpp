// SPDX-License-Identifier: Apache-2.0
// Library functions of random shapes and every element type: their C code in a package against the interpreter's own
// writing, byte for byte, and what a driver says when one of them fails.
#include "Session.h"

#include "tw/ir/Constants.h"
#include "tw/ir/LibraryFunctions.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

using namespace tw;
using namespace tw::tools;
using ir::ElementType;
using ir::Shape;
using ir::Tensor;

namespace {

const std::vector<ElementType> kNumbers = {ElementType::F32, ElementType::F64, ElementType::I8,
                                           ElementType::I16, ElementType::I32, ElementType::I64,
                                           ElementType::U16, ElementType::U32, ElementType::U64};

std::string mlirName(ElementType type) {
  mlir::MLIRContext context;
  std::string text;
  llvm::raw_string_ostream stream(text);
  ir::toMlirType(&context, type, {}).getElementType().print(stream);
  return text;
}

std::string typeText(ElementType type, const Shape &shape) {
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + mlirName(type) + ">";
}

class LibraryTest : public testing::Test {
protected:
  int64_t below(int64_t end) { return int64_t(random() % uint64_t(end)); }
  int64_t extent() { return 1 + below(7); }

  // Few different values, so that many are equal; some of what only reals have.
  Tensor numbers(ElementType type, const Shape &shape) {
    Tensor tensor(type, shape);
    for (int64_t i = 0; i != tensor.size(); ++i)
      if (ir::isReal(type) && below(16) == 0)
        tensor.setNumber(i, below(2) ? NAN : below(2) ? -INFINITY : -0.0);
      else if (ir::isReal(type))
        tensor.setNumber(i, double(below(41) - 20) / 8 + (below(4) == 0 ? 1e-3 * double(below(1000)) : 0));
      else
        tensor.setInteger(i, below(8) == 0 ? int64_t(random()) : below(41) - 20);
    return tensor;
  }

  Tensor indices(int64_t count, int64_t end) {
    Tensor tensor(ElementType::I64, Shape{count});
    for (int64_t i = 0; i != count; ++i)
      tensor.setInteger(i, below(end));
    return tensor;
  }

  struct Call {
    std::string name;
    std::vector<Tensor> operands;
    ElementType type; // of the result
    Shape shape;
    std::vector<int64_t> params;
  };

  static std::string textOf(const Call &call) {
    std::string arguments, names, types;
    for (auto [i, operand] : llvm::enumerate(call.operands)) {
      const std::string comma = i == 0 ? "" : ", ", name = "%x" + std::to_string(i),
                        type = typeText(operand.type, operand.shape);
      arguments += comma + name + ": " + type;
      names += comma + name;
      types += comma + type;
    }
    const std::string result = typeText(call.type, call.shape);
    return "func.func @main(" + arguments + ") -> " + result + " {\n  %y = tw.library \"" + call.name + "\"(" + names +
           ") {params = array<i64" + (call.params.empty() ? "" : ": ") +
           llvm::join(llvm::map_range(call.params, [](int64_t p) { return std::to_string(p); }), ", ") + ">} : (" +
           types + ") -> " + result + "\n  return %y : " + result + "\n}\n";
  }

  struct Answers {
    llvm::Expected<Tensors> reference;
    llvm::Expected<RunResult> host;
  };

  static codegen::Compiled compiledFor(mlir::ModuleOp module, const std::string &hostCpu) {
    codegen::CompileOptions options;
    options.config = llvm::cantFail(loadMachine("tw8"));
    options.hostCpu = hostCpu;
    return llvm::cantFail(codegen::compile(module, options));
  }

  Answers run(const Call &call) {
    Model model = emptyModel();
    model.module = mlir::parseSourceString<mlir::ModuleOp>(textOf(call), model.context.get());
    // Code for other processors is made here and run by tests/qemu.
    if (covered.insert(call.name).second)
      for (const char *cpu : {"aarch64", "riscv64"})
        compiledFor(mlir::OwningOpRef<mlir::ModuleOp>(model.module->clone()).get(), cpu);
    auto main = model.module->lookupSymbol<mlir::func::FuncOp>("main");
    Tensors inputs;
    for (auto [i, operand] : llvm::enumerate(call.operands))
      inputs.push_back({ir::argumentName(main, unsigned(i)), operand});
    auto reference = ir::Interpreter(*model.module).runMain(inputs);
    auto compiled = compiledFor(*model.module, "x86-64-v3");
    EXPECT_EQ(compiled.report.rows.front().how,
              call.name + " is a library function, which is code for the host: the NPU has no loop form of it");
    auto session = llvm::cantFail(Session::open(llvm::cantFail(packageBytes(compiled.package)), compiled.package, {}));
    return {std::move(reference), session->run(inputs)};
  }

  void expectSameBytes(const Call &call) {
    SCOPED_TRACE(textOf(call));
    Answers answers = run(call);
    ASSERT_TRUE(bool(answers.reference)) << llvm::toString(answers.reference.takeError());
    ASSERT_TRUE(bool(answers.host)) << llvm::toString(answers.host.takeError());
    const Tensor &wanted = answers.reference->front().tensor, &got = answers.host->outputs.front().tensor;
    EXPECT_EQ(got.bytes, wanted.bytes) << counts(compare(wanted, got));
  }

  void scatter(ElementType type, int64_t reduction) {
    const int64_t rows = extent(), inner = extent() * (1 + below(4)), count = below(9) + 1;
    expectSameBytes({"scatter",
                     {numbers(type, {rows, inner}), indices(count, rows), numbers(type, {count, inner})},
                     type,
                     {rows, inner},
                     {reduction}});
  }

  void cumulate(ElementType type) {
    const Shape shape{extent(), extent(), extent()};
    expectSameBytes({"cumulate", {numbers(type, shape)}, type, shape, {below(2), below(2), below(2)}});
  }

  void topk(ElementType type) {
    const Shape shape{extent(), extent() + 8, extent()};
    expectSameBytes({"topk_indices",
                     {numbers(type, shape)},
                     ElementType::I64,
                     {shape[0], 1 + below(shape[1]), shape[2]},
                     {below(2)}});
  }

  std::mt19937_64 random{7};
  std::set<std::string> covered;
};

} // namespace

TEST_F(LibraryTest, TheCodeOfEveryFunctionAgreesWithTheInterpreter) {
  for (ElementType type : ir::kElementTypes)
    if (type != ElementType::U8)
      scatter(type, 0);
  for (int64_t reduction : {1, 2, 3, 4})
    scatter(ElementType::Bool, reduction);
  for (ElementType type : kNumbers) {
    for (int64_t reduction : {1, 2, 3, 4})
      scatter(type, reduction);
    for (int repeat = 0; repeat != 2; ++repeat) {
      cumulate(type);
      topk(type);
    }
  }
  for (const ir::LibraryFunction &function : ir::libraryFunctions())
    EXPECT_TRUE(covered.count(function.name.str())) << function.name.str() << " has no case";
}

TEST_F(LibraryTest, AFunctionThatFailsIsNamedByTheDriver) {
  Answers answers =
      run({"scatter",
           {numbers(ElementType::F32, {3, 2}), Tensor::of<int64_t>({2}, {1, 3}), numbers(ElementType::F32, {2, 2})},
           ElementType::F32,
           {3, 2},
           {0}});
  ASSERT_FALSE(bool(answers.reference));
  EXPECT_EQ(llvm::toString(answers.reference.takeError()), "scatter: index 3 lies outside of the 3 rows of its data");
  ASSERT_FALSE(bool(answers.host));
  EXPECT_EQ(llvm::toString(answers.host.takeError()), "host code cannot be loaded or failed: step 0: host function "
                                                      "'tw_blk_scatter_0_0_0' returned 1 in range 1 of 1");
}
