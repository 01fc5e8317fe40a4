// SPDX-License-Identifier: Apache-2.0
// The storage that simulation runs against the banks that synthesis gets, in lock-step under random requests; for one
// row of weights a cycle and for two.
#include "Vspm_forms.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace {

constexpr int kClients = 9, kLanes = 8, kRows = 256; // parameters of spm_forms
constexpr int kForms = 2, kBothEqual = 0b11;
constexpr int kDmaWrite = 0, kReads[] = {1, 2, 3, 5, 7, 8};

class SpmFormsTest : public testing::Test {
protected:
  void edge() {
    top.clk_i = 0;
    top.eval();
    for (int i = 0; i < kForms * kClients; ++i)
      granted[size_t(i)] += top.gnt_o >> i & 1;
    lost += (top.req_i & ~top.gnt_o) != 0;
    top.clk_i = 1;
    top.eval();
  }

  uint64_t word() { return random(); }

  /// Every row has been written and every port has read: from here on nothing depends on what was there before.
  void initialise() {
    top.dma_strobe_i = 0xFF;
    top.req_i = 1 << kDmaWrite;
    top.keep_i = 0;
    for (int row = 0; row < kRows; ++row) {
      top.addr_i[kDmaWrite] = uint32_t(row * kLanes);
      top.dma_data_i = word();
      edge();
    }
    for (int client : kReads) {
      top.req_i = uint16_t(1 << client);
      top.addr_i[client] = 3; // client 2 reads a pair
      edge();
    }
  }

  Vspm_forms top{new VerilatedContext};
  std::mt19937_64 random{5};
  std::array<uint64_t, kForms * kClients> granted{};
  uint64_t lost = 0;
};

TEST_F(SpmFormsTest, BanksDeliverWhatTheArrayDelivers) {
  initialise();
  ASSERT_EQ(top.equal_o, kBothEqual) << "after every port has read";
  for (int cycle = 0; cycle < 400'000; ++cycle) {
    // Sparse and dense traffic, over the whole memory and inside a few rows; reads may be kept as the engines do.
    top.req_i = uint16_t(cycle & 1024 ? word() & 0x1FF : word() & word() & 0x1FF);
    top.keep_i = uint16_t(word() & word() & 0b110101110);
    const uint32_t rows = cycle & 2048 ? 16 : kRows;
    for (int i = 0; i < kClients; ++i)
      top.addr_i[i] = uint32_t(word() % rows * kLanes + (i == 2 && cycle & 1 ? word() % kLanes : 0));
    top.dma_strobe_i = uint8_t(word() % 255 + 1);
    top.dma_data_i = word();
    top.rq_data_i = word();
    top.vx_data_i = word();
    edge();
    ASSERT_EQ(top.equal_o, kBothEqual) << "cycle " << cycle;
  }
  for (int i = 0; i < kForms * kClients; ++i)
    EXPECT_GT(granted[size_t(i)], 10'000u) << "client " << i;
  EXPECT_GT(lost, 100'000u) << "requests met in one bank";
}

} // namespace
