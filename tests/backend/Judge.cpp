// SPDX-License-Identifier: Apache-2.0
#include "Judge.h"

#include "Session.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Definition.h"
#include "tw/ir/Passes.h"
#include "tw/ir/ToLinalg.h"
#include "tw/support/GrowingList.h"

#include "mlir/Pass/PassManager.h"

#include <cmath>
#include <sstream>

using namespace mlir;

namespace tw::backend {
namespace {

// The tolerance of the backend suite itself (onnx.backend.test.case.base), and one step of bfloat16, which is coarser:
// who adds in another order may round to its neighbour.
constexpr double kRelative = 1e-3, kAbsolute = 1e-7, kBFloat16Step = 0x1p-7;

bool isClose(double actual, double expected, ir::ElementType type) {
  if ((std::isnan(actual) && std::isnan(expected)) || actual == expected)
    return true;
  const double relative = type == ir::ElementType::BF16 ? kBFloat16Step : kRelative;
  return std::abs(actual - expected) <= kAbsolute + relative * std::abs(expected);
}

/// The suite of ONNX 1.12 keeps bfloat16 as numbers of 16 bits, for want of such a type in numpy.
ir::Tensor asModelHas(ir::Tensor recorded, ir::ElementType type) {
  if (type == ir::ElementType::BF16 && recorded.type == ir::ElementType::U16)
    recorded.type = type;
  return recorded;
}

/// The first difference in words; empty without one.
std::string difference(const ir::Tensor &actual, const ir::Tensor &recorded) {
  const ir::Tensor expected = asModelHas(recorded, actual.type);
  if (actual.type != expected.type || actual.shape != expected.shape)
    return std::string(elementTypeName(actual.type)) + ir::shapeText(actual.shape) + ", recorded is " +
           std::string(elementTypeName(expected.type)) + ir::shapeText(expected.shape);
  for (int64_t i = 0; i != expected.size(); ++i) {
    const bool isEqual = isReal(expected.type) ? isClose(actual.numberAt(i), expected.numberAt(i), expected.type)
                                               : actual.integerAt(i) == expected.integerAt(i);
    if (!isEqual) {
      std::ostringstream text;
      text << "element " << i << " is " << actual.numberAt(i) << ", recorded is " << expected.numberAt(i);
      return text.str();
    }
  }
  return "";
}

std::string difference(const std::vector<ir::NamedTensor> &actual, const std::vector<ir::NamedTensor> &expected) {
  if (actual.size() != expected.size())
    return std::to_string(actual.size()) + " outputs, recorded are " + std::to_string(expected.size());
  for (size_t i = 0; i != expected.size(); ++i)
    if (std::string text = difference(actual[i].tensor, expected[i].tensor); !text.empty())
      return "output '" + expected[i].name + "': " + text;
  return "";
}

class Stages {
public:
  Stages(const Case &tested, ModuleOp module) : tested(tested), module(module) {}

  Verdict run() {
    if (!reference())
      return verdict;
    if (!definition() || !passes() || !hostCode())
      return verdict;
    verdict.row = kPasses;
    return verdict;
  }

private:
  bool cannot(const std::string &stage, llvm::Error error) {
    verdict.row = stage + ": " + test::firstWords(llvm::toString(std::move(error)));
    return false;
  }
  bool isRight(const std::string &stage, const std::string &difference) {
    if (difference.empty())
      return true;
    verdict.row = "wrong: " + stage;
    verdict.wrong = stage + ": " + difference;
    return false;
  }

  /// What the case gives for the arguments that @main has: some became constants.
  std::vector<ir::NamedTensor> arguments(func::FuncOp main) const {
    std::vector<ir::NamedTensor> result;
    for (unsigned i = 0; i != main.getNumArguments(); ++i)
      for (const ir::NamedTensor &input : tested.inputs)
        if (input.name == ir::argumentName(main, i))
          result.push_back({input.name, asModelHas(input.tensor, ir::elementTypeOf(main.getArgument(i).getType()))});
    return result;
  }

  bool interpret(const std::string &stage, ModuleOp graph) {
    auto results = ir::Interpreter(graph).runMain(inputs);
    return results ? isRight(stage, difference(*results, tested.outputs)) : cannot(stage, results.takeError());
  }

  bool reference() {
    inputs = arguments(module.lookupSymbol<func::FuncOp>("main"));
    return interpret("reference", module);
  }

  bool definition() {
    OwningOpRef<ModuleOp> exposed = module.clone();
    ir::exposeQuantizers(*exposed);
    auto results = ir::Interpreter(*exposed).runMain(inputs);
    if (!results)
      return cannot("definition", results.takeError());
    auto rows = compareWithDefinition(module, inputs, *results);
    if (!rows)
      return cannot("definition", rows.takeError());
    for (const ir::DefinitionRow &row : *rows)
      if (!row.isGood()) {
        std::ostringstream text;
        text << row.name << ": element " << row.worst << " is " << row.reference << ", by definition "
             << row.definition;
        return isRight("definition", text.str());
      }
    return true;
  }

  bool passes() {
    OwningOpRef<ModuleOp> graph = module.clone();
    PassManager manager(graph->getContext());
    ir::buildGraphPipeline(manager, {});
    if (failed(manager.run(*graph)))
      return isRight("passes", "one of them failed");
    if (!interpret("passes", *graph))
      return false;
    if (failed(ir::lowerBlocksToLinalg(*graph)))
      return isRight("loops", "a block has none");
    return interpret("loops", *graph);
  }

  bool hostCode() {
    auto config = tools::loadMachine("tw16");
    if (!config)
      return cannot("host code", config.takeError());
    codegen::CompileOptions options;
    options.config = *config;
    options.executors = {codegen::ExecutorId::Host};
    OwningOpRef<ModuleOp> graph = module.clone();
    auto compiled = codegen::compile(*graph, options);
    if (!compiled)
      return cannot("host code", compiled.takeError());
    auto bytes = tools::packageBytes(compiled->package);
    if (!bytes)
      return cannot("host code", bytes.takeError());
    auto session = tools::Session::open(*bytes, compiled->package, {});
    if (!session)
      return cannot("host code", session.takeError());
    auto result = (*session)->run(inputs);
    return result ? isRight("host code", difference(result->outputs, tested.outputs))
                  : cannot("host code", result.takeError());
  }

  const Case &tested;
  ModuleOp module;
  std::vector<ir::NamedTensor> inputs;
  Verdict verdict;
};

} // namespace

namespace {

// Whether a message says that an input's value would help, and it is given now for the first time.
bool bindAsTold(const std::vector<Diag> &problems, const Case &tested, ir::OnnxImportOptions &options) {
  bool isBound = false;
  for (const Diag &problem : problems)
    for (const ir::NamedTensor &input : tested.inputs)
      if (problem.text.find("--const " + input.name + "=") != std::string::npos)
        isBound |= options.constants.try_emplace(input.name, ir::OnnxConstant{{}, input.tensor}).second;
  return isBound;
}

} // namespace

Verdict judge(const Case &tested) {
  const std::string &exemption = tested.exemption;
  if (!tested.unreadable.empty())
    return {exemption.empty() ? test::firstWords(tested.unreadable) : exemption, ""};
  tools::Model model = tools::emptyModel();
  ir::OnnxImportOptions options;
  std::vector<Diag> problems;
  // What must be known for the shapes to be known is known, as a user would give it who reads the message.
  do {
    problems.clear();
    model.module = ir::importOnnx(*model.context, tested.model.SerializeAsString(), tested.name, options, problems);
  } while (!model.module && bindAsTold(problems, tested, options));
  if (!model.module)
    return {exemption.empty() ? "refused: " + test::firstWords(problems.front().text) : exemption, ""};
  return Stages(tested, *model.module).run();
}

} // namespace tw::backend
