// SPDX-License-Identifier: Apache-2.0
#include "generate/Sampler.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>

using tw::tools::Sampler;

namespace {

constexpr double kInfinity = INFINITY;

TEST(SamplerTest, OneIsTheFirstOfTheLargest) {
  EXPECT_EQ(Sampler(1, 1).choose({0, 3, -1, 3}), 1);
  EXPECT_EQ(Sampler(1, 1).choose({-kInfinity, -kInfinity}), 0);
}

TEST(SamplerTest, DrawsByProbabilityFromTheMostLikelyOnes) {
  Sampler sampler(2, 5);
  std::map<int64_t, int> seen;
  const double logits[] = {0, std::log(3.0), -1, -0.5};
  for (int i = 0; i != 10000; ++i)
    ++seen[sampler.choose(logits)];
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_NEAR(seen[1], 7500, 200); // 4.6 standard deviations
}

TEST(SamplerTest, TheSeedDecides) {
  std::vector<double> logits(50);
  auto drawn = [&](uint64_t seed) {
    Sampler sampler(50, seed);
    std::vector<int64_t> ids;
    for (int i = 0; i != 20; ++i)
      ids.push_back(sampler.choose(logits));
    return ids;
  };
  EXPECT_EQ(drawn(1), drawn(1));
  EXPECT_NE(drawn(1), drawn(2));
}

TEST(SamplerTest, InfiniteLogitsTakeAll) {
  Sampler sampler(3, 1);
  for (int i = 0; i != 100; ++i)
    EXPECT_EQ(sampler.choose({1, kInfinity, 2}), 1);
  for (int i = 0; i != 100; ++i)
    EXPECT_NE(sampler.choose({1, -kInfinity, 1}), 1);
}

} // namespace
