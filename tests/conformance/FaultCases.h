// SPDX-License-Identifier: Apache-2.0
// Programs that raise the rows of the fault table, and what each must report.
#ifndef TW_TESTS_CONFORMANCE_FAULTCASES_H
#define TW_TESTS_CONFORMANCE_FAULTCASES_H

#include "Devices.h"

#include <functional>

namespace tw::conformance {

inline constexpr uint16_t kFaultTag = 0x1234;

/// Where the memory of a device refuses: region 5 is opened at one of these by those who want it.
inline constexpr uint64_t kRefusedBegin = Device::kBytes - 8192, kRefusedBytes = 8192; // SLVERR
inline constexpr uint64_t kBehindMemory = 1ull << 30;                                  // DECERR
std::string memoryThatRefuses();

struct FaultCase {
  isa::FaultCode code;
  std::string name;
  std::vector<isa::Line> lines;
  uint32_t pc = 0;
  isa::Engine engine = isa::Engine::FE;
  uint64_t address = 0;
  uint16_t tag = kFaultTag;
  uint64_t budget = 0;
  uint64_t abortAfter = 0;                                       // cycles; 0: no abort
  std::function<void(Device &)> before = nullptr;                // the doorbell
  std::function<void(tw_job_descriptor &)> descriptor = nullptr; // changes it after the doorbell, before it is read
};

/// Every row that a job can raise, some of them several times.
std::vector<FaultCase> faultCases();

} // namespace tw::conformance

#endif // TW_TESTS_CONFORMANCE_FAULTCASES_H
