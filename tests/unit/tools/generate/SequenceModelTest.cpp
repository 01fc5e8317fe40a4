// SPDX-License-Identifier: Apache-2.0
// Models written as functions: what they are given, and those that must be refused.
#include "generate/SequenceModel.h"

#include <gmock/gmock.h>

#include <cmath>

using namespace tw::tools;
using tw::ir::ElementType;
using tw::ir::NamedTensor;
using tw::ir::Tensor;

namespace {

constexpr int64_t kPositions = 6, kIds = 5;

NamedTensor ids(const char *name = "ids") { return {name, Tensor(ElementType::I64, {1, kPositions})}; }
NamedTensor logits(const char *name = "logits") { return {name, Tensor(ElementType::F32, {1, kPositions, kIds})}; }

/// The logit of id i at position p is `value(inputs, p, i)`.
RunModel model(std::function<double(const Tensors &, int64_t, int64_t)> value) {
  return [value](const Tensors &inputs) -> llvm::Expected<Tensors> {
    Tensors outputs{logits()};
    for (int64_t p = 0; p != kPositions; ++p)
      for (int64_t i = 0; i != kIds; ++i)
        outputs[0].tensor.setNumber(p * kIds + i, value(inputs, p, i));
    return outputs;
  };
}

/// Weighs all ids up to a position.
double causal(const Tensors &inputs, int64_t p, int64_t i) {
  double sum = 0;
  for (int64_t k = 0; k <= p; ++k)
    sum += inputs[0].tensor.numberAt(k) * double((k + 2) * (i + 1));
  return sum;
}

SequenceModel made(Tensors inputs, RunModel run) {
  auto model = SequenceModel::make(std::move(inputs), {logits()}, std::move(run), "m.onnx");
  EXPECT_TRUE(bool(model)) << llvm::toString(model.takeError());
  return std::move(*model);
}

TEST(SequenceModelTest, GivesTheLogitsBehindTheLastId) {
  SequenceModel sequence = made({ids()}, model(causal));
  EXPECT_EQ(sequence.positions(), kPositions);
  EXPECT_EQ(sequence.vocabulary(), kIds);
  EXPECT_THAT(*sequence.logits({3}), testing::ElementsAre(6, 12, 18, 24, 30));
  EXPECT_THAT(*sequence.logits({3, 1}), testing::ElementsAre(9, 18, 27, 36, 45));
  EXPECT_THAT(*sequence.logits({0, 0, 0, 0, 0, 1}), testing::ElementsAre(7, 14, 21, 28, 35));
}

TEST(SequenceModelTest, MaskAndPositionsSayWhereIdsAre) {
  Tensors seen;
  SequenceModel sequence = made({ids("attention_mask"), ids("input_ids"), ids("position_ids")},
                                [&](const Tensors &inputs) -> llvm::Expected<Tensors> {
                                  seen = inputs;
                                  return Tensors{logits()};
                                });
  ASSERT_TRUE(bool(sequence.logits({4, 2})));
  for (int64_t i = 0; i != kPositions; ++i) {
    EXPECT_EQ(seen[0].tensor.numberAt(i), i < 2);
    EXPECT_EQ(seen[2].tensor.numberAt(i), double(i));
  }
  EXPECT_EQ(seen[1].tensor.numberAt(0), 4);
  EXPECT_EQ(seen[1].tensor.numberAt(1), 2);
}

std::string refusal(std::function<double(const Tensors &, int64_t, int64_t)> value,
                    std::vector<std::vector<int64_t>> prompts) {
  SequenceModel sequence = made({ids()}, model(std::move(value)));
  for (const std::vector<int64_t> &prompt : prompts)
    if (auto result = sequence.logits(prompt); !result)
      return llvm::toString(result.takeError());
  return "";
}

TEST(SequenceModelTest, AModelThatLooksAheadIsRefused) {
  auto all = [](const Tensors &inputs, int64_t, int64_t) {
    double sum = 0;
    for (int64_t k = 0; k != kPositions; ++k)
      sum += inputs[0].tensor.numberAt(k);
    return sum;
  };
  EXPECT_THAT(refusal(all, {{1, 2}}),
              testing::AllOf(testing::StartsWith("m.onnx: at position 0 the logit of id 0 is 3 or "),
                             testing::HasSubstr("a sequence that is padded to 6 positions would give other ids")));
  // A full sequence is not padded.
  EXPECT_EQ(refusal(all, {{1, 2, 3, 4, 1, 1}}), "");
  EXPECT_EQ(refusal(causal, {{1}, {1, 2}, {1, 2, 3}}), "");
}

TEST(SequenceModelTest, WhatOnlyALaterStepShowsIsRefusedThen) {
  // Looks at the id behind, but only at some value of it that no padding has.
  auto sly = [](const Tensors &inputs, int64_t p, int64_t i) {
    const bool isSeen = p == 1 && inputs[0].tensor.numberAt(2) == 4;
    return causal(inputs, p, i) + (isSeen ? 1 : 0);
  };
  EXPECT_EQ(refusal(sly, {{1, 2}, {1, 2, 2}}), "");
  EXPECT_THAT(refusal(sly, {{1, 2}, {1, 2, 4}}),
              testing::StartsWith("m.onnx: at position 1 the logit of id 0 is 8 or 9"));
}

TEST(SequenceModelTest, ALogitThatIsNoNumberIsSaid) {
  auto value = [](const Tensors &, int64_t p, int64_t i) { return p == 1 && i == 3 ? NAN : 0.0; };
  EXPECT_EQ(refusal(value, {{1}}), "");
  EXPECT_THAT(refusal(value, {{1, 2}}), testing::StartsWith("m.onnx: at position 1 the logit of id 3 is not a number"));
}

TEST(SequenceModelTest, OtherInputsAndOutputsAreRefusedWithWhatThereIs) {
  auto refused = [](Tensors inputs, const Tensors &outputs) {
    auto model = SequenceModel::make(std::move(inputs), outputs, nullptr, "m.onnx");
    return model ? "" : llvm::toString(model.takeError());
  };
  const NamedTensor image{"image", Tensor(ElementType::F32, {1, kPositions})};
  const NamedTensor pair{"ids", Tensor(ElementType::I64, {2, kPositions})};
  const NamedTensor mask{"attention_mask", Tensor(ElementType::I64, {1, 1, 1, kPositions})};
  EXPECT_THAT(refused({image}, {logits()}), testing::EndsWith("the inputs are image float32 1x6"));
  EXPECT_THAT(refused({pair}, {logits()}), testing::EndsWith("the inputs are ids int64 2x6"));
  EXPECT_THAT(refused({ids(), mask}, {logits()}),
              testing::EndsWith("the inputs are ids int64 1x6, attention_mask int64 1x1x1x6"));
  EXPECT_THAT(refused({ids(), ids("types")}, {logits()}), testing::HasSubstr("generate needs ids"));
  EXPECT_THAT(refused({}, {logits()}), testing::HasSubstr("generate needs ids"));
  EXPECT_THAT(refused({ids()}, {image}),
              testing::EndsWith("generate needs logits of 1 x 6 x vocabulary, named logits if "
                                "there are several such outputs: the outputs are image "
                                "float32 1x6"));
  EXPECT_THAT(refused({ids()}, {logits("a"), logits("b")}), testing::HasSubstr("generate needs logits"));
  EXPECT_EQ(refused({ids()}, {logits("a"), logits("logits")}), "");
}

} // namespace
