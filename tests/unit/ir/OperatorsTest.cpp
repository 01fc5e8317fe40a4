// SPDX-License-Identifier: Apache-2.0
// Every operator in three writings: the interpreter's, its loops, and its definition.
#include "Material.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Definition.h"
#include "tw/ir/ToLinalg.h"
#include "tw/support/OperatorCases.h"

#include "mlir/Parser/Parser.h"

#include <random>

using namespace mlir;

namespace tw::ir::test {
namespace {

std::vector<NamedTensor> randomInputs(func::FuncOp main) {
  std::mt19937 random(3);
  std::vector<NamedTensor> inputs;
  for (BlockArgument argument : main.getArguments()) {
    Tensor tensor(elementTypeOf(argument.getType()), shapeOf(argument));
    for (int64_t i = 0; i < tensor.size(); ++i)
      if (isReal(tensor.type))
        tensor.setNumber(i, (static_cast<int32_t>(random() % 6001) - 3000) / 1000.0);
      else
        tensor.setInteger(i, static_cast<int64_t>(random()));
    inputs.push_back({argumentName(main, argument.getArgNumber()), tensor});
  }
  return inputs;
}

void expectLoopsAgree(MLIRContext &context, const std::string &text) {
  SCOPED_TRACE(text);
  auto module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module);
  auto inputs = randomInputs(module->lookupSymbol<func::FuncOp>("main"));
  auto wanted = Interpreter(*module).runMain(inputs);
  ASSERT_TRUE(static_cast<bool>(wanted)) << llvm::toString(wanted.takeError());
  ASSERT_TRUE(runGraphPipeline(*module));
  ASSERT_TRUE(succeeded(lowerBlocksToLinalg(*module)));
  module->walk([](Operation *op) {
    EXPECT_TRUE(!isa<GraphDialect>(op->getDialect()) || op->getNumOperands() == 0 ||
                !op->hasTrait<OpTrait::OneResult>() || !isa<RankedTensorType>(op->getResult(0).getType()))
        << op->getName().getStringRef().str() << " has no loops";
  });
  auto loops = Interpreter(*module).runMain(inputs);
  ASSERT_TRUE(static_cast<bool>(loops)) << llvm::toString(loops.takeError());
  ASSERT_EQ(loops->size(), wanted->size());
  for (size_t r = 0; r < wanted->size(); ++r) {
    if ((*loops)[r].tensor.bytes == (*wanted)[r].tensor.bytes)
      continue;
    ADD_FAILURE() << "result " << r << " differs";
    for (int64_t i = 0; i < (*wanted)[r].tensor.size(); ++i)
      EXPECT_EQ((*loops)[r].tensor.numberAt(i), (*wanted)[r].tensor.numberAt(i)) << "result " << r << " element " << i;
  }
}

void expectDefinitionAgrees(MLIRContext &context, const std::string &text) {
  SCOPED_TRACE(text);
  auto module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module);
  auto main = module->lookupSymbol<func::FuncOp>("main");
  // It holds integers up to 2^53: types that have more are compared by their loops only.
  if (llvm::any_of(main.getArgumentTypes(),
                   [](Type type) { return !isReal(elementTypeOf(type)) && byteWidth(elementTypeOf(type)) == 8; }))
    return;
  auto inputs = randomInputs(main);
  auto results = Interpreter(*module).runMain(inputs);
  ASSERT_TRUE(static_cast<bool>(results)) << llvm::toString(results.takeError());
  auto rows = compareWithDefinition(*module, inputs, *results);
  ASSERT_TRUE(static_cast<bool>(rows)) << llvm::toString(rows.takeError());
  for (auto [r, row] : llvm::enumerate(*rows))
    EXPECT_TRUE(row.isGood()) << "result " << r << " element " << row.worst << " is " << row.definition
                              << " by definition, the interpreter gives " << row.reference;
}

} // namespace

TEST(OperatorsTest, LoopsComputeWhatTheInterpreterDoes) {
  auto context = makeContext();
  for (const auto &cases : {tw::test::elementwiseCases(), tw::test::functionCases(), tw::test::choiceCases()})
    for (const std::string &text : cases)
      expectLoopsAgree(*context, text);
}

TEST(OperatorsTest, TheInterpreterComputesWhatTheDefinitionSays) {
  auto context = makeContext();
  for (const auto &cases :
       {tw::test::elementwiseCases(), tw::test::functionCases(), tw::test::choiceCases(), tw::test::sumCases()})
    for (const std::string &text : cases)
      expectDefinitionAgrees(*context, text);
}

} // namespace tw::ir::test
