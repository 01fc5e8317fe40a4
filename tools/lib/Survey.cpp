// SPDX-License-Identifier: Apache-2.0
#include "Survey.h"

#include "tw/ir/OnnxImport.h"

namespace tw::tools {
namespace {

void addRows(const codegen::CompileReport &report, Survey &survey) {
  for (const codegen::PlacementRow &row : report.rows) {
    const bool isOnNpu = row.executor == codegen::ExecutorId::Npu;
    survey.rows.push_back({row.node, row.operation, isOnNpu ? Verdict::Npu : Verdict::Host, isOnNpu ? "" : row.how,
                           row.macs, row.boundNs, row.leastBytes});
  }
  survey.macs = report.macs;
  survey.macsOnNpu = report.macsOnNpu;
  survey.macsInt8 = report.macsInt8;
  survey.hostNs = report.hostNs;
}

} // namespace

llvm::Expected<Survey> surveyModel(const std::string &path, ir::OnnxImportOptions import,
                                   codegen::CompileOptions options) {
  auto bytes = readFile(path);
  if (!bytes)
    return bytes.takeError();
  std::vector<ir::ImportProblem> problems;
  auto nodes = ir::surveyOnnx(*bytes, import.constants, problems);
  if (!nodes)
    return errorOf(messagesOf(problems, path));
  Survey survey;
  survey.opset = nodes->opset;
  import.folder = folderOf(path);
  for (const std::string &name : nodes->freeDims)
    if (import.dims.try_emplace(name, 1).second)
      survey.takenAsOne.push_back(name);
  Model model = emptyModel();
  model.module = ir::importOnnx(*model.context, *bytes, path, import, problems);
  survey.problems = messagesOf(problems, path);
  if (model.module) {
    survey.notes = importNotes(*model.module);
    options.scheduleOnly = true;
    auto compiled = codegen::compile(*model.module, options);
    if (compiled) {
      addRows(compiled->report, survey);
      return survey;
    }
    survey.problems = messagesOf(compiled.takeError(), path);
  }
  for (const ir::OnnxNode &node : nodes->nodes)
    survey.rows.push_back(
        {node.name, node.type, node.problem.empty() ? Verdict::Understood : Verdict::Unsupported, node.problem});
  return survey;
}

} // namespace tw::tools
