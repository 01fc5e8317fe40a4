// SPDX-License-Identifier: Apache-2.0
// Rows of an instruction table, in short, for machines that tests make up: accesses in rows of lanes.
// Called by PairMachine.h and ToyTest.cpp. Does not know an instruction.
#ifndef TW_TESTS_UNIT_TENSORIZE_RECORDS_H
#define TW_TESTS_UNIT_TENSORIZE_RECORDS_H

#include "tw/isa/Tables.h"

namespace tw::test {

constexpr isa::Value byField(int index) { return {isa::Value::Field, index}; }
inline constexpr isa::Value kByLanes{isa::Value::Lanes, 0}, kOne{isa::Value::Literal, 1};

/// Bytes, walked by strides. Fields: of the base, of the region, of the value of padding.
constexpr isa::Access strided(std::string_view name, uint8_t space, isa::Dir dir, int16_t laneLoop, int16_t base,
                              std::span<const isa::Dim> dims, int16_t region = -1, int16_t pad = -1) {
  return {name,
          isa::Space(space),
          isa::Elem::I8,
          dir,
          isa::LaneKind::Loop,
          laneLoop,
          base,
          region,
          pad,
          true,
          dims,
          {},
          1,
          0,
          false};
}

/// Rows one behind the other, in the order of these loops, the first one `lead` rows from the base.
constexpr isa::Access packed(std::string_view name, uint8_t space, isa::Elem elem, isa::Dir dir, int16_t laneLoop,
                             int16_t base, std::span<const uint8_t> loops, int32_t lead = 0) {
  return {name,
          isa::Space(space),
          elem,
          dir,
          laneLoop < 0 ? isa::LaneKind::Scalar : isa::LaneKind::Loop,
          laneLoop,
          base,
          -1,
          -1,
          false,
          {},
          loops,
          1,
          lead,
          false};
}

} // namespace tw::test

#endif // TW_TESTS_UNIT_TENSORIZE_RECORDS_H
