// SPDX-License-Identifier: Apache-2.0
#include "ModelFunctions.h"
#include "TensorReader.h"

#include "llvm/ADT/STLExtras.h"

#include <set>

namespace tw::ir {
namespace {

void addFiles(const ::onnx::TensorProto &tensor, std::set<std::string> &files) {
  for (const auto &entry : tensor.external_data())
    if (entry.key() == "location")
      files.insert(entry.value());
}

void addFiles(const onnx::Nodes &nodes, std::set<std::string> &files);

void addFiles(const ::onnx::GraphProto &graph, std::set<std::string> &files) {
  for (const auto &initializer : graph.initializer())
    addFiles(initializer, files);
  addFiles(graph.node(), files);
}

void addFiles(const onnx::Nodes &nodes, std::set<std::string> &files) {
  for (const auto &node : nodes)
    for (const auto &attribute : node.attribute()) {
      addFiles(attribute.t(), files);
      addFiles(attribute.g(), files);
    }
}

void forEachFreeDim(const ::onnx::GraphProto &graph,
                    llvm::function_ref<void(const ::onnx::ValueInfoProto &, const std::string &)> visit) {
  for (const auto &info : graph.input())
    for (int d = 0; d < info.type().tensor_type().shape().dim_size(); ++d)
      if (!onnx::extentOf(info.type().tensor_type().shape().dim(d)))
        visit(info, onnx::freeDimName(info, d));
}

std::vector<std::string> dimsOf(const ::onnx::ValueInfoProto &info) {
  std::vector<std::string> dims;
  for (int d = 0; d < info.type().tensor_type().shape().dim_size(); ++d)
    dims.push_back(onnx::extentOf(info.type().tensor_type().shape().dim(d)) ? "" : onnx::freeDimName(info, d));
  return dims;
}

} // namespace

std::optional<OnnxSurvey> surveyOnnx(std::string_view bytes, const std::map<std::string, OnnxConstant> &given,
                                     std::vector<Diag> &problems) {
  std::optional<OnnxSurvey> result;
  onnx::withModel(bytes, problems, [&](const ::onnx::ModelProto &model) {
    auto opsets = onnx::readVersions(model, problems);
    if (!opsets)
      return;
    OnnxSurvey &survey = result.emplace();
    survey.opset = onnx::opsetOf(*opsets, "");
    const ::onnx::GraphProto &graph = model.graph();
    onnx::walkNodes(graph.node(), onnx::outputNames(graph), *opsets, onnx::Functions(model, *opsets), "",
                    [&](const onnx::VisitedNode &visited) {
                      survey.nodes.push_back({visited.name, visited.node.op_type(), visited.problem});
                    });
    llvm::StringSet<> constants, bound; // bound: dimensions that a given value has
    for (const auto &initializer : graph.initializer())
      constants.insert(initializer.name());
    forEachFreeDim(graph, [&](const ::onnx::ValueInfoProto &info, const std::string &name) {
      if (given.count(info.name()))
        bound.insert(name);
    });
    forEachFreeDim(graph, [&](const ::onnx::ValueInfoProto &info, const std::string &name) {
      if (!constants.contains(info.name()) && !bound.contains(name) && !llvm::is_contained(survey.freeDims, name))
        survey.freeDims.push_back(name);
    });
    for (const auto &info : graph.input())
      if (!constants.contains(info.name()) && !given.count(info.name()))
        survey.inputs.push_back({info.name(), dimsOf(info)});
    std::set<std::string> files;
    addFiles(graph, files);
    for (const auto &function : model.functions())
      addFiles(function.node(), files);
    survey.externalFiles.assign(files.begin(), files.end());
  });
  return result;
}

} // namespace tw::ir
