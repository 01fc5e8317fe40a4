// SPDX-License-Identifier: Apache-2.0
// Machines of the unit tests of isa, as values.
#ifndef TW_TESTS_UNIT_ISA_CONFIGS_H
#define TW_TESTS_UNIT_ISA_CONFIGS_H

#include "tw/isa/Check.h"

namespace tw::isa {

inline HwConfig tw16() { return {"tw16", 16, 262144, 16, 1024, 256, 8, 16, 16, 32, 4, 4, 4, 1, 1, 1000}; }

inline HwConfig tw8() { return {"tw8", 8, 65536, 8, 1024, 256, 8, 8, 16, 32, 4, 4, 4, 1, 1, 1000}; }

// All regions readable and writable, 1 MiB each.
inline Regions openRegions() {
  Regions regions;
  regions.fill({1 << 20, true, true});
  return regions;
}

} // namespace tw::isa
#endif
