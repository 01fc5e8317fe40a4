// SPDX-License-Identifier: Apache-2.0
// Rules of AXI4 that the design promises, checked on its port cycle by cycle.
// Called by Machine.cpp with what is visible in a cycle. Does not answer, time or move data.
#ifndef TW_RTL_MODEL_AXICHECKER_H
#define TW_RTL_MODEL_AXICHECKER_H

#include "BrokenRules.h"

#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <string>

namespace tw::rtl {

class AxiChecker {
public:
  AxiChecker(uint32_t beatBytes, uint64_t memoryBytes, BrokenRules &broken)
      : beatBytes(beatBytes), memoryBytes(memoryBytes), broken(broken) {}

  /// The machine was reset: what was on its way is forgotten, errors stay.
  void restart() {
    heldRead = heldWrite = std::nullopt;
    writes.clear();
    beat = 0;
    stalled = false;
  }

  /// An address channel: valid, its payload, and whether it is taken in this cycle.
  void address(const char *channel, bool valid, uint64_t addr, uint32_t len, uint32_t size, uint32_t burst,
               bool taken) {
    std::optional<Address> &held = channel[1] == 'R' ? heldRead : heldWrite;
    if (held && (!valid || held->addr != addr || held->len != len))
      report(channel, "payload changed or was withdrawn while stalled", addr);
    held = valid && !taken ? std::optional<Address>({addr, len}) : std::nullopt;
    if (!valid || !taken)
      return;
    uint64_t bytes = uint64_t(len + 1) * beatBytes;
    if ((1u << size) != beatBytes)
      report(channel, "beats are not of the full width", addr);
    if (burst != 1)
      report(channel, "burst is not INCR", addr);
    if (addr % beatBytes != 0)
      report(channel, "address is not aligned to a beat", addr);
    if (addr / 4096 != (addr + bytes - 1) / 4096)
      report(channel, "burst crosses a 4 KiB boundary", addr);
    if (memoryBytes != 0 && addr + bytes > memoryBytes)
      report(channel, "burst leaves the memory", addr);
    if (channel[1] == 'W')
      writes.push_back(len);
  }

  /// The write data channel; `data` holds beatBytes bytes, `strobes` a bit for each.
  void writeData(bool valid, const uint8_t *data, uint64_t strobes, bool last, bool taken) {
    if (stalled &&
        (!valid || held.last != last || held.strobes != strobes || std::memcmp(held.bytes, data, beatBytes) != 0))
      report("W", "payload changed or was withdrawn while stalled", 0);
    stalled = valid && !taken;
    if (stalled) {
      held.last = last;
      held.strobes = strobes;
      std::memcpy(held.bytes, data, beatBytes);
    }
    if (!valid || !taken)
      return;
    if ((strobes & (strobes + 1)) != 0)
      report("W", "strobes are not of the first bytes of a row", 0);
    if (writes.empty())
      return report("W", "data before their address", 0);
    if (last != (beat == writes.front()))
      report("W", last ? "WLAST is early" : "WLAST is missing", 0);
    if (beat++ == writes.front()) {
      writes.pop_front();
      beat = 0;
    }
  }

private:
  struct Address {
    uint64_t addr;
    uint32_t len;
  };
  struct Data {
    uint8_t bytes[64];
    uint64_t strobes;
    bool last;
  };

  void report(const char *channel, const char *text, uint64_t addr) {
    broken.add(std::string(channel) + ": " + text + " (address " + std::to_string(addr) + ")");
  }

  uint32_t beatBytes;
  uint64_t memoryBytes;
  std::optional<Address> heldRead, heldWrite;
  std::deque<uint32_t> writes; // lengths minus one of addresses whose data have not all come
  uint32_t beat = 0;
  bool stalled = false;
  Data held{};
  BrokenRules &broken;
};

} // namespace tw::rtl
#endif
