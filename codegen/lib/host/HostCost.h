// SPDX-License-Identifier: Apache-2.0
// What for: an estimate of a host step's time on one thread, from its arithmetic and its bytes.
// Called by: the report, which calls it an estimate.
// Does not: measure; what a step takes is what run and profile say.
#ifndef TW_CODEGEN_LIB_HOST_HOSTCOST_H
#define TW_CODEGEN_LIB_HOST_HOSTCOST_H

#include "host/Tile.h"

namespace tw::codegen {

struct HostWork {
  int64_t macs = 0, macsInt8 = 0; // all, and those of int8 operands
  int64_t bytes = 0;              // read and written
};

double estimatedNs(const HostProcessor &processor, const HostWork &work);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_HOSTCOST_H
