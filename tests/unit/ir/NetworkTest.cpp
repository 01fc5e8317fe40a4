// SPDX-License-Identifier: Apache-2.0
// Whole recorded networks: accuracy and labels, and every layer against ONNX Runtime without optimisation on the same
// inputs.
#include "Material.h"

#include "tw/ir/Constants.h"
#include "tw/ir/ToLinalg.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"

#include <gmock/gmock.h>

#include <iostream>

using namespace mlir;

namespace tw::ir::test {
namespace {

#define TW_MATERIAL(VARIABLE, NAME)                                                                                    \
  auto VARIABLE = tw::test::material(NAME);                                                                            \
  if (!VARIABLE)                                                                                                       \
  GTEST_SKIP() << tw::test::materialHint(NAME)

int64_t argmax(const Tensor &tensor) {
  int64_t best = 0;
  for (int64_t i = 1; i < tensor.size(); ++i)
    if (tensor.numberAt(i) > tensor.numberAt(best))
      best = i;
  return best;
}

struct Network {
  std::unique_ptr<MLIRContext> context = makeContext();
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<Interpreter> interpreter;

  Network(const std::filesystem::path &path, const GraphPipelineOptions &options) : module(importFile(*context, path)) {
    if (module && runGraphPipeline(*module, options))
      interpreter = std::make_unique<Interpreter>(*module);
  }
  Tensor run(const Tensor &input, const Interpreter::Observer &observer = nullptr) {
    return runSingle(*interpreter, *module, {input}, observer);
  }
  Dims inputShape() {
    return cast<RankedTensorType>(module->lookupSymbol<func::FuncOp>("main").getArgumentTypes()[0]).getShape();
  }
};

TEST(NetworkTest, DigitsKeepTheirAccuracyInEveryInt8Variant) {
  TW_MATERIAL(folder, "models/digits_cnn");
  Arrays data = loadNpz(*folder / "digits_test.npz");
  Tensor images = toTensor(data.at("image")), labels = toTensor(data.at("label"));
  for (std::string variant : {"digits_qdq_int8", "digits_qdq_int8_pertensor", "digits_qdq_int8_sym"}) {
    SCOPED_TRACE(variant);
    Network network(*folder / (variant + ".onnx"), {});
    ASSERT_TRUE(network.interpreter);
    int right = 0;
    for (int64_t i = 0; i < labels.size(); ++i)
      right += argmax(network.run(sample(images, i))) == labels.integerAt(i);
    EXPECT_EQ(right, 444) << "98.67 % of 450";
  }
}

TEST(NetworkTest, TheFloatDigitsKeepTheirAccuracyWithABoundBatch) {
  TW_MATERIAL(folder, "models/digits_cnn");
  Arrays data = loadNpz(*folder / "digits_test.npz");
  Tensor images = toTensor(data.at("image")), labels = toTensor(data.at("label"));
  auto context = makeContext();
  std::vector<Diag> problems;
  auto module =
      importOnnx(*context, readFile(*folder / "digits_float_dyn.onnx"), "digits", {.dims = {{"N", 1}}}, problems);
  ASSERT_TRUE(module) << problemText("digits", problems);
  ASSERT_TRUE(runGraphPipeline(*module));
  Interpreter interpreter(*module);
  int right = 0;
  for (int64_t i = 0; i < labels.size(); ++i)
    right += argmax(runSingle(interpreter, *module, {sample(images, i)})) == labels.integerAt(i);
  EXPECT_EQ(right, 444) << "98.67 % of 450";
}

TEST(NetworkTest, FusingTheResidualChangesNoResult) {
  TW_MATERIAL(folder, "models/mlperf_tiny_ic_resnet8");
  auto model = *folder / "pretrainedResnet_quant.onnx";
  Network apart(model, {.fuseResidual = false}), fused(model, {});
  ASSERT_TRUE(apart.interpreter && fused.interpreter);
  int residuals = 0;
  fused.module->walk([&](QConvOp op) { residuals += op.getResidual() != nullptr; });
  EXPECT_EQ(residuals, 3);
  Tensor inputs = toTensor(loadNpz(*folder / "pretrainedResnet_quant_open_io.npz").at("input_onnx"));
  for (int64_t i = 0; i < inputs.shape[0]; ++i)
    EXPECT_EQ(fused.run(sample(inputs, i)), apart.run(sample(inputs, i))) << i;
}

// The loops of a whole network on one input, against its blocks.
void checkLoops(const std::filesystem::path &model, const Tensor &input) {
  Network blocks(model, {}), loops(model, {});
  ASSERT_TRUE(blocks.interpreter && loops.interpreter);
  ASSERT_TRUE(succeeded(lowerBlocksToLinalg(*loops.module)));
  ASSERT_TRUE(succeeded(verify(*loops.module)));
  EXPECT_EQ(loops.run(input), blocks.run(input));
}

TEST(NetworkTest, LoopsOfWholeNetworksComputeWhatTheirBlocksCompute) {
  TW_MATERIAL(folder, "models");
  auto input = [&](const char *file) { return toTensor(loadNpz(*folder / file).at("input_onnx")); };
  checkLoops(*folder / "mlperf_tiny_kws_dscnn/kws_ref_model.onnx",
             sample(input("mlperf_tiny_kws_dscnn/kws_ref_model_open_io.npz"), 0));
  checkLoops(*folder / "tflm_micro_speech/micro_speech_quantized.onnx",
             sample(input("tflm_micro_speech/micro_speech_quantized_io.npz"), 0));
  Arrays digits = loadNpz(*folder / "digits_cnn/digits_test.npz");
  for (const char *variant : {"digits_qdq_int8", "digits_qdq_int8_sym", "digits_float_b1"})
    checkLoops(*folder / "digits_cnn" / (std::string(variant) + ".onnx"), sample(toTensor(digits.at("image")), 0));
}

// Operators that the recorded layers know, in the order of the model.
bool isRecordedLayer(Operation *op) { return isa<QConvOp, QGemmOp, QEltwiseOp, QPoolOp>(op); }

// Feeds every layer with the recorded results of the layers before it, and counts the differences of each.
void checkLayers(const std::filesystem::path &model, const std::filesystem::path &layersFile) {
  Network network(model, {.fuseResidual = false});
  ASSERT_TRUE(network.interpreter);
  Arrays arrays = loadNpz(layersFile);
  std::vector<std::pair<std::string, Tensor>> layers; // in order: the names start with L00, L01, ...
  for (const auto &[name, array] : arrays)
    if (llvm::StringRef(name).ends_with("_ort") && name.find("RESHAPE") == std::string::npos)
      layers.emplace_back(name, toTensor(array));
  std::vector<Differences> differences(layers.size());
  Tensor inputs = toTensor(arrays.at("input_tflite")); // NHWC ...
  for (int64_t image = 0; image < inputs.shape[0]; ++image) {
    Tensor input = sample(inputs, image);
    if (input.rank() == 4) { // ... becomes the NCHW that the model takes
      Tensor nchw(input.type, network.inputShape());
      for (int64_t c = 0, i = 0; c < input.shape[3]; ++c)
        for (int64_t hw = 0; hw < input.shape[1] * input.shape[2]; ++hw)
          nchw.bytes[i++] = input.bytes[hw * input.shape[3] + c];
      input = nchw;
    }
    size_t next = 0;
    network.run(input, [&](Operation *op, Tensor &result) {
      if (!isRecordedLayer(op) || next == layers.size()) // the last layer of a model may be left out of the recording
        return;
      Tensor expected = sample(layers[next].second, image, Dims(result.shape));
      differences[next].add(result, expected);
      result = expected;
      ++next;
    });
    EXPECT_EQ(next, layers.size()) << "layers of the recording that the model has";
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    EXPECT_LE(differences[i].largest, 1) << layers[i].first << ": " << differences[i];
    if (differences[i].unequal)
      std::cout << layers[i].first << ": " << differences[i] << "\n";
  }
}

TEST(NetworkTest, ResNet8AgreesLayerByLayer) {
  TW_MATERIAL(folder, "models/mlperf_tiny_ic_resnet8");
  checkLayers(*folder / "pretrainedResnet_quant.onnx", *folder / "pretrainedResnet_quant_layers.npz");
}
TEST(NetworkTest, KeywordSpottingAgreesLayerByLayer) {
  TW_MATERIAL(folder, "models/mlperf_tiny_kws_dscnn");
  checkLayers(*folder / "kws_ref_model.onnx", *folder / "kws_ref_model_layers.npz");
}
TEST(NetworkTest, AnomalyDetectionAgreesLayerByLayer) {
  TW_MATERIAL(folder, "models/mlperf_tiny_ad_autoencoder");
  checkLayers(*folder / "ad01_int8.onnx", *folder / "ad01_int8_layers.npz");
}
TEST(NetworkTest, PersonDetectionAgreesLayerByLayer) {
  TW_MATERIAL(folder, "models/tflm_person_detect");
  checkLayers(*folder / "person_detect.onnx", *folder / "person_detect_layers.npz");
}

struct Outcome {
  Differences differences;
  int64_t images = 0, sameLabel = 0;
};

Outcome runAll(const std::filesystem::path &model, const std::filesystem::path &ioFile) {
  Outcome outcome;
  Network network(model, {});
  if (!network.interpreter)
    return outcome;
  Arrays arrays = loadNpz(ioFile);
  Tensor inputs = toTensor(arrays.at("input_onnx")), expected = toTensor(arrays.at("ort_out_disabled"));
  for (int64_t i = 0; i < inputs.shape[0]; ++i) {
    Tensor result = network.run(sample(inputs, i, network.inputShape()));
    Tensor wanted = sample(expected, i);
    outcome.differences.add(result, wanted);
    ++outcome.images;
    outcome.sameLabel += argmax(result) == argmax(wanted);
  }
  std::cout << model.filename() << ": " << outcome.differences << "; same label " << outcome.sameLabel << " of "
            << outcome.images << "\n";
  return outcome;
}

TEST(NetworkTest, ResNet8GivesTheSameLabels) {
  TW_MATERIAL(folder, "models/mlperf_tiny_ic_resnet8");
  Outcome outcome = runAll(*folder / "pretrainedResnet_quant.onnx", *folder / "pretrainedResnet_quant_open_io.npz");
  EXPECT_EQ(outcome.images, 13);
  EXPECT_EQ(outcome.sameLabel, 13);
}
TEST(NetworkTest, KeywordSpottingGivesTheSameLabels) {
  TW_MATERIAL(folder, "models/mlperf_tiny_kws_dscnn");
  Outcome outcome = runAll(*folder / "kws_ref_model.onnx", *folder / "kws_ref_model_open_io.npz");
  EXPECT_EQ(outcome.images, 16);
  EXPECT_EQ(outcome.sameLabel, 16);
}
TEST(NetworkTest, MicroSpeechGivesTheSameLabels) {
  TW_MATERIAL(folder, "models/tflm_micro_speech");
  Outcome outcome = runAll(*folder / "micro_speech_quantized.onnx", *folder / "micro_speech_quantized_io.npz");
  EXPECT_EQ(outcome.images, 16);
  EXPECT_EQ(outcome.sameLabel, 16);
}
TEST(NetworkTest, PersonDetectionGivesTheSameLabels) {
  TW_MATERIAL(folder, "models/tflm_person_detect");
  Outcome outcome = runAll(*folder / "person_detect.onnx", *folder / "person_detect_io.npz");
  EXPECT_EQ(outcome.images, 16);
  EXPECT_EQ(outcome.sameLabel, 16);
}
TEST(NetworkTest, HelloWorldAgreesWithinOneStepOnEveryInput) {
  TW_MATERIAL(folder, "models/tflm_hello_world");
  Outcome outcome = runAll(*folder / "hello_world_int8.onnx", *folder / "hello_world_int8_io.npz");
  EXPECT_EQ(outcome.images, 256);
  EXPECT_LE(outcome.differences.largest, 1);
}
TEST(NetworkTest, Uint8WithAsymmetricWeightsGivesTheSameLabels) {
  TW_MATERIAL(folder, "models/coral_models");
  Outcome outcome =
      runAll(*folder / "mobilenet_v1_0.25_128_quant.onnx", *folder / "mobilenet_v1_0.25_128_quant_io.npz");
  EXPECT_EQ(outcome.images, 14);
  EXPECT_GE(outcome.sameLabel, 13);
}
TEST(NetworkTest, AnomalyDetectionRunsWhole) {
  TW_MATERIAL(folder, "models/mlperf_tiny_ad_autoencoder");
  Outcome outcome = runAll(*folder / "ad01_int8.onnx", *folder / "ad01_int8_io.npz");
  EXPECT_EQ(outcome.images, 196);
  EXPECT_LE(outcome.differences.largest, 1);
}

} // namespace
} // namespace tw::ir::test
