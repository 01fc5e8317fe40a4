// SPDX-License-Identifier: Apache-2.0
#include "Refused.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"

namespace tw::ir::onnx {
namespace {

struct Kind {
  llvm::StringRef domain, reason;
  llvm::ArrayRef<llvm::StringRef> names;
};

constexpr llvm::StringRef kRandom[] = {"Bernoulli",        "Multinomial",   "RandomNormal",
                                       "RandomNormalLike", "RandomUniform", "RandomUniformLike"};
constexpr llvm::StringRef kStrings[] = {"RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit"};
constexpr llvm::StringRef kSequences[] = {"ConcatFromSequence", "SequenceAt",    "SequenceConstruct",
                                          "SequenceEmpty",      "SequenceErase", "SequenceInsert",
                                          "SequenceLength",     "SequenceMap",   "SplitToSequence"};
constexpr llvm::StringRef kOptionals[] = {"Optional", "OptionalGetElement", "OptionalHasElement"};
constexpr llvm::StringRef kTraining[] = {"Adagrad", "Adam", "Gradient", "Momentum"};
constexpr llvm::StringRef kTransformers[] = {"DecoderMaskedMultiHeadAttention", "PackedAttention",
                                             "PackedMultiHeadAttention", "PagedAttention"};

constexpr Kind kKinds[] = {
    {"", "its result is random, and the same inputs give the same outputs here", kRandom},
    {"", "it works on strings, and tensors here hold numbers", kStrings},
    {"", "it works on sequences of tensors, and values here are tensors", kSequences},
    {"", "it works on optional values, and values here are there", kOptionals},
    {"ai.onnx.preview.training", "it trains, and only inference is supported", kTraining},
    {"com.microsoft", "it is a whole attention layer; optimise the model without transformer fusions", kTransformers},
};

} // namespace

llvm::StringRef reasonToRefuse(llvm::StringRef domain, llvm::StringRef name) {
  for (const Kind &kind : kKinds)
    if (kind.domain == domain && llvm::is_contained(kind.names, name))
      return kind.reason;
  return "";
}

} // namespace tw::ir::onnx
