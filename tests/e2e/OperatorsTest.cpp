// SPDX-License-Identifier: Apache-2.0
// Every operator of the graph, compiled for a machine and run on the functional model: on the NPU where it is offered,
// else by host code and with a reason.
#include "Session.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Register.h"
#include "tw/support/OperatorCases.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

using namespace tw;
using namespace tw::tools;

namespace {

// Of the operators in blocks: where some case of each has run.
struct Places {
  std::set<std::string> npu, host;
};

// Arguments of @main behind the first become constants of these values.
void makeConstant(mlir::func::FuncOp main, const Tensors &values) {
  auto builder = mlir::OpBuilder::atBlockBegin(&main.front());
  for (unsigned i = main.getNumArguments(); i-- > 1;) {
    auto constant = ir::makeConstant(builder, main.getLoc(), values[i].name, values[i].tensor);
    main.getArgument(i).replaceAllUsesWith(constant.getResult());
    main.eraseArgument(i);
  }
}

// What the interpreter computes of the text, and random inputs of it.
struct Reference {
  Tensors inputs, outputs;
};

std::optional<Reference> referenceOf(mlir::ModuleOp module) {
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  Tensors wanted;
  for (auto [i, argument] : llvm::enumerate(main.getArguments()))
    wanted.push_back({ir::argumentName(main, unsigned(i)),
                      ir::Tensor(ir::elementTypeOf(argument.getType()), ir::shapeOf(argument))});
  bool isRandom = false;
  Reference reference;
  auto inputs = gatherInputs(wanted, {}, 7, isRandom);
  if (!inputs) {
    ADD_FAILURE() << llvm::toString(inputs.takeError());
    return std::nullopt;
  }
  auto outputs = ir::Interpreter(module).runMain(*inputs);
  if (!outputs) {
    ADD_FAILURE() << llvm::toString(outputs.takeError());
    return std::nullopt;
  }
  return Reference{std::move(*inputs), std::move(*outputs)};
}

void expectSameAsReference(const std::string &text, const std::string &machine, bool isConstant, Places &places) {
  SCOPED_TRACE(text + (isConstant ? "with constants, " : "") + machine);
  Model model = emptyModel();
  model.module = mlir::parseSourceString<mlir::ModuleOp>(text, model.context.get());
  ASSERT_TRUE(model.module);
  // A package gives no tensor without elements to a caller.
  if (llvm::any_of(model.module->lookupSymbol<mlir::func::FuncOp>("main").getArguments(),
                   [](mlir::Value argument) { return ir::elementCount(ir::shapeOf(argument)) == 0; }))
    return;
  auto reference = referenceOf(*model.module);
  ASSERT_TRUE(reference);
  if (isConstant)
    makeConstant(model.module->lookupSymbol<mlir::func::FuncOp>("main"), reference->inputs);
  codegen::CompileOptions options;
  options.config = llvm::cantFail(loadMachine(machine));
  auto compiled = codegen::compile(*model.module, options);
  ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
  for (const codegen::PlacementRow &row : compiled->report.rows) {
    (row.executor == codegen::ExecutorId::Npu ? places.npu : places.host).insert(row.operation);
    EXPECT_NE(row.how, "") << row.operation << " on " << codegen::nameOf(row.executor);
  }
  auto bytes = packageBytes(compiled->package);
  ASSERT_TRUE(bool(bytes)) << llvm::toString(bytes.takeError());
  auto session = Session::open(*bytes, compiled->package, {});
  ASSERT_TRUE(bool(session)) << llvm::toString(session.takeError());
  if (isConstant)
    reference->inputs.resize(1);
  auto result = (*session)->run(reference->inputs);
  ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
  ASSERT_EQ(result->outputs.size(), reference->outputs.size());
  for (size_t i = 0; i != reference->outputs.size(); ++i) {
    const ir::Tensor &wanted = reference->outputs[i].tensor, &got = result->outputs[i].tensor;
    EXPECT_EQ(got.bytes, wanted.bytes) << counts(compare(wanted, got));
  }
}

} // namespace

TEST(OperatorsTest, EveryOperatorAgreesWithTheReferenceWhereItIsOfferedOrSaysWhyNot) {
  Places places;
  for (const char *machine : {"tw8", "tw16"})
    for (const std::string &text : test::operatorCases())
      for (bool isConstant : {false, true})
        expectSameAsReference(text, machine, isConstant, places);
  // A list that does not shrink.
  EXPECT_THAT(places.npu, testing::IsSupersetOf({"max_pool", "qconv", "qconv_sums", "qeltwise", "qgemm", "qgemm_sums",
                                                 "qlut", "qmatmul", "qpool"}));
  std::cout << "on the NPU:";
  for (const std::string &name : places.npu)
    std::cout << ' ' << name;
  std::cout << "\non the host:";
  for (const std::string &name : places.host)
    std::cout << ' ' << name;
  std::cout << "\n";
}

namespace {

std::string tableText() {
  std::string table;
  for (int i = 0; i != 256; ++i)
    table += char(i * 37 + 11);
  return "  %t = tw.constant dense<\"0x" + llvm::toHex(table) + "\"> : tensor<256xi8>\n";
}

// A table, a move of its result, and a table again: on the NPU, so that the bytes lie in rows of lanes on both sides.
std::string moveBetweenTables(const std::string &from, const std::string &to, const std::string &move) {
  return "func.func @main(%x: " + from + ") -> " + to + " {\n" + tableText() + "  %a = tw.qlut %x, %t : (" + from +
         ", tensor<256xi8>) -> " + from + "\n  %b = tw." + move + "\n  %y = tw.qlut %b, %t : (" + to +
         ", tensor<256xi8>) -> " + to + "\n  return %y : " + to + "\n}\n";
}

std::string bytes(std::initializer_list<int64_t> shape) {
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + "i8>";
}

} // namespace

TEST(OperatorsTest, ProductsOfActivationsRunOnTheNpuWithTheirTransposes) {
  int products = 0;
  for (const std::string &text : test::operatorCases()) {
    if (text.find("tw.qmatmul") == std::string::npos)
      continue;
    ++products;
    for (const char *machine : {"tw8", "tw16"}) {
      Places places;
      expectSameAsReference(text, machine, false, places);
      EXPECT_EQ(places.npu, std::set<std::string>{"qmatmul"}) << text;
      EXPECT_TRUE(places.host.empty()) << text;
    }
  }
  EXPECT_GE(products, 3);
}

// A table makes something else of the zero points beside its input's last lanes: they must not reach a sum.
TEST(OperatorsTest, LanesBesideAFactorDoNotReachTheSumsOfAProduct) {
  for (const char *machine : {"tw8", "tw16"})
    for (const char *depth : {"20", "16"}) {
      const std::string k = depth, x = "tensor<9x" + k + "xi8>", z = "tensor<" + k + "x5xi8>";
      Places places;
      expectSameAsReference(
          test::quantisedFunction(
              "%x: " + x + ", %z: " + z, "tensor<9x5xi8>",
              "  %l = tw.constant dense<91> : tensor<256xi8>\n  %p = tw.qlut %x, %l : (" + x + ", tensor<256xi8>) -> " +
                  x + "\n  %y = tw.qmatmul %p(%t, %a), %z(%t, %b) out(%u, %c) : (" + x + ", tensor<f32>, tensor<i8>, " +
                  z + ", tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<9x5xi8>"),
          machine, false, places);
      EXPECT_EQ(places.npu.contains("qmatmul"), k == "16") << machine;
    }
}

// What a table makes of the lanes beside a row is no zero point; nor is what the host packed there for the table.
TEST(OperatorsTest, ProductsOfActivationsDoNotAddWhatLiesBesideTheirRows) {
  std::string table;
  for (int i = 0; i != 256; ++i)
    table += char(i * 37 + 11);
  for (const char *factor : {"%h", "%x"}) {
    const std::string text =
        "func.func @main(%x: tensor<2x6x4xi8>, %z: tensor<2x4x6xi8>) -> (tensor<2x6x4xi8>, tensor<2x6x6xi8>) {\n"
        "  %l = tw.constant dense<\"0x" +
        llvm::toHex(table) +
        "\"> : tensor<256xi8>\n  %s = tw.constant dense<0.03> : tensor<f32>\n"
        "  %u = tw.constant dense<0.5> : tensor<f32>\n  %a = tw.constant dense<-43> : tensor<i8>\n  %b = tw.constant "
        "dense<3> : tensor<i8>\n"
        "  %h = tw.qlut %x, %l : (tensor<2x6x4xi8>, tensor<256xi8>) -> tensor<2x6x4xi8>\n  %y = tw.qmatmul " +
        std::string(factor) +
        "(%s, %a), %z(%s, %b) out(%u, %b) : (tensor<2x6x4xi8>, tensor<f32>, tensor<i8>, tensor<2x4x6xi8>, "
        "tensor<f32>, "
        "tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<2x6x6xi8>\n"
        "  return %h, %y : tensor<2x6x4xi8>, tensor<2x6x6xi8>\n}\n";
    for (const char *machine : {"tw8", "tw16"}) {
      Places places;
      expectSameAsReference(text, machine, false, places);
    }
  }
}

// Rows of activations that fill most of the scratchpad, and some that do not go into it.
TEST(OperatorsTest, LongSumsRunOnTheNpuInPasses) {
  for (const char *machine : {"tw8", "tw16"})
    for (const char *depth : {"3072", "20000"}) {
      const std::string k = depth, x = "tensor<3x" + k + "xi8>", w = "tensor<5x" + k + "xi8>";
      Places places;
      expectSameAsReference(
          test::quantisedFunction("%x: " + x + ", %w: " + w, "tensor<3x5xi8>",
                                  "  %y = tw.qgemm %x(%t, %a), %w(%t, %b) out(%u, %c) : (" + x +
                                      ", tensor<f32>, tensor<i8>, " + w +
                                      ", tensor<f32>, tensor<i8>, tensor<f32>, tensor<i8>) -> tensor<3x5xi8>"),
          machine, true, places);
      EXPECT_TRUE(places.npu.contains("qgemm")) << k << " on " << machine;
    }
}

TEST(OperatorsTest, WholeRowsOfLanesAreMovedOnTheNpu) {
  for (int64_t lanes : {8, 16}) {
    const std::string machine = "tw" + std::to_string(lanes), x = bytes({1, 5, 6, 2 * lanes});
    auto move = [&](const std::string &to, const std::string &name, const std::string &rest) {
      return std::pair(name, moveBetweenTables(x, to, name + " " + rest + " -> " + to));
    };
    const std::pair<std::string, std::string> cases[] = {
        move(bytes({1, 5, 6, 4 * lanes}), "concat", "%a, %a {axis = 3 : i64} : (" + x + ", " + x + ")"),
        move(bytes({1, 15, 6, 2 * lanes}), "concat", "%a, %a, %a {axis = 1 : i64} : (" + x + ", " + x + ", " + x + ")"),
        move(bytes({1, 6, 5, 2 * lanes}), "transpose", "%a {perm = array<i64: 0, 2, 1, 3>} : (" + x + ")"),
        move(bytes({1, 8, 7, 2 * lanes}), "pad",
             "%a {lo = array<i64: 0, 1, 0, 0>, hi = array<i64: 0, 2, 1, 0>, value = -7.0 : f32} : (" + x + ")"),
        move(bytes({1, 3, 8, 2 * lanes}), "pad",
             "%a {lo = array<i64: 0, -2, 1, 0>, hi = array<i64: 0, 0, 1, 0>, value = 5.0 : f32} : (" + x + ")"),
        move(bytes({1, 12, 9, 2 * lanes}), "resize",
             "%a {scales = array<f32: 1.0, 2.4, 1.5, 1.0>, mode = #tw.resize_mode<nearest>, coordinates = "
             "#tw.coordinate<half_pixel>, nearest = #tw.nearest<floor>} : (" +
                 x + ")"),
    };
    for (const auto &[name, text] : cases) {
      Places places;
      expectSameAsReference(text, machine, false, places);
      EXPECT_TRUE(places.npu.contains(name)) << text;
    }
  }
}

TEST(OperatorsTest, BytesThatChangeTheirLanesAreMovedOnTheNpu) {
  for (int64_t lanes : {8, 16, 32}) {
    const std::string machine = "tw" + std::to_string(lanes), x = bytes({1, 5, 7, 2 * lanes + 2}),
                      row = bytes({1, 1, 1, 3 * lanes + 4});
    auto move = [&](const std::string &from, const std::string &to, const std::string &name, const std::string &rest) {
      return std::pair(name, moveBetweenTables(from, to, name + " " + rest + " -> " + to));
    };
    auto slice = [&](int64_t start, int64_t count, int64_t step) {
      return move(x, bytes({1, 5, 7, count}), "slice",
                  "%a {starts = array<i64: 0, 0, 0, " + std::to_string(start) + ">, steps = array<i64: 1, 1, 1, " +
                      std::to_string(step) + ">} : (" + x + ")");
    };
    const std::pair<std::string, std::string> cases[] = {
        move(x, bytes({1, 5, 7, 4 * lanes + 4}), "concat", "%a, %a {axis = 3 : i64} : (" + x + ", " + x + ")"),
        move(row, bytes({1, 1, 1, 6 * lanes + 8}), "concat", "%a, %a {axis = 3 : i64} : (" + row + ", " + row + ")"),
        slice(1, lanes + 3, 1),
        slice(0, 5, 1),                  // the rest of its rows of lanes is somebody else's
        slice(2, lanes, 2),              // every second
        slice(2 * lanes, lanes + 7, -1), // backwards
        slice(2 * lanes + 1, 1, 1),
        move(x, bytes({1, 5, 7, 2 * lanes + 5}), "pad",
             "%a {lo = array<i64: 0, 0, 0, 1>, hi = array<i64: 0, 0, 0, 2>, value = -7.0 : f32} : (" + x + ")"),
        move(x, bytes({1, 3, 7, 2 * lanes - 1}), "pad", // rows and channels at once
             "%a {lo = array<i64: 0, -2, 0, -2>, hi = array<i64: 0, 0, 0, -1>, value = 5.0 : f32} : (" + x + ")"),
        move(x, bytes({1, 7, 2 * lanes + 2, 5}), "transpose", "%a {perm = array<i64: 0, 2, 3, 1>} : (" + x + ")"),
        move(x, bytes({1, 2 * lanes + 2, 5, 7}), "transpose", "%a {perm = array<i64: 0, 3, 1, 2>} : (" + x + ")"),
        move(bytes({3, lanes + 1, 2 * lanes}), bytes({3, 2 * lanes, lanes + 1}), "transpose",
             "%a {perm = array<i64: 0, 2, 1>} : (" + bytes({3, lanes + 1, 2 * lanes}) + ")"),
    };
    for (const auto &[name, text] : cases) {
      Places places;
      expectSameAsReference(text, machine, false, places);
      EXPECT_TRUE(places.npu.contains(name)) << machine << text;
    }
  }
}

// A copy of whole rows keeps the zero points beside them, and a product may read those; a part of a row has others'
// channels there.
TEST(OperatorsTest, AMoveSaysWhatLiesBesideItsRows) {
  for (int64_t lanes : {8, 16}) {
    auto product = [&](int64_t channels, const std::string &from, const std::string &move) {
      const std::string x = "tensor<4x" + std::to_string(channels) + "xi8>", e = "tensor<f32>, tensor<i8>";
      return test::quantisedFunction("%x: " + x + ", %z: tensor<5x6xi8>", "tensor<8x6xi8>",
                                     "  %p = tw.qeltwise <add> %x(%s, %a), %x(%s, %a) out(%u, %c) : (" + x + ", " + e +
                                         ", " + x + ", " + e + ", " + e + ") -> " + x + "\n" + move +
                                         "\n  %m = tw.concat " + from +
                                         " {axis = 0 : i64} : (tensor<4x5xi8>, tensor<4x5xi8>) -> tensor<8x5xi8>\n"
                                         "  %y = tw.qmatmul %m(%u, %c), %z(%t, %b) out(%u, %c) : (tensor<8x5xi8>, " +
                                         e + ", tensor<5x6xi8>, " + e + ", " + e + ") -> tensor<8x6xi8>");
    };
    const std::string machine = "tw" + std::to_string(lanes);
    Places whole, part;
    expectSameAsReference(product(5, "%p, %p", ""), machine, false, whole);
    EXPECT_TRUE(whole.npu.contains("concat") && whole.npu.contains("qmatmul"));
    expectSameAsReference(product(7, "%q, %q",
                                  "  %q = tw.slice %p {starts = array<i64: 0, 0>, steps = array<i64: 1, 1>} : "
                                  "(tensor<4x7xi8>) -> tensor<4x5xi8>"),
                          machine, false, part);
    EXPECT_TRUE(part.npu.contains("slice") && part.host.contains("qmatmul"));
  }
}

// A channel shuffle of what was put together, of which two readers take a half each: nobody keeps the whole.
TEST(OperatorsTest, HalvesOfShuffledChannelsAreTakenFromTheirSources) {
  for (int64_t lanes : {8, 16}) {
    const int64_t half = lanes + 5;
    const std::string h = bytes({1, 5, 3, half}), x = bytes({1, 5, 3, 2 * half}), parts = bytes({1, 5, 3, 2, half}),
                      turned = bytes({1, 5, 3, half, 2}), steps = ", steps = array<i64: 1, 1, 1, 1>} : (" + x + ") -> ";
    const std::string text =
        "func.func @main(%x: " + h + ", %z: " + h + ") -> (" + h + ", " + h + ") {\n" + tableText() +
        "  %a = tw.qlut %x, %t : (" + h + ", tensor<256xi8>) -> " + h + "\n  %b = tw.qlut %z, %t : (" + h +
        ", tensor<256xi8>) -> " + h + "\n  %c = tw.concat %a, %b {axis = 3 : i64} : (" + h + ", " + h + ") -> " + x +
        "\n  %p = tw.reshape %c : (" + x + ") -> " + parts +
        "\n  %q = tw.transpose %p {perm = array<i64: 0, 1, 2, 4, 3>} : (" + parts + ") -> " + turned +
        "\n  %r = tw.reshape %q : (" + turned + ") -> " + x + "\n  %s = tw.slice %r {starts = array<i64: 0, 0, 0, 0>" +
        steps + h + "\n  %u = tw.slice %r {starts = array<i64: 0, 0, 0, " + std::to_string(half) + ">" + steps + h +
        "\n  %v = tw.qlut %s, %t : (" + h + ", tensor<256xi8>) -> " + h + "\n  %w = tw.qlut %u, %t : (" + h +
        ", tensor<256xi8>) -> " + h + "\n  return %v, %w : " + h + ", " + h + "\n}\n";
    Places places;
    expectSameAsReference(text, "tw" + std::to_string(lanes), false, places);
    EXPECT_EQ(places.npu, (std::set<std::string>{"concat", "qlut"})) << text;
    EXPECT_TRUE(places.host.empty()) << text;
  }
}
