// SPDX-License-Identifier: Apache-2.0
// Is this line legal on this machine? The checks of the front end, in its order, with its fault codes and addresses.
// Called by every model before an instruction starts, by the program checker and by random programs.
// Does not look at other lines: liveness and races are in ProgramChecker.h.
#ifndef TW_ISA_CHECK_H
#define TW_ISA_CHECK_H

#include "tw/isa/HwConfig.h"
#include "tw/isa/Line.h"
#include <array>
#include <optional>

namespace tw::isa {

struct Region {
  uint64_t limit = 0; // bytes
  bool canRead = false, canWrite = false;
};
using Regions = std::array<Region, kRegions>;

struct Fault {
  FaultCode code;
  uint64_t address = 0; // bounds: end of the operand in granules of its space; otherwise 0
  constexpr bool operator==(const Fault &) const = default;
};

// Footprints saturate here, as the front end's register does.
inline constexpr uint64_t kFootprintMax = (uint64_t(1) << 40) - 1;

// The first broken rule: opcode (ILLEGAL_OPCODE), planned row (UNIMPLEMENTED), reserved bits and unused slots
// (RESERVED_BITS), ranges and no semaphore twice among waits or among posts (BAD_SHAPE), row alignment (MISALIGNED),
// then each operand in the order of the row's accesses: for DRAM the permission (REGION_PERMISSION), then the bounds of
// its memory. All are raised by the front end.
std::optional<Fault> checkLine(const Line &line, const HwConfig &config, const Regions &regions);

// The checks that need no footprint: up to and including MISALIGNED.
std::optional<FaultCode> checkFields(const Line &line, const HwConfig &config);

// The checks that hold on every machine: up to and including BAD_SHAPE.
std::optional<FaultCode> checkEncoding(const Line &line);

// Whether an instruction may read or write a region at all: it is one of the table's program_regions, and open for
// that.
bool isPermitted(const Regions &regions, uint64_t region, Dir dir);

// Granules (bytes, rows, banks) from the base of an operand to its end, by the footprint program.
uint64_t footprint(const Line &line, const Instruction &row, int access, const HwConfig &config);

} // namespace tw::isa
#endif
