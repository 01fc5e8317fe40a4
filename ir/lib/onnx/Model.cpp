// SPDX-License-Identifier: Apache-2.0
#include "Model.h"

#include "ForeignFile.h"
#include "OpTable.h"

namespace tw::ir::onnx {

int64_t opsetOf(const Opsets &opsets, const std::string &domain) {
  auto found = opsets.find(isDefaultDomain(domain) ? "" : domain);
  return found == opsets.end() ? 1 : found->second; // exporters forget to name the domains that have one version
}

void addOpsets(Opsets &opsets, const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto> &imports) {
  for (const auto &import : imports)
    opsets[isDefaultDomain(import.domain()) ? "" : import.domain()] = import.version();
}

std::optional<Opsets> readVersions(const ::onnx::ModelProto &model, std::vector<Diag> &problems) {
  Opsets opsets;
  addOpsets(opsets, model.opset_import());
  std::string problem;
  if (auto found = opsets.find(""); found == opsets.end())
    problem = "names no opset version of the default domain";
  else if (found->second < kOldestOpset || found->second > kNewestOpset)
    problem = "uses opset " + std::to_string(found->second) + ", opsets " + std::to_string(kOldestOpset) + " to " +
              std::to_string(kNewestOpset) + " are supported; export it again with an opset in that range";
  else if (model.ir_version() < kOldestIrVersion || model.ir_version() > kNewestIrVersion)
    problem = "has IR version " + std::to_string(model.ir_version()) + ", IR versions " +
              std::to_string(kOldestIrVersion) + " to " + std::to_string(kNewestIrVersion) +
              " are supported; save it again with one of them";
  if (problem.empty())
    return opsets;
  problems.push_back({"model", problem});
  return std::nullopt;
}

std::string nodeName(const ::onnx::NodeProto &node) {
  if (!node.name().empty())
    return node.name();
  return node.output_size() > 0 ? node.output(0) : node.op_type();
}

std::optional<int64_t> extentOf(const ::onnx::TensorShapeProto::Dimension &dim) {
  if (dim.has_dim_value() && dim.dim_value() != -1)
    return dim.dim_value();
  return std::nullopt;
}

std::string freeDimName(const ::onnx::ValueInfoProto &info, int index) {
  const auto &dim = info.type().tensor_type().shape().dim(index);
  // Names that exporters write for "not known": two dimensions that have one need not be equal.
  static constexpr llvm::StringLiteral kNameless[] = {"", "?", "-1", "None"};
  return llvm::is_contained(kNameless, dim.dim_param()) ? info.name() + "_dim" + std::to_string(index)
                                                        : dim.dim_param();
}

void withModel(std::string_view bytes, std::vector<Diag> &problems,
               llvm::function_ref<void(const ::onnx::ModelProto &)> use) {
  if (bytes.empty()) {
    problems.push_back({"file", "is empty"});
    return;
  }
  try {
    ::onnx::ModelProto model;
    const bool fits = bytes.size() <= INT32_MAX;
    const bool isProtobuf = fits && model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    if (isProtobuf && model.has_graph()) {
      use(model);
      return;
    }
    std::string text = foreignFile(bytes);
    if (text.empty() && !fits)
      text = "has " + std::to_string(bytes.size()) + " bytes, an ONNX file has " + std::to_string(INT32_MAX) +
             " at most; save its weights as external data";
    else if (text.empty())
      text = isProtobuf ? "holds no graph: not an ONNX model"
                        : "is not an ONNX model, or is truncated or corrupt (" + std::to_string(bytes.size()) +
                              " bytes do not parse as protobuf)";
    problems.push_back({"file", text});
  } catch (const std::exception &error) {
    problems.push_back({"file", std::string("cannot be read: ") + error.what()});
  }
}

} // namespace tw::ir::onnx
