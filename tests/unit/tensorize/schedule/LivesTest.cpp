// SPDX-License-Identifier: Apache-2.0
#include "schedule/Lives.h"

#include "Network.h"

#include <gtest/gtest.h>

using namespace tw;
using namespace tw::tensorize;
using namespace tw::test;

TEST(LivesTest, FromTheTaskThatMakesATensorToTheLastThatReadsIt) {
  Network network(machine("tw8"));
  const int x = network.input({1, 5, 5, 8}), unused = network.input({1, 5, 5, 8});
  const int a = network.add(addition({1, 5, 5, 8}), {x, x});
  const int b = network.add(addition({1, 5, 5, 8}), {a, x});
  const int c = network.add(addition({1, 5, 5, 8}), {b, a}, true);
  const std::vector<Life> lives = livesOf(network.segment());
  EXPECT_EQ(lives[size_t(x)].producer, -1);
  EXPECT_EQ(lives[size_t(x)].first, 0);
  EXPECT_EQ(lives[size_t(x)].last, 1);
  EXPECT_EQ(lives[size_t(x)].readers, 3);
  EXPECT_EQ(lives[size_t(a)].producer, 0);
  EXPECT_EQ(lives[size_t(a)].last, 2);
  EXPECT_EQ(lives[size_t(a)].readers, 2);
  EXPECT_EQ(lives[size_t(c)].producer, 2);
  EXPECT_EQ(lives[size_t(c)].readers, 0);
  EXPECT_EQ(lives[size_t(unused)].first, -1);
  EXPECT_GE(lives[size_t(b)].memory, 0);
}
