// SPDX-License-Identifier: Apache-2.0
// What every device does, whatever is behind its transport.
#include "Devices.h"
#include "Lines.h"

#include <gmock/gmock.h>

#include <numeric>

using namespace tw;
using namespace tw::isa;
using namespace tw::conformance;

namespace {

class ConformanceTest : public testing::TestWithParam<TransportCase> {
protected:
  void SetUp() override {
    const std::string reason = device.open(GetParam());
    if (!reason.empty())
      GTEST_SKIP() << reason;
  }
  void fillConstants() { std::iota(device.constants.host, device.constants.host + Device::kRegionBytes, 0); }

  Device device;
};

/// What needs a device that executes.
class ExecutionTest : public ConformanceTest {};

TEST_P(ConformanceTest, TellsWhoItIs) {
  EXPECT_EQ(tw_device_read32(device.device, TW_REG_ID), 0x314E5754u);
  EXPECT_EQ(tw_device_read32(device.device, TW_REG_VERSION), 0x10000u);
  EXPECT_EQ(tw_device_cfg_hash(device.device), configHash(device.config));
  EXPECT_STREQ(tw_device_transport_name(device.device), GetParam().name);
}

/// Registers that keep what is written, and which of their bits do.
std::vector<std::pair<uint32_t, uint32_t>> keptRegisters() {
  std::vector<std::pair<uint32_t, uint32_t>> result = {{TW_REG_CONTROL, TW_REG_CONTROL_SERIAL_MASK},
                                                       {TW_REG_IRQ_ENABLE, TW_REG_IRQ_ENABLE_DONE_MASK},
                                                       {TW_REG_JOB_LO, 0xFFFFFFC0},
                                                       {TW_REG_JOB_HI, 0xFFFFFFFF}};
  for (uint32_t region = 0; region < TW_REGIONS; ++region) {
    const uint32_t at = TW_REGION_REGISTERS + region * TW_REGION_REGISTER_STRIDE;
    result.insert(result.end(), {{at + TW_REGION_BASE_LO, 0xFFFFF000},
                                 {at + TW_REGION_BASE_HI, 0xFFFFFFFF},
                                 {at + TW_REGION_LIMIT_LO, 0xFFFFFFFF},
                                 {at + TW_REGION_LIMIT_HI, 0xFFFFFFFF},
                                 {at + TW_REGION_PERM, 7}});
  }
  return result;
}

TEST_P(ConformanceTest, RegistersKeepTheBitsThatTheyHave) {
  std::vector<uint32_t> patterns = {0xFFFFFFFFu, 0u, 0xA5A5A5A5u, 0x5A5A5A5Au};
  for (int bit = 0; bit != 32; ++bit)
    patterns.push_back(1u << bit);
  for (const auto &[offset, mask] : keptRegisters()) {
    for (uint32_t pattern : patterns) {
      tw_device_write32(device.device, offset, pattern);
      EXPECT_EQ(tw_device_read32(device.device, offset) & mask, pattern & mask) << "offset " << offset;
    }
    tw_device_write32(device.device, offset, 0);
  }
}

TEST_P(ConformanceTest, AWriteOfARegisterChangesNoOtherOne) {
  const auto value = [](uint32_t offset) { return ~(offset * 0x9E3779B1u); };
  for (const auto &[offset, mask] : keptRegisters())
    tw_device_write32(device.device, offset, value(offset));
  for (const auto &[offset, mask] : keptRegisters())
    EXPECT_EQ(tw_device_read32(device.device, offset) & mask, value(offset) & mask) << "offset " << offset;
  tw_device_write32(device.device, TW_REG_IRQ_STATUS, 0);
  tw_device_write32(device.device, 0xF00, ~0u); // no register, as all offsets behind the map
  tw_device_write32(device.device, 0xFFC, ~0u);
  for (const auto &[offset, mask] : keptRegisters())
    EXPECT_EQ(tw_device_read32(device.device, offset) & mask, value(offset) & mask) << "offset " << offset;
}

TEST_P(ConformanceTest, ReadOnlyRegistersIgnoreWrites) {
  for (uint32_t offset :
       {TW_REG_ID, TW_REG_VERSION, TW_REG_ISA_HASH_LO, TW_REG_CFG_HASH_HI, TW_REG_STATUS, TW_REG_FAULT}) {
    const uint32_t before = tw_device_read32(device.device, offset);
    tw_device_write32(device.device, offset, ~before);
    EXPECT_EQ(tw_device_read32(device.device, offset), before) << "offset " << offset;
  }
  EXPECT_EQ(tw_device_read32(device.device, 0xF00), 0u) << "an unmapped offset reads zero";
}

TEST_P(ConformanceTest, AJobEndsWithItsRecordAndAnInterrupt) {
  device.submit({kEnd});
  EXPECT_EQ(tw_job_wait(device.device, &device.result, &device.error), TW_OK) << device.error.text;
  EXPECT_EQ(tw_device_read32(device.device, TW_REG_STATUS), TW_REG_STATUS_DONE_MASK);
  EXPECT_EQ(device.result.sequence, 1u);
  EXPECT_FALSE(tw_device_interrupt(device.device)) << "cleared by the wait";
  device.submit({kEnd});
  EXPECT_EQ(tw_job_wait(device.device, &device.result, &device.error), TW_OK);
  EXPECT_EQ(device.result.sequence, 2u);
}

TEST_P(ConformanceTest, TheInterruptStaysUntilItIsCleared) {
  device.submit({kEnd});
  const tw_transport_ops &ops = *tw_device_transport(device.device)->ops;
  ASSERT_TRUE(ops.wait(tw_device_transport(device.device)->context, 0));
  EXPECT_TRUE(tw_device_interrupt(device.device));
  EXPECT_EQ(tw_device_read32(device.device, TW_REG_IRQ_STATUS), TW_REG_IRQ_STATUS_DONE_MASK);
  tw_device_write32(device.device, TW_REG_IRQ_ENABLE, 0);
  EXPECT_FALSE(tw_device_interrupt(device.device)) << "not enabled";
  tw_device_write32(device.device, TW_REG_IRQ_ENABLE, 1);
  EXPECT_TRUE(tw_device_interrupt(device.device));
  tw_device_write32(device.device, TW_REG_IRQ_STATUS, 0);
  EXPECT_TRUE(tw_device_interrupt(device.device)) << "a zero clears nothing";
  tw_device_write32(device.device, TW_REG_IRQ_STATUS, 1);
  EXPECT_FALSE(tw_device_interrupt(device.device));
  EXPECT_EQ(tw_device_read32(device.device, TW_REG_IRQ_STATUS), 0u);
}

TEST_P(ExecutionTest, CopiesOfEverySizeArriveWhole) {
  fillConstants();
  for (int64_t rows : {1, 2, 15, 16, 17, 31, 100, 511, 513, 1000})
    for (int64_t offset : {int64_t{0}, kN, 15 * kN, 4096 - kN}) {
      std::memset(device.arena.host, 0xEE, Device::kRegionBytes);
      ASSERT_EQ(device.run({posting(load(rows, offset), 3), waiting(store(rows, offset), 3), kEnd}), TW_OK)
          << device.error.text;
      EXPECT_EQ(device.result.bytes_read, uint64_t(rows * kN));
      EXPECT_EQ(device.result.bytes_written, uint64_t(rows * kN));
      EXPECT_EQ(std::memcmp(device.arena.host + offset, device.constants.host + offset, rows * kN), 0)
          << rows << " rows at " << offset;
      EXPECT_EQ(device.arena.host[offset + rows * kN], 0xEE) << rows << " rows at " << offset;
      if (offset)
        EXPECT_EQ(device.arena.host[offset - 1], 0xEE) << rows << " rows at " << offset;
    }
}

TEST_P(ExecutionTest, SerialJobsHaveTheSameResult) {
  fillConstants();
  tw_device_serial(device.device, 1);
  ASSERT_EQ(device.run({posting(load(40), 0), waiting(store(40), 0), kEnd}), TW_OK) << device.error.text;
  EXPECT_EQ(std::memcmp(device.arena.host, device.constants.host, 40 * kN), 0);
}

TEST_P(ExecutionTest, AWriteOfARegisterDoesNotDisturbTheRunningJob) {
  std::vector<Line> lines(20, load(1000));
  lines.push_back(kEnd);
  device.submit(lines);
  const tw_transport_ops &ops = *tw_device_transport(device.device)->ops;
  EXPECT_EQ(ops.wait(tw_device_transport(device.device)->context, 200) != 0, !GetParam().isTimed);
  tw_device_write32(device.device, TW_REG_IRQ_ENABLE, 1);
  EXPECT_EQ(tw_job_wait(device.device, &device.result, &device.error), TW_OK) << device.error.text;
}

TEST_P(ExecutionTest, ResetInMidJobLeavesADeviceThatWorks) {
  fillConstants();
  std::vector<Line> lines(20, load(1000));
  lines.push_back(kEnd);
  device.submit(lines, 0, 200);
  const tw_status status = tw_job_wait(device.device, &device.result, &device.error);
  EXPECT_EQ(status, GetParam().isTimed ? TW_ERROR_TIMEOUT : TW_OK) << device.error.text;
  tw_device_reset(device.device);
  EXPECT_EQ(tw_device_read32(device.device, TW_REG_STATUS), 0u);
  ASSERT_EQ(device.run({posting(load(9), 0), waiting(store(9), 0), kEnd}), TW_OK) << device.error.text;
  EXPECT_EQ(std::memcmp(device.arena.host, device.constants.host, 9 * kN), 0);
}

/// Multiplies, drains and stores one row; everything that it reads is loaded by the same job.
std::vector<Line> smallNetwork() {
  return {posting(loadParameters(3), 0),
          posting(Line(Opcode::Ldw)
                      .set(ldw::region, 1)
                      .set(ldw::offset, 4096)
                      .set(ldw::spm, 16384)
                      .set(ldw::n0, kN)
                      .set(ldw::n1, 1)
                      .set(ldw::n2, 1)
                      .set(ldw::n3, 1),
                  1),
          posting(load(1, 8192), 2),
          posting(waiting(waiting(multiply().set(gemm::w, 16384), 1), 2), 3),
          posting(waiting(waiting(drain().set(drq::y, 32768), 0), 3), 4),
          waiting(store(1, 0, 32768), 4),
          kEnd};
}

TEST_P(ExecutionTest, ResultsDoNotDependOnWhatTheChipHeldBefore) {
  const auto prepare = [](Device &target) {
    for (size_t i = 0; i < Device::kRegionBytes; ++i)
      target.constants.host[i] = static_cast<uint8_t>(i * 37 >> 3);
    const uint32_t head[] = {0x7F8000}, multiplier = 0x3C000000; // no clamp; 2^-7
    std::memset(target.constants.host, 0, 96);
    std::memcpy(target.constants.host, head, sizeof head);
    for (int lane = 0; lane < kN; ++lane)
      std::memcpy(target.constants.host + 64 + lane * 4, &multiplier, sizeof multiplier);
  };
  prepare(device);
  ASSERT_EQ(device.run(smallNetwork()), TW_OK) << device.error.text;
  const std::vector<uint8_t> first(device.arena.host, device.arena.host + kN);
  EXPECT_THAT(first, testing::Contains(testing::Ne(0)));
  EXPECT_EQ(device.result.macs, uint64_t(kN * kN));

  ASSERT_EQ(device.run({load(1000, 7 * kN), loadParameters(200), kEnd}), TW_OK) << "another job in between";
  std::memset(device.arena.host, 0, kN);
  ASSERT_EQ(device.run(smallNetwork()), TW_OK) << device.error.text;
  EXPECT_EQ(std::memcmp(device.arena.host, first.data(), kN), 0);

  Device poisoned;
  ASSERT_EQ(poisoned.open(GetParam(), 0xA5, "random:5"), "");
  prepare(poisoned);
  ASSERT_EQ(poisoned.run(smallNetwork()), TW_OK) << poisoned.error.text;
  EXPECT_EQ(std::memcmp(poisoned.arena.host, first.data(), kN), 0);
}

INSTANTIATE_TEST_SUITE_P(Transports, ConformanceTest, testing::ValuesIn(transports()),
                         [](const auto &info) { return std::string(info.param.name); });

INSTANTIATE_TEST_SUITE_P(Transports, ExecutionTest, testing::ValuesIn(executingTransports()),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
