// SPDX-License-Identifier: Apache-2.0
#include "Case.h"

#include "onnx/TensorReader.h"

#include <gtest/gtest.h>
#include <onnx/onnx-data_pb.h>
#include <zip.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <set>

namespace fs = std::filesystem;

namespace tw::backend {
namespace {

std::string readFile(const fs::path &path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

using Infos = google::protobuf::RepeatedPtrField<::onnx::ValueInfoProto>;

// Types whose values are no tensors of numbers.
std::string otherType(const ::onnx::GraphProto &graph) {
  for (const Infos *infos : {&graph.input(), &graph.output()})
    for (const ::onnx::ValueInfoProto &info : *infos) {
      if (info.type().has_sequence_type())
        return "sequence";
      if (info.type().has_optional_type())
        return "optional";
      if (info.type().tensor_type().elem_type() == ::onnx::TensorProto::STRING)
        return "string";
    }
  return "";
}

// Dropout is, if it is told by an input that this is training.
bool isRandom(const ::onnx::NodeProto &node) {
  static const std::set<std::string> kRandom{"Bernoulli",        "Multinomial",   "RandomNormal",
                                             "RandomNormalLike", "RandomUniform", "RandomUniformLike"};
  return kRandom.contains(node.op_type()) || (node.op_type() == "Dropout" && node.input_size() > 2);
}

std::string exemptionOf(const ::onnx::ModelProto &model) {
  for (const ::onnx::NodeProto &node : model.graph().node()) {
    if (node.domain() == "ai.onnx.preview.training")
      return "training";
    if (isRandom(node))
      return "random";
    if (node.op_type().starts_with("Sequence") || node.op_type().ends_with("Sequence"))
      return "sequence";
    if (node.op_type().starts_with("Optional"))
      return "optional";
  }
  return "";
}

// Its recorded answer is not what ONNX's text says: it counts places in a smaller image than the one that was pooled
// (docs/rationale/ir.md). MaxUnpool with an output_shape is among the cases of new versions.
bool isWrong(const std::string &name) { return name == "node/test_maxunpool_export_with_output_shape"; }

// Names of the inputs that are given: initializers have their values in the model.
std::vector<std::string> inputNames(const ::onnx::GraphProto &graph) {
  std::set<std::string> initializers;
  for (const ::onnx::TensorProto &initializer : graph.initializer())
    initializers.insert(initializer.name());
  std::vector<std::string> names;
  for (const ::onnx::ValueInfoProto &info : graph.input())
    if (!initializers.contains(info.name()))
      names.push_back(info.name());
  return names;
}

std::vector<std::string> outputNames(const ::onnx::GraphProto &graph) {
  std::vector<std::string> names;
  for (const ::onnx::ValueInfoProto &info : graph.output())
    names.push_back(info.name());
  return names;
}

void add(Case &result, std::vector<ir::NamedTensor> &to, const std::string &name, const ::onnx::TensorProto &proto) {
  ir::onnx::ExternalData none("");
  auto tensor = ir::onnx::readTensor(proto, none);
  if (tensor)
    to.push_back({name, std::move(*tensor)});
  else
    result.unreadable = "refused: tensor " + llvm::toString(tensor.takeError());
}

Case newCase(const std::string &name, const std::string &model) {
  Case result;
  result.name = name;
  EXPECT_TRUE(result.model.ParseFromString(model)) << name;
  result.exemption = exemptionOf(result.model);
  result.unreadable = isWrong(name) ? "contradicts ONNX's text" : otherType(result.model.graph());
  if (result.exemption.empty())
    result.exemption = result.unreadable;
  return result;
}

using Entries = std::map<std::string, std::string>; // bytes by name

Entries readEntries(const fs::path &path) {
  Entries entries;
  std::unique_ptr<zip_t, void (*)(zip_t *)> archive(zip_open(path.c_str(), ZIP_RDONLY, nullptr), zip_discard);
  EXPECT_TRUE(archive) << path;
  for (zip_int64_t i = 0, count = archive ? zip_get_num_entries(archive.get(), 0) : 0; i < count; ++i) {
    zip_stat_t info;
    std::unique_ptr<zip_file_t, int (*)(zip_file_t *)> file(zip_fopen_index(archive.get(), i, 0), zip_fclose);
    if (!file || zip_stat_index(archive.get(), i, 0, &info) != 0) {
      ADD_FAILURE() << path << ": " << zip_strerror(archive.get());
      break;
    }
    std::string &bytes = entries[info.name];
    bytes.resize(info.size);
    EXPECT_EQ(zip_fread(file.get(), bytes.data(), info.size), static_cast<zip_int64_t>(info.size)) << info.name;
  }
  return entries;
}

} // namespace

Cases casesOfSuite(const fs::path &root) {
  Cases cases;
  for (const fs::directory_entry &entry : fs::recursive_directory_iterator(root))
    if (entry.path().filename() == "model.onnx")
      cases.push_back(entry.path().parent_path());
  std::ranges::sort(cases);
  return cases;
}

Case readCase(const fs::path &folder) {
  const fs::path group = folder.parent_path().filename();
  Case result = newCase((group / folder.filename()).string(), readFile(folder / "model.onnx"));
  auto read = [&](const std::string &kind, const std::vector<std::string> &names, std::vector<ir::NamedTensor> &to) {
    for (size_t i = 0; i != names.size() && result.unreadable.empty(); ++i) {
      ::onnx::TensorProto proto;
      const fs::path file = folder / "test_data_set_0" / (kind + "_" + std::to_string(i) + ".pb");
      EXPECT_TRUE(proto.ParseFromString(readFile(file))) << file;
      add(result, to, names[i], proto);
    }
  };
  read("input", inputNames(result.model.graph()), result.inputs);
  read("output", outputNames(result.model.graph()), result.outputs);
  return result;
}

std::vector<Case> readArchive(const fs::path &path) {
  const Entries entries = readEntries(path);
  std::vector<Case> cases;
  for (const auto &[name, bytes] : entries) {
    const fs::path place = name;
    if (place.filename() != "model.onnx")
      continue;
    Case result = newCase(place.parent_path().string(), bytes);
    ::onnx::SequenceProto sequence;
    EXPECT_TRUE(sequence.ParseFromString(entries.at((place.parent_path() / "tensors.pb").string()))) << name;
    std::map<std::string, const ::onnx::TensorProto *> tensors;
    for (const ::onnx::TensorProto &tensor : sequence.tensor_values())
      tensors[tensor.name()] = &tensor;
    for (const std::string &input : inputNames(result.model.graph()))
      add(result, result.inputs, input, *tensors.at(input));
    for (const std::string &output : outputNames(result.model.graph()))
      add(result, result.outputs, output, *tensors.at(output));
    cases.push_back(std::move(result));
  }
  return cases;
}

} // namespace tw::backend
