// SPDX-License-Identifier: Apache-2.0
// The host on the registers' port, how it goes about accesses, and what the port must do, checked cycle by cycle.
// Called by Machine.cpp with what is visible in a cycle. Does not know the pins.
#ifndef TW_RTL_MODEL_HOSTPORT_H
#define TW_RTL_MODEL_HOSTPORT_H

#include "BrokenRules.h"
#include "tw/isa/RegisterPort.h"
#include "tw/isa/Tables.h"

#include <random>
#include <string>
#include <vector>

namespace tw::rtl {

class HostPort {
public:
  HostPort(uint64_t seed, BrokenRules &broken) : isPrompt(seed == 0), random(seed), broken(broken) {}

  /// Something is under way, or was in the last cycle.
  bool isActive() const { return wasActive || !host.isDone(); }

  void restart() {
    host.forget();
    contract = {};
    held = {};
    wasActive = true; // its pins are to be driven
  }

  /// What is under way never comes.
  void giveUp(uint64_t cycle) {
    report("an access is still not answered in cycle " + std::to_string(cycle));
    host.forget();
  }

  size_t read(uint16_t offset, uint64_t cycle, bool busy) {
    isa::HostAccess access{.offset = offset, .cycle = cycle};
    if (!busy)
      chooseManner(access);
    return host.add(access);
  }

  /// A write, perhaps of some bytes now and the others later. One that does more than change its bytes stays whole.
  std::vector<isa::HostAccess> writes(uint16_t offset, uint32_t value, uint8_t strobes, uint64_t cycle, bool busy) {
    isa::HostAccess access{.isWrite = true, .offset = offset, .value = value, .strobes = strobes, .cycle = cycle};
    if (busy || isPrompt)
      return {access};
    if (const auto row = isa::RegisterOffset(offset & ~3); row == isa::RegisterOffset::Doorbell) {
      access.addressAfter = uint32_t(random() % 3); // its answer is taken at once: the job's first cycles are free
      access.dataAfter = uint32_t(random() % 3);
      return {access};
    }
    std::vector<isa::HostAccess> parts;
    const uint8_t first = random() % 2 ? strobes : uint8_t(strobes & random());
    for (uint8_t bytes : {first, uint8_t(strobes & ~first)}) {
      if (bytes == 0 && bytes != strobes)
        continue;
      isa::HostAccess part = access;
      part.strobes = bytes;
      for (int byte = 0; byte != 4; ++byte)
        if (!(bytes >> byte & 1)) // what is not written may be anything
          part.value = (part.value & ~(0xFFu << 8 * byte)) | (uint32_t(random() & 0xFF) << 8 * byte);
      chooseManner(part);
      parts.push_back(part);
      if (bytes == strobes)
        break;
    }
    return parts;
  }

  isa::HostSignals step(uint64_t cycle, const isa::PortSignals &seen) {
    wasActive = !host.isDone();
    const isa::PortSignals &must = contract.now();
    expect("AWREADY", must.awready, seen.awready);
    expect("WREADY", must.wready, seen.wready);
    expect("BVALID", must.bvalid, seen.bvalid);
    expect("ARREADY", must.arready, seen.arready);
    expect("RVALID", must.rvalid, seen.rvalid);
    if (held.bvalid && held.bresp != seen.bresp)
      report("BRESP changed while it was stalled");
    if (held.rvalid && (held.rresp != seen.rresp || held.rdata != seen.rdata))
      report("RDATA or RRESP changed while it was stalled");
    const isa::HostSignals signals = host.step(cycle, seen);
    held.bvalid = seen.bvalid && !signals.bready;
    held.bresp = seen.bresp;
    held.rvalid = seen.rvalid && !signals.rready;
    held.rresp = seen.rresp;
    held.rdata = seen.rdata;
    contract.clock(signals);
    now = seen;
    return signals;
  }

  /// What is visible in the same cycle with the host's signals.
  void checkSettled(const isa::PortSignals &settled) {
    if (settled.awready != now.awready || settled.wready != now.wready || settled.arready != now.arready ||
        settled.bvalid != now.bvalid || settled.rvalid != now.rvalid)
      report("a ready or valid depends on the host's signals in the same cycle");
  }

  isa::RegisterHost host;

private:
  void chooseManner(isa::HostAccess &access) {
    if (isPrompt)
      return;
    access.addressAfter = uint32_t(random() % 4);
    access.dataAfter = uint32_t(random() % 4);
    access.takenAfter = uint32_t(random() % 4);
  }

  void expect(const char *signal, bool must, bool is) {
    if (must != is)
      report(std::string(signal) + (is ? " is high" : " is low") + " where section 10 of the contract says otherwise");
  }

  void report(const std::string &text) { broken.add("registers: " + text); }

  bool isPrompt;
  std::mt19937_64 random;
  isa::PortContract contract;
  isa::PortSignals held, now; // held: bresp and rdata of responses that wait
  bool wasActive = false;
  BrokenRules &broken;
};

} // namespace tw::rtl
#endif
