// SPDX-License-Identifier: Apache-2.0
// Library functions of random shapes and every element type: their C code in a package against the interpreter's own
// writing, byte for byte, and what a driver says when one of them fails.
#include "Session.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Definition.h"
#include "tw/ir/LibraryFunctions.h"
#include "tw/isa/SequenceNumbers.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
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

  // Of no special kind.
  Tensor reals(ElementType type, const Shape &shape, double low, double high) {
    Tensor tensor(type, shape);
    for (int64_t i = 0; i != tensor.size(); ++i)
      tensor.setNumber(i, low + (high - low) * double(below(1 << 20)) / (1 << 20));
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
    std::optional<std::vector<ir::DefinitionRow>> definition;
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
    mlir::OwningOpRef<mlir::ModuleOp> defined = model.module->clone();
    auto main = model.module->lookupSymbol<mlir::func::FuncOp>("main");
    Tensors inputs;
    for (auto [i, operand] : llvm::enumerate(call.operands))
      inputs.push_back({ir::argumentName(main, unsigned(i)), operand});
    auto reference = ir::Interpreter(*model.module).runMain(inputs);
    auto compiled = compiledFor(*model.module, "x86-64-v3");
    // Only passes make those, with constants: what they replace has the definition.
    const bool isSequence = llvm::StringRef(call.name).ends_with("_i8");
    const std::string &how = compiled.report.rows.front().how;
    if (isSequence && call.operands.size() == 1)
      EXPECT_EQ(how, "sequence");
    else
      EXPECT_EQ(how,
                isSequence
                    ? "operand " + std::to_string(call.name == "normalise_i8" ? 2 : 1) + " of " + call.name +
                          " is computed: its sequence takes a constant"
                    : call.name + " is a library function, which is code for the host: the NPU has no loop form of it");
    auto session = llvm::cantFail(Session::open(llvm::cantFail(packageBytes(compiled.package)), compiled.package, {}));
    Answers answers{std::move(reference), session->run(inputs), std::nullopt};
    if (answers.reference && !isSequence && byteWidth(call.operands.front().type) < 8)
      answers.definition = llvm::cantFail(ir::compareWithDefinition(*defined, inputs, *answers.reference));
    return answers;
  }

  void expectSameBytes(const Call &call) {
    SCOPED_TRACE(textOf(call));
    Answers answers = run(call);
    ASSERT_TRUE(bool(answers.reference)) << llvm::toString(answers.reference.takeError());
    ASSERT_TRUE(bool(answers.host)) << llvm::toString(answers.host.takeError());
    if (answers.definition) // it counts in float64
      for (const ir::DefinitionRow &row : *answers.definition)
        EXPECT_TRUE(row.isGood()) << "element " << row.worst << " is " << row.reference << ", by definition "
                                  << row.definition;
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

  // How many rows the values give is found by asking for all counts.
  template <typename MakeCall> void expectSameRows(int64_t most, const MakeCall &callOf) {
    for (int64_t count = 1; count <= most; ++count) {
      const Call call = callOf(count);
      Model model = emptyModel();
      model.module = mlir::parseSourceString<mlir::ModuleOp>(textOf(call), model.context.get());
      auto answer =
          ir::Interpreter(*model.module).run(model.module->lookupSymbol<mlir::func::FuncOp>("main"), call.operands);
      if (answer)
        return expectSameBytes(call);
      llvm::consumeError(answer.takeError());
    }
    ADD_FAILURE() << callOf(0).name << " has no count";
  }

  void gridSample(ElementType type, int64_t mode, int64_t padding) {
    const bool isDeep = below(2);
    Shape data{1 + below(2), 1 + below(3), extent(), extent()}, grid{data[0], extent(), extent()},
        result{data[0], data[1], grid[1], grid[2]};
    if (isDeep) {
      data.push_back(extent());
      grid.push_back(extent());
      result.push_back(grid.back());
    }
    grid.push_back(isDeep ? 3 : 2);
    expectSameBytes({"grid_sample",
                     {reals(type, data, -2, 2), reals(type, grid, -1.7, 1.7)},
                     type,
                     result,
                     {mode, padding, below(2)}});
  }

  void regions(ElementType type, int64_t isMax) {
    const int64_t images = 1 + below(3), count = extent();
    const Shape data{images, 1 + below(3), extent() + 3, extent() + 3},
        result{count, data[1], 1 + below(3), 1 + below(3)};
    const int64_t scale = std::bit_cast<int64_t>(below(2) ? 1.0 : 0.7);
    expectSameBytes({"roi_align",
                     {reals(type, data, -2, 2), reals(type, {count, 4}, -2, 12), indices(count, images)},
                     type,
                     result,
                     {isMax, below(2), below(4), scale}});
    Tensor corners = reals(type, {count, 5}, -2, 12);
    for (int64_t i = 0; i != count; ++i)
      corners.setNumber(i * 5, double(below(images)));
    expectSameBytes({"max_roi_pool", {reals(type, data, -2, 2), corners}, type, result, {scale}});
  }

  void deformConv(ElementType type) {
    const int64_t group = 1 + below(2), offsetGroup = 1 + below(2), kh = 1 + below(3), kw = 1 + below(3),
                  n = 1 + below(2);
    const Shape data{n, 4, 4 + extent(), 4 + extent()}, weight{2 * group, 4 / group, kh, kw};
    const Shape result{n, 2 * group, extent(), extent()};
    const int64_t taps = offsetGroup * kh * kw;
    expectSameBytes(
        {"deform_conv",
         {reals(type, data, -2, 2), reals(type, weight, -1, 1), reals(type, {n, 2 * taps, result[2], result[3]}, -3, 3),
          reals(type, {n, taps, result[2], result[3]}, 0, 1)},
         type,
         result,
         {1 + below(2), 1 + below(2), below(2), below(2), 1 + below(2), 1 + below(2), group, offsetGroup}});
  }

  void determinant(ElementType type) {
    const int64_t n = extent(), count = extent();
    Tensor matrices = reals(type, {count, n, n}, -2, 2);
    if (below(2))
      for (int64_t i = 0; i != n; ++i) // no inverse
        matrices.setNumber(i, 0);
    expectSameBytes({"determinant", {matrices}, type, {count}, {}});
  }

  void nonMaxSuppression() {
    const int64_t images = 1 + below(2), classes = 1 + below(3), boxes = 1 + below(20), isCenter = below(2);
    const Tensor scores = reals(ElementType::F32, {images, classes, boxes}, 0, 1),
                 corners = reals(ElementType::F32, {images, boxes, 4}, isCenter ? 0.5 : -2, 2);
    const int64_t most = 1 + below(9);
    expectSameRows(images * classes * boxes, [&](int64_t count) {
      return Call{"non_max_suppression",
                  {scores, corners, Tensor::of<int64_t>({1}, {most}), Tensor::of<float>({1}, {0.3f}),
                   Tensor::of<float>({1}, {0.2f})},
                  ElementType::I64,
                  {count, 3},
                  {isCenter}};
    });
  }

  void choice(ElementType type) {
    const Shape shape{extent(), extent(), extent()};
    const Tensor values = numbers(type, shape);
    int64_t different = 0;
    for (int64_t i = 0; i != values.size(); ++i)
      different += ir::isReal(type) ? values.numberAt(i) != 0 : values.integerAt(i) != 0;
    if (different != 0)
      expectSameBytes({"nonzero", {values}, ElementType::I64, {3, different}, {}});
    Tensor condition(ElementType::Bool, Shape{1 + below(shape[1] + 2)});
    condition.setInteger(0, 1);
    int64_t taken = 0;
    for (int64_t k = 0; k != condition.size(); ++k) {
      condition.setInteger(k, k == 0 || below(2));
      taken += k < shape[1] && condition.integerAt(k);
    }
    expectSameBytes({"compress", {values, condition}, type, {shape[0], taken, shape[2]}, {}});
  }

  void unique(ElementType type) {
    const int64_t rows = 1 + below(30), inner = 1 + below(2), isSorted = below(2);
    Tensor values = numbers(type, {rows, inner});
    for (int64_t i = 0; i != rows * inner; ++i)
      if (below(2))
        values.setInteger(i, below(3));
    for (int64_t what : {0, 1, 2})
      expectSameRows(rows, [&](int64_t count) {
        return Call{"unique", {values}, ElementType::I64, {what == 1 ? rows : count}, {isSorted, what, count}};
      });
  }

  // With numbers as the passes choose them.
  void sequences() {
    const int64_t rows = extent(), n = 1 + below(70);
    const Tensor x = numbers(ElementType::I8, {rows, n});
    auto tables = [](const std::vector<int8_t> &entries) {
      return Tensor::of<int8_t>({int64_t(entries.size()) / 256, 256}, entries);
    };
    const double scale = double(1 + below(100)) / 100;
    Tensor mask(ElementType::I8, Shape{1 + below(3), n});
    for (int64_t i = 0; i != mask.size(); ++i)
      mask.setInteger(i, i % n == 0 || below(3) != 0);
    auto softmax = *isa::softmaxNumbers(scale, below(2) ? 1.0 / 256 : 3e-4, int8_t(below(9) - 128), n + below(2) * 300);
    expectSameBytes({"softmax_i8",
                     {x, tables(softmax.tables), mask},
                     ElementType::I8,
                     {rows, n},
                     {softmax.factor, softmax.shift, softmax.zero}});
    const isa::MeanNumbers mean = isa::meanNumbers(n, below(3) != 0, int8_t(below(20)));
    auto variance = *isa::varianceNumbers(scale, int8_t(below(9) - 128), mean);
    expectSameBytes(
        {"variance_i8",
         {x},
         ElementType::I8,
         {rows, 1},
         {mean.isCentred, mean.center, mean.inverse, mean.shift, variance.factor, variance.shift, variance.zero}});
    std::vector<double> factors;
    for (int v = 0; v != 256; ++v)
      factors.push_back(scale / std::sqrt(v / 16.0 + double(below(2))));
    auto normalise = *isa::normaliseNumbers(factors, int8_t(below(9)), n, mean);
    expectSameBytes(
        {"normalise_i8",
         {x, numbers(ElementType::I8, {rows, 1}), tables(normalise.tables)},
         ElementType::I8,
         {rows, n},
         {mean.isCentred, mean.center, mean.inverse, mean.shift, normalise.shift, normalise.farShift, normalise.zero}});
    if (n > 1) {
      auto norm = *isa::normNumbers(below(2) * scale, n, mean);
      expectSameBytes({"norm_i8",
                       {x},
                       ElementType::I8,
                       {rows, 2, n},
                       {mean.isCentred, mean.center, mean.inverse, mean.shift, norm.means, norm.varianceShift, norm.eps,
                        norm.rootShift, norm.factor, norm.factorShift, norm.shift}});
    }
  }

  std::mt19937_64 random{7};
  std::set<std::string> covered;
};

} // namespace

TEST_F(LibraryTest, TheCodeOfEveryFunctionAgreesWithTheInterpreter) {
  for (ElementType type : ir::kElementTypes)
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
  for (ElementType type : {ElementType::F32, ElementType::F64}) {
    for (int64_t mode : {0, 1, 2})
      for (int64_t padding : {0, 1, 2})
        gridSample(type, mode, padding);
    for (int repeat = 0; repeat != 3; ++repeat) {
      regions(type, repeat % 2);
      deformConv(type);
      determinant(type);
    }
  }
  for (int repeat = 0; repeat != 4; ++repeat)
    nonMaxSuppression();
  for (int repeat = 0; repeat != 8; ++repeat)
    sequences();
  for (ElementType type : ir::kElementTypes) {
    choice(type);
    if (type != ElementType::F16 && type != ElementType::BF16)
      unique(type);
  }
  for (const ir::LibraryFunction &function : ir::libraryFunctions())
    EXPECT_TRUE(covered.count(function.name.str())) << function.name.str() << " has no case";
}

TEST_F(LibraryTest, AFunctionThatFailsSaysBothNumbers) {
  auto failureOf = [&](const Call &call) {
    Answers answers = run(call);
    EXPECT_FALSE(bool(answers.reference)) << call.name;
    llvm::consumeError(answers.reference.takeError());
    if (answers.host)
      return std::string("none");
    const std::string text = llvm::toString(answers.host.takeError()), before = " in range 1 of 1: ";
    return text.find(before) == std::string::npos ? text : text.substr(text.find(before) + before.size());
  };
  const Tensor values = Tensor::of<float>({4}, {1, 0, 2, 3}),
               condition = Tensor::of<bool>({4}, {true, false, true, true});
  for (int64_t rows : {2, 4}) {
    const std::string said = "the values make 3 rows, the result has " + std::to_string(rows);
    EXPECT_EQ(failureOf({"nonzero", {values}, ElementType::I64, {1, rows}, {}}), said);
    EXPECT_EQ(
        failureOf(
            {"compress", {reals(ElementType::F32, {2, 4, 3}, 0, 1), condition}, ElementType::F32, {2, rows, 3}, {}}),
        said);
  }
  EXPECT_EQ(failureOf({"unique", {Tensor::of<float>({4, 1}, {1, 1, 2, 2})}, ElementType::I64, {3}, {1, 0, 3}}),
            "the values make 2 rows, the result has 3");
  const Tensor boxes = Tensor::of<float>({1, 2, 4}, {0, 0, 1, 1, 2, 2, 3, 3}),
               scores = Tensor::of<float>({1, 1, 2}, {1, 2}), most = Tensor::of<int64_t>({1}, {9}),
               overlap = Tensor::of<float>({1}, {0.5f}), least = Tensor::of<float>({1}, {0});
  auto selected = [&](int64_t rows) {
    return failureOf({"non_max_suppression", {scores, boxes, most, overlap, least}, ElementType::I64, {rows, 3}, {0}});
  };
  EXPECT_EQ(selected(1), "the values make 2 rows or more, the result has 1");
  EXPECT_EQ(selected(3), "the values make 2 rows, the result has 3");
  const Tensor image = reals(ElementType::F32, {2, 1, 4, 4}, 0, 1);
  EXPECT_EQ(failureOf({"roi_align",
                       {image, reals(ElementType::F32, {2, 4}, 0, 3), Tensor::of<int64_t>({2}, {1, 2})},
                       ElementType::F32,
                       {2, 1, 2, 2},
                       {0, 0, 1, std::bit_cast<int64_t>(1.0)}}),
            "region 1 is of an image outside of the 2 that there are");
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
  EXPECT_EQ(llvm::toString(answers.host.takeError()),
            "host code cannot be loaded or failed: step 0: host function "
            "'tw_blk_scatter_0_0_0' returned 101 in range 1 of 1: index 3 lies "
            "outside of the 3 places that there are");
}
