// SPDX-License-Identifier: Apache-2.0
// The cycle model as a device: results and the cycles of the design.
#include "tw/simulator/Cycle.h"
#include "tw/drivers/MachineTransport.h"

using namespace tw;

tw_status tw_transport_open_cycle(const tw_transport_config *config, tw_transport *transport, tw_error *error) {
  const Result<isa::HwConfig> machine = drivers::readConfig(*config);
  if (!machine)
    return drivers::fail(TW_ERROR_ARGUMENT, machine.diag(), error);
  const Result<isa::MemoryTimingConfig> memory = drivers::readMemoryTiming(*config);
  if (!memory)
    return drivers::fail(TW_ERROR_ARGUMENT, memory.diag(), error);
  simulator::CycleOptions options;
  options.poison = config->poison;
  options.memory = *memory;
  *transport = drivers::makeMachineTransport(simulator::createCycleMachine(*machine, config->memory_bytes, options));
  return TW_OK;
}
