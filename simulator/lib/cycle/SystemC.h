// SPDX-License-Identifier: Apache-2.0
// The cycle model on the SystemC kernel. Called by the factory. Includes nothing of SystemC: that is SystemC.cpp's
// alone.
#ifndef TW_SIMULATOR_CYCLE_SYSTEMC_H
#define TW_SIMULATOR_CYCLE_SYSTEMC_H

#include "tw/simulator/Cycle.h"

namespace tw::simulator::cycle {

std::unique_ptr<isa::Machine> createSystemCMachine(const isa::HwConfig &config, uint64_t memoryBytes,
                                                   const CycleOptions &options);

} // namespace tw::simulator::cycle
#endif
