// SPDX-License-Identifier: Apache-2.0
#include "host/HostCost.h"

#include <algorithm>

namespace tw::codegen {

namespace {

// What a core of a kind of processor is taken to do at best. Clock and bandwidth are assumed, not measured: the time is
// an estimate, for a faster processor too long and for most layers too short.
struct Peak {
  unsigned vectorBits;
  Dot dot;
  double floatMacs, int8Macs; // a cycle: two vectors of fma, or of the kind's products of bytes
  double gigahertz, bytesPerNs;
};

constexpr Peak kPeaks[] = {
    {512, Dot::Quads, 32, 128, 3.5, 40}, {512, Dot::Pairs, 32, 64, 3.5, 40}, {256, Dot::Pairs, 16, 32, 4.0, 30},
    {128, Dot::None, 8, 8, 3.0, 20},     {0, Dot::None, 1, 1, 2.0, 8},
};

} // namespace

double estimatedNs(const HostProcessor &processor, const HostWork &work) {
  const Peak &peak = *std::ranges::find_if(kPeaks, [&](const Peak &row) {
    return processor.vectorBits >= row.vectorBits && (row.dot == processor.dot || row.dot == Dot::None);
  });
  const double cycles = double(work.macs - work.macsInt8) / peak.floatMacs + double(work.macsInt8) / peak.int8Macs;
  return std::max(cycles / peak.gigahertz, double(work.bytes) / peak.bytesPerNs);
}

} // namespace tw::codegen
