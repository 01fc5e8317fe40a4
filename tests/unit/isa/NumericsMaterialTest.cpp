// SPDX-License-Identifier: Apache-2.0
// The machine's arithmetic against recorded results of other implementations (ONNX Runtime without graph optimisation,
// TensorFlow Lite Micro), one operator at a time and always on the recorded inputs, so that differences do not add up.
#include "QdqModel.h"

#include "tw/support/Paths.h"
#include "tw/tools/Npy.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <optional>

using namespace tw::test;
namespace fs = std::filesystem;

namespace {

/// How far results are from the recorded ones.
struct Tally {
  int64_t cases = 0, values = 0, exact = 0, oneOff = 0, more = 0;

  void add(const std::vector<int8_t> &ours, const std::vector<int8_t> &theirs) {
    ++cases;
    for (size_t i = 0; i < ours.size(); ++i) {
      const int distance = std::abs(int{ours[i]} - int{theirs[i]});
      ++values;
      exact += distance == 0;
      oneOff += distance == 1;
      more += distance > 1;
    }
  }
};

using Tallies = std::map<std::string, Tally>;

void print(const char *title, const Tallies &tallies) {
  std::printf("%-44s %6s %9s %9s %7s %5s\n", title, "cases", "values", "exact", "1 LSB", "more");
  for (const auto &[name, t] : tallies)
    std::printf("  %-42s %6lld %9lld %9lld %7lld %5lld\n", name.c_str(), static_cast<long long>(t.cases),
                static_cast<long long>(t.values), static_cast<long long>(t.exact), static_cast<long long>(t.oneOff),
                static_cast<long long>(t.more));
}

void print(const char *title, const Alternatives &a) {
  const auto share = [](int64_t part, int64_t whole) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  };
  std::printf("%s: %lld multipliers, %lld requantised values; against fl32(fl32(sx*sw)/sy):\n", title,
              static_cast<long long>(a.multipliers), static_cast<long long>(a.outputs));
  std::printf("  fl32(sx*fl32(sw/sy)) is another multiplier for %.1f %%, changes %lld values (%.4f %%)\n",
              share(a.otherOrderMultipliers, a.multipliers), static_cast<long long>(a.otherOrder),
              share(a.otherOrder, a.outputs));
  std::printf("  a true division changes %lld values (%.4f %%)\n", static_cast<long long>(a.division),
              share(a.division, a.outputs));
  std::printf("  the exact quotient changes %lld values (%.4f %%)\n", static_cast<long long>(a.exact),
              share(a.exact, a.outputs));
  std::printf("  TensorFlow Lite's rounding changes %lld values (%.4f %%)\n", static_cast<long long>(a.tflite),
              share(a.tflite, a.outputs));
}

std::vector<fs::path> caseFolders(const fs::path &root) {
  std::vector<fs::path> folders;
  for (const fs::directory_entry &entry : fs::directory_iterator(root))
    if (entry.is_directory() && fs::exists(entry.path() / "model.onnx"))
      folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

TEST(NumericsMaterialTest, SingleOperatorsAreWithinOneLsbOfOnnxRuntime) {
  const auto root = material("qdq_ops");
  if (!root)
    GTEST_SKIP() << materialHint("qdq_ops");
  Tallies tallies;
  Alternatives alternatives;
  std::vector<std::string> onHost;
  for (const fs::path &folder : caseFolders(*root)) {
    SCOPED_TRACE(folder.filename().string());
    const auto model = QdqModel::load(folder / "model.onnx");
    ASSERT_TRUE(model) << model.diag().str();
    ASSERT_EQ(model->layers().size(), 1u);
    const QLayer &layer = model->layers()[0];
    if (const std::string reason = model->unsupported(layer); !reason.empty()) {
      onHost.push_back(folder.filename().string() + ": " + reason);
      continue;
    }
    std::vector<QTensor> inputs;
    for (size_t i = 0; i < model->inputNames().size(); ++i) {
      auto input = loadTensor(folder / "test_data_set_0" / ("input_" + std::to_string(i) + ".pb"));
      ASSERT_TRUE(input) << input.diag().str();
      inputs.push_back(*std::move(input));
    }
    const auto expected = loadTensor(folder / "test_data_set_0" / "output_0.pb");
    ASSERT_TRUE(expected) << expected.diag().str();
    const auto result = model->evaluate(layer, inputs, Requantisation::Fp32, &alternatives);
    ASSERT_TRUE(result) << result.diag().str();
    ASSERT_EQ(result->shape, expected->shape);
    ASSERT_EQ(result->data.size(), expected->data.size());
    Tally own;
    own.add(result->data, expected->data);
    EXPECT_EQ(own.more, 0) << "values more than 1 LSB away, of " << own.values;
    tallies[layer.op->op_type()].add(result->data, expected->data);
  }
  print("qdq_ops", tallies);
  print("qdq_ops", alternatives);
  EXPECT_FALSE(tallies.empty());
  for (const std::string &reason : onHost)
    std::printf("  not evaluated: %s\n", reason.c_str());
  EXPECT_LE(onHost.size(), 3u);
}

//===- Recorded layers of whole networks ---===//

constexpr const char *kNetworks[][2] = {
    {"models/mlperf_tiny_ad_autoencoder/ad01_int8.onnx", "models/mlperf_tiny_ad_autoencoder/ad01_int8_layers.npz"},
    {"models/mlperf_tiny_ic_resnet8/pretrainedResnet_quant.onnx",
     "models/mlperf_tiny_ic_resnet8/pretrainedResnet_quant_layers.npz"},
    {"models/mlperf_tiny_kws_dscnn/kws_ref_model.onnx", "models/mlperf_tiny_kws_dscnn/kws_ref_model_layers.npz"},
    {"models/tflm_person_detect/person_detect.onnx", "models/tflm_person_detect/person_detect_layers.npz"},
};

using Arrays = std::map<std::string, tw::tools::NpyArray>;

/// Recorded arrays are [N, H, W, C]; the models are [N, C, H, W].
QTensor channelsFirst(const tw::tools::NpyArray &array) {
  const auto *data = reinterpret_cast<const int8_t *>(array.bytes.data());
  QTensor result{array.shape, {data, data + array.bytes.size()}};
  if (array.shape.size() != 4)
    return result;
  const int64_t h = array.shape[1], w = array.shape[2], c = array.shape[3];
  result.shape = {array.shape[0], c, h, w};
  for (int64_t i = 0; i < static_cast<int64_t>(result.data.size()); ++i) {
    const int64_t plane = i / (h * w) * (h * w), channel = i / (h * w) % c, image = plane / (c * h * w);
    result.data[static_cast<size_t>(i)] = data[(image * h * w + i % (h * w)) * c + channel];
  }
  return result;
}

/// The recorded output of layer `index` by one of the two oracles ("_ort", "_tflm"), and its TensorFlow Lite operator.
struct Recorded {
  std::string op;
  QTensor tensor;
};
std::optional<Recorded> recorded(const Arrays &arrays, size_t index, const std::string &oracle) {
  char prefix[8];
  std::snprintf(prefix, sizeof prefix, "L%02zu_", index);
  for (const auto &[key, array] : arrays)
    if (key.starts_with(prefix) && key.ends_with(oracle))
      return Recorded{key.substr(4, key.size() - 4 - oracle.size()), channelsFirst(array)};
  return std::nullopt;
}

/// Evaluates every recorded layer whose operator `wanted` accepts, on the oracle's own inputs.
template <typename Wanted>
void forEachLayer(const std::string &oracle, Requantisation mode, Wanted wanted, Tallies &tallies,
                  Alternatives *alternatives) {
  for (const auto &[onnxFile, layersFile] : kNetworks) {
    SCOPED_TRACE(layersFile);
    const auto model = QdqModel::load(*material(onnxFile));
    ASSERT_TRUE(model) << model.diag().str();
    auto arrays = tw::tools::readNpz(*material(layersFile));
    ASSERT_TRUE(static_cast<bool>(arrays)) << llvm::toString(arrays.takeError());
    std::map<std::string, QTensor> values{{model->inputNames()[0], channelsFirst(arrays->at("input_tflite"))}};
    for (size_t index = 0; index < model->layers().size(); ++index) {
      const QLayer &layer = model->layers()[index];
      const auto expected = recorded(*arrays, index, oracle);
      if (!expected)
        continue; // the last layers of a network are not all recorded
      SCOPED_TRACE("layer " + std::to_string(index) + " " + expected->op);
      if (wanted(expected->op)) {
        std::vector<QTensor> inputs;
        for (const std::string &name : layer.inputs)
          if (!model->isConstant(name))
            inputs.push_back(values.at(name));
        const auto result = model->evaluate(layer, inputs, mode, alternatives);
        ASSERT_TRUE(result) << result.diag().str();
        ASSERT_EQ(result->shape, expected->tensor.shape);
        Tally own;
        own.add(result->data, expected->tensor.data);
        EXPECT_EQ(own.more, 0) << "values more than 1 LSB away, of " << own.values;
        const std::string network = fs::path(layersFile).parent_path().filename().string();
        tallies[network + " " + expected->op].add(result->data, expected->tensor.data);
      }
      values[layer.output] = expected->tensor;
    }
  }
}

bool networksArePresent() {
  for (const auto &pair : kNetworks)
    if (!material(pair[0]) || !material(pair[1]))
      return false;
  return true;
}

TEST(NumericsMaterialTest, LayersOfTrainedNetworksAreWithinOneLsbOfOnnxRuntime) {
  if (!networksArePresent())
    GTEST_SKIP() << materialHint("models");
  Tallies tallies;
  Alternatives alternatives;
  forEachLayer(
      "_ort", Requantisation::Fp32, [](const std::string &op) { return op != "RESHAPE"; }, tallies, &alternatives);
  print("layers, ONNX Runtime", tallies);
  print("layers", alternatives);
  EXPECT_FALSE(tallies.empty());
}

TEST(NumericsMaterialTest, TfliteRequantisationEqualsTensorFlowLiteMicro) {
  if (!networksArePresent())
    GTEST_SKIP() << materialHint("models");
  Tallies tallies;
  const auto sums = [](const std::string &op) { return op.ends_with("CONV_2D") || op == "FULLY_CONNECTED"; };
  forEachLayer("_tflm", Requantisation::Tflite, sums, tallies, nullptr);
  print("layers, TFLite Micro", tallies);
  EXPECT_FALSE(tallies.empty());
  for (const auto &[name, tally] : tallies)
    EXPECT_EQ(tally.exact, tally.values) << name;
}

} // namespace
