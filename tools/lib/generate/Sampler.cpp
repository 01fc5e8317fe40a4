// SPDX-License-Identifier: Apache-2.0
#include "Sampler.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <vector>

namespace tw::tools {

int64_t Sampler::choose(llvm::ArrayRef<double> logits) {
  assert(topK >= 1 && topK <= logits.size() && "checked when the model was opened");
  std::vector<int64_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::partial_sort(ids.begin(), ids.begin() + int64_t(topK), ids.end(), [&](int64_t a, int64_t b) {
    return logits[size_t(a)] != logits[size_t(b)] ? logits[size_t(a)] > logits[size_t(b)] : a < b;
  });
  if (topK == 1)
    return ids[0];
  const double largest = logits[size_t(ids[0])];
  std::vector<double> weights;
  for (size_t i = 0; i != topK; ++i) // an infinite largest one has all the weight
    weights.push_back(logits[size_t(ids[i])] == largest ? 1 : std::exp(logits[size_t(ids[i])] - largest));
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  double at = double(random() >> 11) * 0x1p-53 * sum; // the same numbers with every standard library
  for (size_t i = 0; i != topK; ++i)
    if ((at -= weights[i]) < 0)
      return ids[i];
  return ids[0]; // rounding
}

} // namespace tw::tools
