// SPDX-License-Identifier: Apache-2.0
// Every row of the fault table on every device that it names; a row without a case fails here.
#include "FaultCases.h"
#include "Lines.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

using namespace tw;
using namespace tw::isa;
using namespace tw::conformance;

namespace {

class FaultTest : public testing::TestWithParam<TransportCase> {
protected:
  void SetUp() override {
    const std::string reason = device.open(GetParam(), 0, memoryThatRefuses().c_str());
    if (!reason.empty())
      GTEST_SKIP() << reason;
    std::iota(device.constants.host, device.constants.host + Device::kRegionBytes, 0);
  }

  tw_status run(const FaultCase &fault) {
    const tw_region closed{0, 0, 0};
    tw_region_set(device.device, 5, &closed);
    if (fault.before)
      fault.before(device);
    device.submit(fault.lines, fault.budget, fault.abortAfter);
    if (fault.descriptor) {
      const tw_transport &transport = *tw_device_transport(device.device);
      uint64_t bytes = 0;
      uint8_t *place =
          transport.ops->memory(transport.context, &bytes) + tw_device_read32(device.device, TW_REG_JOB_LO);
      tw_job_descriptor descriptor;
      std::memcpy(&descriptor, place, sizeof descriptor);
      fault.descriptor(descriptor);
      std::memcpy(place, &descriptor, sizeof descriptor);
    }
    const tw_status status = tw_job_wait(device.device, &device.result, &device.error);
    if (fault.abortAfter == 0)
      return status;
    tw_device_write32(device.device, TW_REG_ABORT, 1);
    return status != TW_ERROR_TIMEOUT ? status : tw_job_continue(device.device, 0, &device.result, &device.error);
  }

  /// A job that loads and stores, with other data each time.
  void expectThatTheNextJobIsRight() {
    const int64_t offset = 64 * kN + ++jobs * kN;
    std::memset(device.arena.host, 0xEE, 10 * kN);
    ASSERT_EQ(device.run({posting(load(9, offset), 0), waiting(store(9), 0), kEnd}), TW_OK) << device.error.text;
    EXPECT_EQ(std::memcmp(device.arena.host, device.constants.host + offset, 9 * kN), 0);
    EXPECT_EQ(device.arena.host[9 * kN], 0xEE);
    EXPECT_EQ(device.result.bytes_written, uint64_t(9 * kN));
  }

  void expectFault(const FaultCase &fault) {
    EXPECT_EQ(run(fault), TW_ERROR_FAULT) << device.error.text;
    EXPECT_EQ(device.result.code, uint32_t(fault.code)) << device.error.text;
    EXPECT_EQ(device.result.pc, fault.pc);
    EXPECT_EQ(device.result.engine, uint32_t(fault.engine));
    EXPECT_EQ(device.result.tag, fault.tag);
    EXPECT_EQ(device.result.address, fault.address);
    EXPECT_EQ(tw_device_read32(device.device, TW_REG_FAULT) & 0xFF, uint32_t(fault.code)) << "the snapshot agrees";
    EXPECT_EQ(tw_device_read32(device.device, TW_REG_FAULT_PC), fault.pc);
    EXPECT_EQ(tw_device_read32(device.device, TW_REG_FAULT_ADDR_LO), uint32_t(fault.address));
    EXPECT_THAT(device.error.text, testing::HasSubstr(tw_fault_name(uint32_t(fault.code))));
  }

  Device device;
  int64_t jobs = 0;
};

TEST_P(FaultTest, EveryRowOfTheTableIsRaisedWhereItSaysAndNowhereElse) {
  const std::vector<FaultCase> all = faultCases();
  for (const FaultInfo &row : kFaults) {
    if (row.code == FaultCode::None)
      continue;
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(row.onFunctional || row.onCycle || row.onRtl) << "no model raises this row";
    EXPECT_TRUE(std::ranges::any_of(all, [&](const FaultCase &fault) { return fault.code == row.code; }))
        << "add a case to FaultCases.cpp";
    for (const FaultCase &fault : all) {
      if (fault.code != row.code)
        continue;
      SCOPED_TRACE(fault.name);
      if (row.*GetParam().raises) {
        expectFault(fault);
      } else {
        (void)run(fault);
        EXPECT_NE(device.result.code, uint32_t(fault.code)) << "the table does not name this model";
      }
      expectThatTheNextJobIsRight();
    }
  }
}

TEST_P(FaultTest, ARowOfOtherModelsEndsWellOrIsItsCounterpart) {
  for (const FaultCase &fault : faultCases()) {
    const auto row = std::ranges::find(kFaults, fault.code, &FaultInfo::code);
    if ((*row).*GetParam().raises)
      continue;
    SCOPED_TRACE(fault.name);
    (void)run(fault);
    FaultCode counterpart = FaultCode::None; // time is missing: the job simply ends
    if (fault.code == FaultCode::Deadlock)
      counterpart = FaultCode::UncoveredWait;
    if (fault.code == FaultCode::UncoveredWait)
      counterpart = FaultCode::Deadlock;
    EXPECT_EQ(device.result.code, uint32_t(counterpart)) << device.error.text;
  }
}

INSTANTIATE_TEST_SUITE_P(Transports, FaultTest, testing::ValuesIn(executingTransports()),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
