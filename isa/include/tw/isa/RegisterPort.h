// SPDX-License-Identifier: Apache-2.0
// The AXI4-Lite port of the registers, cycle by cycle: a host that drives it in any legal way, and the handshakes that
// the contract asks for (docs/timing.md, section 10). The port's times depend on the host alone, never on the machine.
// Called by the bench of the RTL (the host on its pins, the contract as a checker) and by co-simulation, which applies
// accesses to models without pins in the cycles of the contract. Holds no register and knows no machine.
#ifndef TW_ISA_REGISTERPORT_H
#define TW_ISA_REGISTERPORT_H

#include "tw/isa/Axi.h"
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace tw::isa {

/// An access and how the host goes about it. Accesses of one direction keep their order.
struct HostAccess {
  bool isWrite = false;
  uint16_t offset = 0;
  uint32_t value = 0;        // written
  uint8_t strobes = 0xF;     // bytes written
  uint64_t cycle = 0;        // it begins
  uint32_t addressAfter = 0; // cycles until AWVALID or ARVALID rises
  uint32_t dataAfter = 0;    // cycles until WVALID rises
  uint32_t takenAfter = 0;   // cycles for which BVALID or RVALID waits for its ready; 0: ready comes before
  bool operator==(const HostAccess &) const = default;
};

/// What became of it.
struct HostAnswer {
  uint64_t cycle = 0; // it happened: the later of a write's address and data was accepted, or a read's address
  uint32_t value = 0; // read
  AxiResponse response = AxiResponse::Okay;
  bool interrupt = false; // the line, in the cycle after it happened
  bool isAnswered = false;
  bool operator==(const HostAnswer &) const = default;
};

/// The host's side of the wires in one cycle.
struct HostSignals {
  bool awvalid = false, wvalid = false, bready = true, arvalid = false, rready = true;
  uint16_t awaddr = 0, araddr = 0;
  uint32_t wdata = 0;
  uint8_t wstrb = 0;
};

/// The machine's side.
struct PortSignals {
  bool awready = false, wready = false, bvalid = false, arready = false, rvalid = false;
  uint8_t bresp = 0, rresp = 0;
  uint32_t rdata = 0;
  bool interrupt = false;
};

class RegisterHost {
public:
  /// Index of its answer.
  size_t add(const HostAccess &access);
  /// One cycle: what the host drives in it, and what it learns from what it sees in it. Cycles never go back.
  HostSignals step(uint64_t cycle, const PortSignals &seen);
  /// Every access is answered.
  bool isDone() const { return pending_ == 0; }
  size_t pending() const { return pending_; }
  const HostAnswer &answer(size_t index) const { return answers_[index]; }
  /// A write happened, or a read was answered.
  bool hasHappened(size_t index) const { return happened_[index]; }
  /// After a reset of the machine: what was under way never comes.
  void forget();

private:
  struct Pending {
    HostAccess access;
    size_t index;
  };
  struct Channel {
    std::deque<Pending> address, data, response; // not yet accepted, not yet taken
    uint32_t waited = 0;                         // cycles of the response now visible
  };
  static bool isReady(Channel &channel, bool valid);

  Channel write_, read_;
  std::vector<HostAnswer> answers_;
  std::vector<bool> happened_;
  std::vector<size_t> justNow_; // accesses that happened in the last cycle
  size_t pending_ = 0;
};

/// The handshakes of the contract: readies and valids; what is answered is the machine's.
class PortContract {
public:
  const PortSignals &now() const { return now_; }
  void clock(const HostSignals &host);

private:
  PortSignals now_{.awready = true, .wready = true, .arready = true};
  bool hasAddress_ = false, hasData_ = false, isReading_ = false;
};

/// When each access happens on a port that was quiet before cycle 0.
std::vector<uint64_t> accessTimes(const std::vector<HostAccess> &accesses);

} // namespace tw::isa

#endif // TW_ISA_REGISTERPORT_H
