// SPDX-License-Identifier: Apache-2.0
// What for: which id comes next, by the logits of all: the largest, or one drawn from the largest k.
// Called by: generate.
// Does not: know where logits come from.
#ifndef TW_TOOLS_LIB_GENERATE_SAMPLER_H
#define TW_TOOLS_LIB_GENERATE_SAMPLER_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <random>

namespace tw::tools {

class Sampler {
public:
  /// 1: the largest logit's id, the lowest of equal ones.
  Sampler(size_t topK, uint64_t seed) : topK(topK), random(seed) {}

  /// The probability of an id among the `topK` most likely ones is exp of its logit over their sum.
  int64_t choose(llvm::ArrayRef<double> logits);

private:
  size_t topK;
  std::mt19937_64 random;
};

} // namespace tw::tools

#endif // TW_TOOLS_LIB_GENERATE_SAMPLER_H
