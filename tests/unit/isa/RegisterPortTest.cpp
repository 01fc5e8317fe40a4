// SPDX-License-Identifier: Apache-2.0
// The registers' port of the contract (docs/timing.md, section 10), and the host that drives it.
#include "tw/isa/RegisterPort.h"

#include <gtest/gtest.h>

using namespace tw::isa;

namespace {

HostAccess write(uint64_t cycle, uint32_t addressAfter, uint32_t dataAfter, uint32_t takenAfter = 0) {
  return {
      .isWrite = true, .cycle = cycle, .addressAfter = addressAfter, .dataAfter = dataAfter, .takenAfter = takenAfter};
}
HostAccess read(uint64_t cycle, uint32_t takenAfter = 0) { return {.cycle = cycle, .takenAfter = takenAfter}; }

using Times = std::vector<uint64_t>;

TEST(RegisterPortTest, AWriteHappensWithTheLaterOfItsHalves) {
  EXPECT_EQ(accessTimes({write(5, 0, 0)}), Times({5}));
  EXPECT_EQ(accessTimes({write(5, 0, 3)}), Times({8}));
  EXPECT_EQ(accessTimes({write(5, 4, 1)}), Times({9}));
}

TEST(RegisterPortTest, TheNextWriteWaitsForTheResponse) {
  EXPECT_EQ(accessTimes({write(5, 0, 0), write(5, 0, 0)}), Times({5, 7}));
  EXPECT_EQ(accessTimes({write(5, 0, 0, 3), write(5, 0, 0)}), Times({5, 10}));
  EXPECT_EQ(accessTimes({write(5, 9, 0), write(6, 0, 0)}), Times({14, 16})) << "its data wait behind kept ones";
}

TEST(RegisterPortTest, ReadsTakeThreeCyclesAndAStall) {
  EXPECT_EQ(accessTimes({read(5), read(5), read(5, 2), read(5)}), Times({5, 8, 11, 16}));
  EXPECT_EQ(accessTimes({read(5), write(5, 0, 0)}), Times({5, 5})) << "the directions do not wait for each other";
}

/// All that is visible on a port, one cycle after the other.
TEST(RegisterPortTest, NothingButValidAndReadyMovesThePort) {
  PortContract port;
  EXPECT_TRUE(port.now().awready && port.now().wready && port.now().arready);
  EXPECT_FALSE(port.now().bvalid || port.now().rvalid);
  HostSignals host;
  host.wvalid = true;
  port.clock(host);
  EXPECT_TRUE(port.now().awready && !port.now().wready && !port.now().bvalid) << "data are kept";
  host = {};
  host.awvalid = true;
  port.clock(host);
  EXPECT_TRUE(port.now().bvalid && !port.now().awready && !port.now().wready);
  host = {};
  host.bready = false;
  port.clock(host);
  EXPECT_TRUE(port.now().bvalid) << "until it is taken";
  port.clock({});
  EXPECT_TRUE(port.now().awready && port.now().wready && !port.now().bvalid);
}

TEST(RegisterPortTest, AHostKeepsItsValidsUntilTheyAreAccepted) {
  RegisterHost host;
  const size_t index = host.add(write(2, 0, 1, 1));
  PortSignals port{.wready = true};
  EXPECT_FALSE(host.step(1, port).awvalid);
  EXPECT_TRUE(host.step(2, port).awvalid);
  HostSignals signals = host.step(3, port);
  EXPECT_TRUE(signals.awvalid && signals.wvalid);
  EXPECT_FALSE(host.hasHappened(index));
  port.awready = true;
  EXPECT_TRUE(host.step(4, port).awvalid);
  EXPECT_TRUE(host.hasHappened(index));
  EXPECT_EQ(host.answer(index).cycle, 4u);
  port = {.bvalid = true, .bresp = 2, .interrupt = true};
  EXPECT_FALSE(host.step(5, port).bready);
  EXPECT_FALSE(host.isDone());
  EXPECT_TRUE(host.step(6, port).bready);
  EXPECT_TRUE(host.isDone());
  EXPECT_EQ(host.answer(index).response, AxiResponse::SlaveError);
  EXPECT_TRUE(host.answer(index).interrupt) << "of the cycle after it happened";
}

} // namespace
