// SPDX-License-Identifier: Apache-2.0
// What every device does, whatever is behind its transport.
#include "Devices.h"

#include "tw/isa/Encoder.h"

#include <gmock/gmock.h>

#include <numeric>

using namespace tw;
using namespace tw::isa;
using namespace tw::conformance;

namespace {

constexpr int64_t kN = 8; // lanes of tw8

Line load(int64_t rows, int64_t offset = 0, int64_t spm = 0) {
  return Line(Opcode::Ld)
      .set(ld::region, 1)
      .set(ld::offset, offset)
      .set(ld::spm, spm)
      .set(ld::n0, rows)
      .set(ld::n1, 1)
      .set(ld::n2, 1)
      .set(ld::n3, 1);
}
Line store(int64_t rows, int64_t offset = 0, int64_t spm = 0) {
  return Line(Opcode::St)
      .set(st::region, 2)
      .set(st::offset, offset)
      .set(st::spm, spm)
      .set(st::n0, rows)
      .set(st::n1, 1)
      .set(st::n2, 1)
      .set(st::n3, 1);
}
Line loadParameters(int64_t rows) { return Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, rows); }
Line drain() { return Line(Opcode::Drq).set(drq::oc_n, 1).set(drq::oh_n, 1).set(drq::ow_n, 1); }
Line multiply() { return Line(Opcode::Gemm).set(gemm::m_n, 1).set(gemm::k_n, 1).set(gemm::oc_n, 1); }
Line posting(Line line, uint8_t semaphore, uint8_t amount = 1) {
  EXPECT_TRUE(addPost(line, {semaphore, amount}));
  return line;
}
Line waiting(Line line, uint8_t semaphore, uint8_t amount = 1) {
  EXPECT_TRUE(addWait(line, {semaphore, amount}));
  return line;
}
const Line kEnd(Opcode::End);

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
class ExecutionTest : public ConformanceTest {
protected:
  void SetUp() override {
    if (!GetParam().executes)
      GTEST_SKIP() << "unsupported: " << GetParam().name << " executes nothing";
    ConformanceTest::SetUp();
  }
};

TEST_P(ConformanceTest, TellsWhoItIs) {
  EXPECT_EQ(tw_device_read32(device.device, TW_REG_ID), 0x314E5754u);
  EXPECT_EQ(tw_device_read32(device.device, TW_REG_VERSION), 0x10000u);
  EXPECT_EQ(tw_device_cfg_hash(device.device), configHash(device.config));
  EXPECT_STREQ(tw_device_transport_name(device.device), GetParam().name);
}

TEST_P(ConformanceTest, RegistersKeepTheBitsThatTheyHave) {
  const auto walk = [&](uint32_t offset, uint32_t mask) {
    for (uint32_t pattern : {0xFFFFFFFFu, 0u, 0xA5A5A5A5u, 0x5A5A5A5Au}) {
      tw_device_write32(device.device, offset, pattern);
      EXPECT_EQ(tw_device_read32(device.device, offset) & mask, pattern & mask) << "offset " << offset;
    }
    tw_device_write32(device.device, offset, 0);
  };
  walk(TW_REG_CONTROL, TW_REG_CONTROL_SERIAL_MASK);
  walk(TW_REG_IRQ_ENABLE, TW_REG_IRQ_ENABLE_DONE_MASK);
  walk(TW_REG_JOB_LO, 0xFFFFFFC0);
  for (uint32_t region = 0; region < TW_REGIONS; ++region) {
    const uint32_t at = TW_REGION_REGISTERS + region * TW_REGION_REGISTER_STRIDE;
    walk(at + TW_REGION_BASE_LO, 0xFFFFF000);
    walk(at + TW_REGION_LIMIT_LO, 0xFFFFFFFF);
    walk(at + TW_REGION_PERM, 7);
  }
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
  tw_device_write32(device.device, TW_REG_IRQ_ENABLE, 0);
  EXPECT_FALSE(tw_device_interrupt(device.device)) << "not enabled";
  tw_device_write32(device.device, TW_REG_IRQ_ENABLE, 1);
  EXPECT_TRUE(tw_device_interrupt(device.device));
  tw_device_write32(device.device, TW_REG_IRQ_STATUS, 1);
  EXPECT_FALSE(tw_device_interrupt(device.device));
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

struct FaultCase {
  const char *name;
  std::vector<Line> lines;
  uint32_t code;
  uint32_t pc;
  uint32_t engine = TW_ENGINE_FE;
  bool timedOnly = false;
  uint64_t budget = 0;
};

std::vector<FaultCase> faultCases() {
  Line illegal, reserved = kEnd, unusedSlot = load(1), badField = load(1).set(ld::n0, 0);
  illegal.set(header::opcode, 0xFE);
  reserved.set({511, 1, false}, 1);
  unusedSlot.set(header::wait1_sem, 3);
  Line misaligned = load(1).set(ld::spm, 4), outside = load(1).set(ld::spm, 65536),
       notReadable = load(1).set(ld::region, 5);
  Line notWritable = store(1).set(st::region, 1), beyond = load(1).set(ld::offset, Device::kRegionBytes);
  Line accBounds = multiply().set(gemm::acc, 1023).set(gemm::m_n, 2);
  Line paramBounds = loadParameters(2).set(ldp::dst, 255);
  std::vector<Line> overflow(8, posting(load(1), 9, 8));
  return {
      {"IllegalOpcode", {load(1), illegal}, TW_FAULT_ILLEGAL_OPCODE, 1},
      {"Unimplemented", {Line(Opcode::Fill)}, TW_FAULT_UNIMPLEMENTED, 0},
      {"ReservedBit", {load(1), load(1), reserved}, TW_FAULT_RESERVED_BITS, 2},
      {"UnusedSlot", {unusedSlot}, TW_FAULT_RESERVED_BITS, 0},
      {"BadShape", {badField}, TW_FAULT_BAD_SHAPE, 0},
      {"Misaligned", {misaligned}, TW_FAULT_MISALIGNED, 0},
      {"SpmBounds", {outside}, TW_FAULT_SPM_BOUNDS, 0},
      {"AccBounds", {accBounds}, TW_FAULT_ACC_BOUNDS, 0},
      {"ParamBounds", {paramBounds}, TW_FAULT_PARAM_BOUNDS, 0},
      {"RegionBounds", {beyond}, TW_FAULT_REGION_BOUNDS, 0},
      {"RegionNotReadable", {notReadable}, TW_FAULT_REGION_PERMISSION, 0},
      {"RegionNotWritable", {load(3), notWritable}, TW_FAULT_REGION_PERMISSION, 1},
      {"SemOverflow", overflow, TW_FAULT_SEM_OVERFLOW, 7, TW_ENGINE_LA},
      {"SemLeak", {posting(load(1), 1), kEnd}, TW_FAULT_SEM_LEAK, 1},
      {"UninitParam", {drain(), kEnd}, TW_FAULT_UNINIT_PARAM, 0, TW_ENGINE_RQ},
      {"BadParam", {posting(loadParameters(3), 2), waiting(drain(), 2), kEnd}, TW_FAULT_BAD_PARAM, 1, TW_ENGINE_RQ},
      {"NoEnd", {load(1), load(1)}, TW_FAULT_NO_END, 2},
      {"Deadlock", {load(1), waiting(load(1), 4), kEnd}, TW_FAULT_DEADLOCK, 1, TW_ENGINE_LA, true},
      {"CycleBudget", {load(1000), load(1000), kEnd}, TW_FAULT_CYCLE_BUDGET, 2, TW_ENGINE_FE, true, 300},
  };
}

TEST_P(ExecutionTest, EveryFaultNamesItsCodeAndItsLine) {
  for (FaultCase fault : faultCases()) {
    SCOPED_TRACE(fault.name);
    if (fault.code == TW_FAULT_DEADLOCK && !GetParam().isTimed)
      fault.code = TW_FAULT_UNCOVERED_WAIT; // what a model without time calls it
    else if (fault.timedOnly && !GetParam().isTimed)
      continue;
    fault.lines.at(std::min<size_t>(fault.pc, fault.lines.size() - 1)).setTag(0x1234);
    EXPECT_EQ(device.run(fault.lines, fault.budget), TW_ERROR_FAULT);
    EXPECT_EQ(device.result.code, fault.code) << device.error.text;
    EXPECT_EQ(device.result.pc, fault.pc);
    EXPECT_EQ(device.result.engine, fault.engine);
    EXPECT_EQ(device.result.tag, fault.code == TW_FAULT_NO_END || fault.code == TW_FAULT_CYCLE_BUDGET ? 0 : 0x1234u);
    EXPECT_EQ(tw_device_read32(device.device, TW_REG_FAULT_PC), fault.pc) << "the snapshot says the same";
    EXPECT_EQ(tw_device_read32(device.device, TW_REG_FAULT) & 0xFF, fault.code);
    EXPECT_THAT(device.error.text, testing::HasSubstr(tw_fault_name(fault.code)));
    ASSERT_EQ(device.run({kEnd}), TW_OK) << "a fault leaves nothing behind: " << device.error.text;
  }
}

TEST_P(ExecutionTest, AnAddressBehindTheMemoryIsAnAxiError) {
  if (!GetParam().isTimed)
    GTEST_SKIP() << "unsupported: " << GetParam().name << " has no bus";
  const tw_region outside{1ull << 30, 65536, TW_REGION_PERM_READ_MASK | TW_REGION_PERM_WRITE_MASK};
  tw_region_set(device.device, 5, &outside);
  EXPECT_EQ(device.run({load(1), load(40).set(ld::region, 5).set(ld::offset, 256), load(1), kEnd}), TW_ERROR_FAULT);
  EXPECT_EQ(device.result.code, uint32_t(TW_FAULT_AXI_READ)) << device.error.text;
  EXPECT_EQ(device.result.pc, 1u);
  EXPECT_EQ(device.result.engine, uint32_t(TW_ENGINE_LA));
  EXPECT_EQ(device.result.address, outside.base + 256) << "the first burst that failed";
  EXPECT_EQ(device.run({store(40).set(st::region, 5).set(st::offset, 512), kEnd}), TW_ERROR_FAULT);
  EXPECT_EQ(device.result.code, uint32_t(TW_FAULT_AXI_WRITE)) << device.error.text;
  EXPECT_EQ(device.result.pc, 0u);
  EXPECT_EQ(device.result.engine, uint32_t(TW_ENGINE_ST));
  EXPECT_EQ(device.result.address, outside.base + 512);
  EXPECT_EQ(device.run({kEnd}), TW_OK) << device.error.text;
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

TEST_P(ExecutionTest, AnAbortEndsTheJobWithItsFault) {
  if (!GetParam().isTimed)
    GTEST_SKIP() << "unsupported: " << GetParam().name << " has no time in which to abort";
  std::vector<Line> lines(20, load(1000));
  lines.push_back(kEnd);
  device.submit(lines, 0, 300);
  ASSERT_EQ(tw_job_wait(device.device, &device.result, &device.error), TW_ERROR_TIMEOUT);
  tw_device_write32(device.device, TW_REG_ABORT, 1);
  ASSERT_EQ(tw_job_continue(device.device, 0, &device.result, &device.error), TW_ERROR_FAULT) << device.error.text;
  EXPECT_EQ(device.result.code, uint32_t(TW_FAULT_ABORTED));
  EXPECT_EQ(device.run({kEnd}), TW_OK) << device.error.text;
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

INSTANTIATE_TEST_SUITE_P(Transports, ExecutionTest, testing::ValuesIn(transports()),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
