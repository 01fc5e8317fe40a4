// SPDX-License-Identifier: Apache-2.0
#include "Survey.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Macs.h"
#include "tw/ir/OnnxImport.h"
#include "tw/ir/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

namespace tw::tools {
namespace {

// Why the operator stays on the host; empty when nothing speaks against the NPU.
std::string hostReason(mlir::Operation *op) {
  auto isFloat = [](mlir::Value value) { return ir::elementTypeOf(value.getType()) == ir::ElementType::F32; };
  return llvm::TypeSwitch<mlir::Operation *, std::string>(op)
      .Case<ir::QConvOp, ir::QGemmOp>([](auto layer) {
        const bool isConstant = ir::isConstant(layer.getWeight()) && ir::isConstant(layer.getWeightZero());
        return isConstant ? "" : "its weights are computed: the NPU takes constants";
      })
      .Case<ir::QEltwiseOp, ir::QPoolOp, ir::QLutOp>([](mlir::Operation *) { return ""; })
      .Case<ir::QMatmulOp>([](mlir::Operation *) { return "a product of two activations: the NPU takes constants"; })
      .Case<ir::QuantizeOp, ir::DequantizeOp>([](mlir::Operation *) { return "changes between float32 and int8"; })
      .Case<ir::ReshapeOp, ir::TransposeOp, ir::ConcatOp, ir::PadOp, ir::FlipSignOp>(
          [](mlir::Operation *) { return "only moves data"; })
      .Default([&](mlir::Operation *other) -> std::string {
        return isFloat(other->getResult(0)) ? "computes in float32: quantise the model to int8" : "has no integer form";
      });
}

bool isInteger(mlir::Operation *op) { return mlir::isa<ir::QConvOp, ir::QGemmOp, ir::QMatmulOp>(op); }

void addFused(mlir::ModuleOp module, Survey &survey) {
  for (mlir::Operation &op : module.lookupSymbol<mlir::func::FuncOp>("main").front().without_terminator()) {
    if (mlir::isa<ir::ConstantOp>(op))
      continue;
    auto names = ir::nodeNames(op.getLoc());
    SurveyRow row;
    row.node = names.empty() ? "" : names.front().str();
    row.operation = op.getName().stripDialect().str();
    row.reason = hostReason(&op);
    row.verdict = row.reason.empty() ? Verdict::Npu : Verdict::Host;
    row.macs = ir::macsOf(&op);
    survey.macs += row.macs;
    survey.macsOnNpu += row.verdict == Verdict::Npu ? row.macs : 0;
    survey.integerMacs += isInteger(&op) ? row.macs : 0;
    survey.rows.push_back(std::move(row));
  }
}

void addProblems(const std::string &path, const std::vector<ir::ImportProblem> &problems, Survey &survey) {
  for (const ir::ImportProblem &problem : problems)
    survey.problems.push_back(path + ": " + problem.place + ": " + problem.text);
}

} // namespace

llvm::Expected<Survey> surveyModel(const std::string &path, const std::map<std::string, int64_t> &dims) {
  auto bytes = readFile(path);
  if (!bytes)
    return bytes.takeError();
  std::vector<ir::ImportProblem> problems;
  auto nodes = ir::surveyOnnx(*bytes, problems);
  if (!nodes)
    return llvm::createStringError(llvm::StringRef(ir::problemText(path, problems)).rtrim());
  Survey survey;
  survey.opset = nodes->opset;
  ir::OnnxImportOptions options{dims};
  for (const std::string &name : nodes->freeDims)
    if (options.dims.try_emplace(name, 1).second)
      survey.takenAsOne.push_back(name);
  Model model = emptyModel();
  model.module = ir::importOnnx(*model.context, *bytes, path, options, problems);
  addProblems(path, problems, survey);
  if (model.module) {
    mlir::PassManager manager(model.context.get());
    ir::GraphPipelineOptions pipeline;
    pipeline.outline = false;
    ir::buildGraphPipeline(manager, pipeline);
    if (mlir::failed(manager.run(*model.module)))
      return llvm::createStringError(path + ": the graph could not be fused: see the errors above");
    addFused(*model.module, survey);
    return survey;
  }
  for (const ir::OnnxNode &node : nodes->nodes)
    survey.rows.push_back(
        {node.name, node.type, node.problem.empty() ? Verdict::Understood : Verdict::Unsupported, node.problem});
  return survey;
}

} // namespace tw::tools
