// SPDX-License-Identifier: Apache-2.0
// The Verilated design as a device; the plug-in is found by the configuration's name.
#include "tw/drivers/MachineTransport.h"
#include "tw/rtl/Model.h"

#include <utility>

using namespace tw;

tw_status tw_transport_open_rtl(const tw_transport_config *config, tw_transport *transport, tw_error *error) {
  const Result<isa::HwConfig> machine = drivers::readConfig(*config);
  if (!machine)
    return drivers::fail(TW_ERROR_ARGUMENT, machine.diag(), error);
  const Result<isa::MemoryTimingConfig> memory = drivers::readMemoryTiming(*config);
  if (!memory)
    return drivers::fail(TW_ERROR_ARGUMENT, memory.diag(), error);
  isa::MachineOptions options;
  options.poison = config->poison;
  auto model = rtl::loadModel(machine->name, options, *memory, config->memory_bytes);
  if (!model)
    return drivers::fail(TW_ERROR_TRANSPORT, model.diag(), error);
  *transport = drivers::makeMachineTransport(std::move(*model));
  return TW_OK;
}
