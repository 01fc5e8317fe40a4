// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Allocate.h"

#include <gtest/gtest.h>

#include <random>

using namespace tw::tensorize;

TEST(AllocateTest, BuffersThatLiveAtOnceNeverOverlapAndThePeakIsAtLeastTheBound) {
  std::mt19937 random(5);
  for (int round = 0; round != 200; ++round) {
    std::vector<Lifetime> buffers;
    for (int i = 0; i != 20; ++i) {
      int first = int(random() % 10);
      buffers.push_back({1 + int64_t(random() % 500), first, first + int(random() % 4), int64_t(random() % 4) * 1000});
    }
    Allocation allocation = allocate(buffers, 1 << 20, 16);
    ASSERT_EQ(allocation.failed, -1);
    EXPECT_GE(allocation.peak + 15, allocation.bound);
    for (size_t i = 0; i != buffers.size(); ++i) {
      EXPECT_EQ(allocation.address[i] % 16, 0);
      for (size_t j = 0; j != i; ++j)
        if (buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last) {
          EXPECT_TRUE(allocation.address[i] + buffers[i].bytes <= allocation.address[j] ||
                      allocation.address[j] + buffers[j].bytes <= allocation.address[i])
              << "round " << round << ": buffers " << j << " and " << i;
        }
    }
  }
}

TEST(AllocateTest, ABufferWithoutRoomIsNamed) {
  Allocation allocation = allocate({{96, 0, 1, 0}, {64, 1, 2, 0}}, 128, 16);
  EXPECT_EQ(allocation.failed, 1);
}

TEST(AllocateTest, BuffersThatNeverMeetShareTheirBytes) {
  Allocation allocation = allocate({{100, 0, 1, 0}, {100, 2, 3, 0}}, 112, 16);
  EXPECT_EQ(allocation.failed, -1);
  EXPECT_EQ(allocation.peak, 100);
  EXPECT_EQ(allocation.bound, 112);
}
