// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Check.h"
#include "Configs.h"
#include <gtest/gtest.h>

using namespace tw::isa;

namespace {

// An instruction of the opcode with every field at its smallest value and strides of one row.
Line smallest(Opcode opcode) {
  Line line(opcode);
  for (const Field &field : instruction(opcode).fields)
    line.set(field.ref, field.min > 0 ? field.min : 0);
  return line;
}

std::optional<Fault> check(const Line &line) { return checkLine(line, tw16(), openRegions()); }

TEST(CheckTest, SmallestInstructionsAreLegal) {
  for (const Instruction &row : kInstructions)
    if (!row.isPlanned)
      EXPECT_EQ(check(smallest(row.opcode)), std::nullopt) << row.mnemonic;
}

TEST(CheckTest, OpcodesAreCheckedFirst) {
  Line line;
  EXPECT_EQ(check(line), (Fault{FaultCode::IllegalOpcode, 0}));
  line = Line(Opcode::Ext);
  line.set({500, 1, false}, 1);
  EXPECT_EQ(check(line), (Fault{FaultCode::Unimplemented, 0}));
}

TEST(CheckTest, EveryReservedBitFaults) {
  for (const Instruction &row : kInstructions) {
    if (row.isPlanned)
      continue;
    std::array<bool, kLineBits> used{};
    for (const auto *fields : {&kHeaderFields})
      for (const Field &field : *fields)
        std::fill_n(used.begin() + field.ref.lsb, field.ref.width, true);
    for (const Field &field : row.fields)
      std::fill_n(used.begin() + field.ref.lsb, field.ref.width, true);
    int reserved = 0;
    for (int bit = 0; bit != kLineBits; ++bit)
      if (!used[bit]) {
        ++reserved;
        Line line = smallest(row.opcode);
        line.set({uint16_t(bit), 1, false}, 1);
        EXPECT_EQ(check(line), (Fault{FaultCode::ReservedBits, 0})) << row.mnemonic << " bit " << bit;
      }
    EXPECT_GE(reserved, 8) << row.mnemonic;
  }
}

TEST(CheckTest, UnusedSlotsMustBeZero) {
  for (const auto *slots : {&kWaitSlots, &kPostSlots})
    for (const SyncSlot &slot : *slots) {
      Line line = smallest(Opcode::Gemm);
      line.set(slot.sem, 3);
      EXPECT_EQ(check(line), (Fault{FaultCode::ReservedBits, 0}));
      line.set(slot.valid, 1);
      EXPECT_EQ(check(line), std::nullopt);
      Line fence(Opcode::Fence);
      fence.set(slot.valid, 1);
      EXPECT_EQ(check(fence), (Fault{FaultCode::ReservedBits, 0}));
    }
}

TEST(CheckTest, NoSemaphoreIsNamedTwiceOnOneSide) {
  Line line = smallest(Opcode::Gemm);
  line.set(header::wait0_valid, 1).set(header::wait0_sem, 9).set(header::post1_valid, 1).set(header::post1_sem, 9);
  EXPECT_EQ(check(line), std::nullopt);
  Line waits = Line(line).set(header::wait2_valid, 1).set(header::wait2_sem, 9);
  EXPECT_EQ(check(waits), (Fault{FaultCode::BadShape, 0}));
  Line posts = Line(line).set(header::post0_valid, 1).set(header::post0_sem, 9);
  EXPECT_EQ(check(posts), (Fault{FaultCode::BadShape, 0}));
}

TEST(CheckTest, RangesComeBeforeAlignment) {
  Line line = smallest(Opcode::Conv);
  line.set(conv::x, 8);
  EXPECT_EQ(check(line), (Fault{FaultCode::Misaligned, 0}));
  line.set(conv::x_h, 0);
  EXPECT_EQ(check(line), (Fault{FaultCode::BadShape, 0}));
}

TEST(CheckTest, AStridedOperandMayEndAtTheLastByte) {
  HwConfig config = tw16();
  Line line = smallest(Opcode::Gemm);
  line.set(gemm::x_ms, 64).set(gemm::m_n, 10).set(gemm::x_ks, 16).set(gemm::k_n, 3);
  uint64_t size = 16 + 9 * 64 + 2 * 16; // last row, nine rows of m, two blocks of k
  EXPECT_EQ(footprint(line, instruction(Opcode::Gemm), 0, config), size);
  line.set(gemm::x, int64_t(config.spmBytes - size));
  EXPECT_EQ(check(line), std::nullopt);
  line.set(gemm::x, int64_t(config.spmBytes - size + 16));
  EXPECT_EQ(check(line), (Fault{FaultCode::SpmBounds, config.spmBytes + 16}));
}

TEST(CheckTest, FoldedReadsCountBytes) {
  Line line = smallest(Opcode::Convf);
  line.set(convf::x_b, 100).set(convf::x_h, 3).set(convf::x_hs, 112);
  EXPECT_EQ(footprint(line, instruction(Opcode::Convf), 0, tw16()), 1u + 99 + 2 * 112);
}

TEST(CheckTest, SplitWeightsCountTwoHalvesAsABlock) {
  Line line = smallest(Opcode::Convs);
  line.set(convs::x_w, 7).set(convs::x_h, 3).set(convs::x_hs, 112).set(convs::kh_n, 3).set(convs::kp_n, 2);
  EXPECT_EQ(footprint(line, instruction(Opcode::Convs), 0, tw16()), 16u + 6 * 16 + 2 * 112);
  EXPECT_EQ(footprint(line, instruction(Opcode::Convs), 1, tw16()), 3u * 2 * 16 * 16);
}

TEST(CheckTest, RecordsOfADrainEndWithTheirLastRow) {
  HwConfig config = tw16();
  Line line = smallest(Opcode::Drq);
  line.set(drq::oc_n, 4);
  // Head, then four pairs of rows.
  line.set(drq::param, int64_t(config.paramRows - 9));
  EXPECT_EQ(check(line), std::nullopt);
  line.set(drq::param, int64_t(config.paramRows - 8));
  EXPECT_EQ(check(line), (Fault{FaultCode::ParamBounds, config.paramRows + 1}));
}

TEST(CheckTest, TheTableOfAnAverageIsCountedInRows) {
  Line line = smallest(Opcode::Poolavg);
  line.set(poolavg::kh_n, 5).set(poolavg::kw_n, 7); // 35 words: three rows of 16, after the head
  const Semantics &semantics = *instruction(Opcode::Poolavg).semantics;
  for (size_t i = 0; i != semantics.accesses.size(); ++i)
    if (semantics.accesses[i].lane == LaneKind::Count)
      EXPECT_EQ(footprint(line, instruction(Opcode::Poolavg), int(i), tw16()), 4u);
}

TEST(CheckTest, TheFirstOperandInOrderDecides) {
  HwConfig config = tw16();
  Line line = smallest(Opcode::Drq);
  line.set(drq::acc, int64_t(config.accRows)).set(drq::y, int64_t(config.spmBytes));
  EXPECT_EQ(check(line), (Fault{FaultCode::AccBounds, config.accRows + 1}));
}

TEST(CheckTest, PermissionsComeBeforeTheBoundsOfARegion) {
  Regions regions = openRegions();
  Line line = smallest(Opcode::Ld);
  line.set(ld::offset, 1 << 20).set(ld::region, 5);
  EXPECT_EQ(checkLine(line, tw16(), regions), (Fault{FaultCode::RegionBounds, (1 << 20) + 16}));
  regions[5].canRead = false;
  EXPECT_EQ(checkLine(line, tw16(), regions), (Fault{FaultCode::RegionPermission, 0}));
  line = smallest(Opcode::St);
  line.set(st::region, 5);
  EXPECT_EQ(checkLine(line, tw16(), regions), std::nullopt);
  regions[5].canWrite = false;
  EXPECT_EQ(checkLine(line, tw16(), regions), (Fault{FaultCode::RegionPermission, 0}));
}

TEST(CheckTest, NoInstructionMayNameTheRegionOfCompletionRecords) {
  for (const Instruction &row : kInstructions) {
    const int region = row.isPlanned ? -1 : findField(row, "region");
    if (region < 0)
      continue;
    Line line = smallest(row.opcode);
    for (int index = 0; index != kRegions; ++index) {
      line.set(row.fields[size_t(region)].ref, index);
      const std::optional<Fault> fault = checkLine(line, tw16(), openRegions());
      const std::optional<Fault> expected =
          index == int(RegionRole::Completion) ? std::optional(Fault{FaultCode::RegionPermission, 0}) : std::nullopt;
      EXPECT_EQ(fault, expected) << row.mnemonic << " of region " << index;
    }
  }
}

TEST(CheckTest, HugeFootprintsSaturate) {
  Line line = smallest(Opcode::Ld);
  line.set(ld::n3, 65535).set(ld::ds3, 0xFFFFFFF0).set(ld::offset, 0xFFFFFFFFF0);
  EXPECT_EQ(check(line), (Fault{FaultCode::RegionBounds, 0xFFFFFFFFF0 + kFootprintMax}));
}

} // namespace
