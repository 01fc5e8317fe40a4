// SPDX-License-Identifier: Apache-2.0
// What verify says of devices that are wrong: here they give what the test tells them to.
#include "verify/Devices.h"

#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>

using namespace tw;
using namespace tw::tools;
using ir::Tensor;
using ::testing::HasSubstr;

namespace {

class Told final : public Session {
public:
  explicit Told(Tensors outputs) : outputs(std::move(outputs)) {}
  llvm::Expected<RunResult> run(const Tensors &, size_t) override {
    RunResult result;
    result.outputs = outputs;
    return result;
  }
  llvm::Expected<size_t> choose(const Tensors &) const override { return 0; }
  void resetState() override {}
  std::string withoutGpu() const override { return ""; }
  const std::vector<StepTime> &hostTimes() const override { return times; }
  const std::vector<Job> &jobs() const override { return done; }

private:
  Tensors outputs;
  std::vector<StepTime> times;
  std::vector<Job> done;
};

// A float32 value and its quantised form, which alone or with the value are the results.
Program programOf(bool keepsLayers, Tensors told) {
  const std::string results = keepsLayers ? "%y, %h : tensor<2xi8>, tensor<2xf32>" : "%y : tensor<2xi8>",
                    types = keepsLayers ? "(tensor<2xi8>, tensor<2xf32>)" : "tensor<2xi8>";
  Program program;
  program.model = emptyModel();
  program.model.module = mlir::parseSourceString<mlir::ModuleOp>(
      R"(func.func private @quantized(%x: tensor<2xf32>) -> tensor<2xi8> {
           %s = tw.constant dense<1.0> : tensor<f32>
           %z = tw.constant dense<0> : tensor<i8>
           %y = tw.quantize %x, %s, %z : (tensor<2xf32>, tensor<f32>, tensor<i8>) -> tensor<2xi8>
           return %y : tensor<2xi8>
         }
         func.func private @rectified(%x: tensor<2xf32>) -> tensor<2xf32> {
           %y = tw.relu %x : (tensor<2xf32>) -> tensor<2xf32>
           return %y : tensor<2xf32>
         }
         func.func @main(%x: tensor<2xf32>) -> )" +
          types + R"( {
           %h = call @rectified(%x) : (tensor<2xf32>) -> tensor<2xf32>
           %y = call @quantized(%h) : (tensor<2xf32>) -> tensor<2xi8>
           return )" +
          results + "\n}\n",
      program.model.context.get());
  EXPECT_TRUE(program.model.module);
  program.devices = {"told"};
  program.sessions.push_back(std::make_unique<Told>(std::move(told)));
  return program;
}

// What is said of the output of a device that gives `y`, and in a program with layers `h` before it.
Check outputOf(std::vector<int8_t> y, std::vector<float> h) {
  const Tensor bytes = Tensor::of<int8_t>({2}, y);
  Program whole = programOf(false, {{"y", bytes}}),
          layered = programOf(true, {{"y", bytes}, {"h", Tensor::of<float>({2}, h)}});
  const Tensors inputs{{"arg0", Tensor::of<float>({2}, {3, 5})}};
  auto reference = whole.reference(inputs);
  EXPECT_TRUE(bool(reference));
  auto layers = judgeLayers(layered, inputs);
  EXPECT_TRUE(bool(layers));
  Checks checks;
  EXPECT_FALSE(bool(compareOutputs(whole, &*layers, inputs, *reference, checks)));
  return checks.all().front();
}

TEST(DevicesTest, OutputsThatDifferAreGoodIfEachLayerIs) {
  EXPECT_TRUE(outputOf({3, 5}, {3, 5}).isGood);
  const Check tie = outputOf({3, 6}, {3, 5});
  EXPECT_TRUE(tie.isGood);
  EXPECT_THAT(tie.text, HasSubstr("1 of 2 differ, by 1 at most, judged by its layers"));
}

TEST(DevicesTest, OutputsThatDifferAreWrongIfALayerIs) {
  for (const Check &check : {outputOf({3, 9}, {3, 5}), outputOf({3, 9}, {3, 9})}) {
    EXPECT_FALSE(check.isGood);
    EXPECT_THAT(check.text, HasSubstr("1 of 2 differ, by 4 at most, and so do its layers"));
  }
}

} // namespace
