// SPDX-License-Identifier: Apache-2.0
// Which bytes and rows a line touches, as lists of runs.
// Called by the program checker and by random programs.
// Does not check that they are inside their memory (Check.h); no bounding boxes: gaps between strides stay free.
#ifndef TW_ISA_FOOTPRINTS_H
#define TW_ISA_FOOTPRINTS_H

#include "tw/isa/HwConfig.h"
#include "tw/isa/Line.h"
#include <vector>

namespace tw::isa {

// [begin, end) in granules: bytes of SPM or of a region, rows of ACC and PARAM, LUT banks.
struct Run {
  uint64_t begin, end;
  constexpr bool operator==(const Run &) const = default;
};

struct Touched {
  int access; // index in the semantics
  Space space;
  int region; // of DRAM; otherwise -1
  bool isWrite, isRead;
  std::vector<Run> runs; // sorted, disjoint, not adjacent
};

// What a line that passed checkLine touches, one entry per access of its row. A window over an input tile touches the
// whole tile.
std::vector<Touched> touchedBy(const Line &line, const HwConfig &config);

// Whether an instruction reads bytes that it also writes through another operand with a different walk. Its reads may
// run ahead of its writes, so such an instruction has no defined result. Operands with the same walk are fine.
bool overlapsItself(const Line &line, const HwConfig &config);

} // namespace tw::isa
#endif
