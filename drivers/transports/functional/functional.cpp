// SPDX-License-Identifier: Apache-2.0
// The functional model as a device: results at once, no cycles.
#include "tw/drivers/MachineTransport.h"
#include "tw/simulator/FunctionalMachine.h"

using namespace tw;

tw_status tw_transport_open_functional(const tw_transport_config *config, tw_transport *transport, tw_error *error) {
  const Result<isa::HwConfig> machine = drivers::readConfig(*config);
  if (!machine)
    return drivers::fail(TW_ERROR_ARGUMENT, machine.diag(), error);
  isa::MachineOptions options;
  options.poison = config->poison;
  *transport =
      drivers::makeMachineTransport(simulator::createFunctionalMachine(*machine, config->memory_bytes, options));
  return TW_OK;
}
