// SPDX-License-Identifier: Apache-2.0
#include "Survey.h"

#include "tw/ir/OnnxImport.h"

namespace tw::tools {
namespace {

void addRows(const codegen::CompileReport &report, Survey &survey) {
  for (const codegen::PlacementRow &row : report.rows) {
    const bool isOnNpu = row.executor == codegen::ExecutorId::Npu;
    const Verdict verdict = isOnNpu                                    ? Verdict::Npu
                            : row.executor == codegen::ExecutorId::Gpu ? Verdict::Gpu
                                                                       : Verdict::Host;
    survey.rows.push_back(
        {row.node, row.operation, verdict, isOnNpu ? "" : row.how, row.macs, row.boundNs, row.leastBytes});
  }
  survey.macs = report.macs;
  survey.macsOnNpu = report.macsOnNpu;
  survey.macsInt8 = report.macsInt8;
  survey.hostNs = report.hostNs;
}

// A graph with the free dimensions as they are taken, or what is wrong with it.
struct Trial {
  Model model = emptyModel();
  std::vector<Diag> problems;
};

class Trials {
public:
  Trials(const std::string &path, std::string_view bytes, ir::OnnxImportOptions import)
      : path(path), bytes(bytes), import(std::move(import)) {}

  Trial with(const std::vector<FreeDim> &dims) const {
    ir::OnnxImportOptions options = import;
    for (const FreeDim &dim : dims)
      options.dims[dim.name] = dim.extent;
    Trial trial;
    trial.model.module = ir::importOnnx(*trial.model.context, bytes, path, options, trial.problems);
    return trial;
  }

private:
  const std::string &path;
  std::string_view bytes;
  ir::OnnxImportOptions import;
};

// Extents other than 1 that do: first all of them, then 1 again wherever that does, too. None: `dims` stay.
std::optional<Trial> withOtherExtents(const Trials &trials, std::vector<FreeDim> &dims) {
  for (int64_t extent : kTriedExtents) {
    std::vector<FreeDim> tried = dims;
    for (FreeDim &dim : tried)
      dim.extent = extent;
    Trial trial = trials.with(tried);
    if (!trial.model.module)
      continue;
    for (FreeDim &dim : tried) {
      dim.extent = 1;
      if (Trial smaller = trials.with(tried); smaller.model.module)
        trial = std::move(smaller);
      else
        dim.extent = extent;
    }
    dims = std::move(tried);
    return trial;
  }
  return std::nullopt;
}

} // namespace

llvm::Expected<Survey> surveyModel(const std::string &path, ir::OnnxImportOptions import,
                                   codegen::CompileOptions options) {
  auto bytes = readFile(path);
  if (!bytes)
    return bytes.takeError();
  std::vector<Diag> problems;
  auto nodes = ir::surveyOnnx(*bytes, import.constants, problems);
  if (!nodes)
    return inside(path, errorsOf(std::move(problems)));
  Survey survey;
  survey.opset = nodes->opset;
  import.folder = folderOf(path);
  for (const std::string &name : nodes->freeDims)
    if (!import.dims.count(name))
      survey.freeDims.push_back({name});
  const Trials trials(path, *bytes, std::move(import));
  Trial trial = trials.with(survey.freeDims);
  survey.problems = diagsOf(inside(path, errorsOf(std::move(trial.problems))));
  const bool isUnderstood = llvm::all_of(nodes->nodes, [](const ir::OnnxNode &node) { return node.problem.empty(); });
  if (!trial.model.module && !survey.freeDims.empty() && isUnderstood) {
    survey.hasTried = true;
    if (auto other = withOtherExtents(trials, survey.freeDims)) {
      trial = std::move(*other);
      survey.oneRefused = survey.problems.front().str();
      survey.problems.clear();
    }
  }
  if (trial.model.module) {
    survey.notes = importNotes(*trial.model.module);
    options.scheduleOnly = true;
    auto compiled = codegen::compile(*trial.model.module, options);
    if (compiled) {
      addRows(compiled->report, survey);
      return survey;
    }
    survey.problems = diagsOf(inside(path, compiled.takeError()));
  }
  for (const ir::OnnxNode &node : nodes->nodes)
    survey.rows.push_back(
        {node.name, node.type, node.problem.empty() ? Verdict::Understood : Verdict::Unsupported, node.problem});
  return survey;
}

} // namespace tw::tools
