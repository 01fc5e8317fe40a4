// SPDX-License-Identifier: Apache-2.0
#include "tw/simulator/Cycle.h"
#include "CoreEvents.h"
#include "CoreFrontEnd.h"
#include "CycleMachine.h"
#include "SystemC.h"

namespace tw::simulator {

std::unique_ptr<isa::Machine> createCycleMachine(const isa::HwConfig &config, uint64_t memoryBytes,
                                                 const CycleOptions &options) {
  if (options.kernel == CycleKernel::SystemC)
    return cycle::createSystemCMachine(config, memoryBytes, options);
  return std::make_unique<cycle::CycleMachine<cycle::PlainKernel>>(config, memoryBytes, options);
}

} // namespace tw::simulator
