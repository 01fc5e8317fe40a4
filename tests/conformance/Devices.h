// SPDX-License-Identifier: Apache-2.0
// The transports of this build, and a device opened through one of them.
#ifndef TW_TESTS_CONFORMANCE_DEVICES_H
#define TW_TESTS_CONFORMANCE_DEVICES_H

#include "tw/drivers/MachineTransport.h"
#include "tw/drivers/tilewright.h"
#include "tw/support/Job.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace tw::conformance {

struct TransportCase {
  const char *name;
  decltype(&tw_transport_open_null) open;
  bool executes; // null does not
  bool isTimed;
  bool isa::FaultInfo::*raises = nullptr; // column of the fault table
};

inline std::vector<TransportCase> transports() {
  return {
      {"null", tw_transport_open_null, false, false},
      {"functional", tw_transport_open_functional, true, false, &isa::FaultInfo::onFunctional},
#ifdef TW_CONFORMANCE_CYCLE
      {"cycle", tw_transport_open_cycle, true, true, &isa::FaultInfo::onCycle},
#endif
#ifdef TW_CONFORMANCE_RTL
      {"rtl", tw_transport_open_rtl, true, true, &isa::FaultInfo::onRtl},
#endif
  };
}
inline std::vector<TransportCase> executingTransports() {
  std::vector<TransportCase> all = transports();
  std::erase_if(all, [](const TransportCase &transport) { return !transport.executes; });
  return all;
}

/// A tw8 with 1 MiB, and the memory that most tests want: code, constants (region 1), arena (region 2).
class Device {
public:
  static constexpr uint64_t kBytes = 1 << 20, kRegionBytes = 64 * 1024;

  /// Empty text on success; for rtl a missing plug-in is a reason to skip.
  std::string open(const TransportCase &transport, uint8_t poison = 0, const char *memory = "ideal") {
    tw_transport_config wanted{};
    drivers::writeConfig(config, wanted);
    wanted.memory_bytes = kBytes;
    wanted.memory = memory;
    wanted.poison = poison;
    tw_transport opened{};
    if (transport.open(&wanted, &opened, &error) != TW_OK)
      return error.text;
    EXPECT_EQ(tw_device_open(opened, &device, &error), TW_OK) << error.text;
    for (tw_memory *part : {&code, &constants, &arena})
      EXPECT_EQ(tw_memory_allocate(device, kRegionBytes, part, &error), TW_OK) << error.text;
    return "";
  }
  Device() = default;
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;
  ~Device() { tw_device_close(device); }

  void submit(const std::vector<isa::Line> &lines, uint64_t budget = 0, uint64_t waitLimit = 0) {
    const auto set = [&](uint32_t index, const tw_memory &memory, uint32_t permissions) {
      const tw_region region{memory.address, memory.bytes, permissions};
      tw_region_set(device, index, &region);
    };
    set(TW_ROLE_CODE, code, TW_REGION_PERM_EXECUTE_MASK);
    set(TW_ROLE_CONST, constants, TW_REGION_PERM_READ_MASK);
    set(TW_ROLE_ARENA, arena, TW_REGION_PERM_READ_MASK | TW_REGION_PERM_WRITE_MASK);
    for (size_t i = 0; i < lines.size(); ++i)
      std::memcpy(code.host + i * isa::kLineBytes, lines[i].bytes().data(), isa::kLineBytes);
    const tw_job job{0, uint32_t(lines.size()), budget, waitLimit};
    ASSERT_EQ(tw_job_submit(device, &job, &error), TW_OK) << error.text;
  }
  tw_status run(const std::vector<isa::Line> &lines, uint64_t budget = 0) {
    submit(lines, budget);
    return tw_job_wait(device, &result, &error);
  }

  isa::HwConfig config = test::testConfig("tw8");
  tw_device *device = nullptr;
  tw_memory code{}, constants{}, arena{};
  tw_job_result result{};
  tw_error error{};
};

} // namespace tw::conformance

#endif // TW_TESTS_CONFORMANCE_DEVICES_H
