// SPDX-License-Identifier: Apache-2.0
#include "tw/drivers/MachineTransport.h"

#include <cstdio>
#include <string>
#include <string_view>

namespace tw::drivers {

namespace {

isa::Machine &machineOf(void *context) { return *static_cast<isa::Machine *>(context); }

uint32_t read32(void *context, uint32_t offset) { return machineOf(context).readRegister(offset); }
void write32(void *context, uint32_t offset, uint32_t value) { machineOf(context).writeRegister(offset, value); }
uint8_t *memory(void *context, uint64_t *bytes) {
  const std::span<uint8_t> span = machineOf(context).memory();
  *bytes = span.size();
  return span.data();
}
int wait(void *context, uint64_t limit) { return machineOf(context).runUntilIdle(limit); }
int interrupt(void *context) { return machineOf(context).interrupt(); }
void reset(void *context) { machineOf(context).reset(); }
void close(void *context) { delete &machineOf(context); }

template <const char *Name>
constexpr tw_transport_ops kOps{Name, read32, write32, memory, wait, interrupt, reset, close};
constexpr char kFunctional[] = "functional", kCycle[] = "cycle", kRtl[] = "rtl", kMachine[] = "machine";

const tw_transport_ops *opsOf(std::string_view name) {
  if (name == kFunctional)
    return &kOps<kFunctional>;
  if (name == kCycle)
    return &kOps<kCycle>;
  return name == kRtl ? &kOps<kRtl> : &kOps<kMachine>;
}

} // namespace

tw_transport makeMachineTransport(std::unique_ptr<isa::Machine> machine) {
  const tw_transport_ops *ops = opsOf(machine->modelName());
  return {ops, machine.release()};
}

Result<isa::HwConfig> readConfig(const tw_transport_config &config) {
  isa::HwConfig result;
  result.name = config.name ? config.name : "";
  for (size_t i = 0; i < isa::kConfigKeys.size(); ++i)
    result.*isa::kConfigKeys[i].member = config.values[i];
  if (Status status = isa::validate(result); !status)
    return status.diag();
  return result;
}

Result<isa::MemoryTimingConfig> readMemoryTiming(const tw_transport_config &config) {
  const std::string text = config.memory ? config.memory : "ideal";
  auto timing = isa::parseMemoryTiming(text);
  if (!timing)
    return Diag{text, "is no memory: use ideal, ideal:<latency>[:<of writes>], rows or random:<seed>"};
  timing->memoryBytes = config.memory_bytes;
  return *timing;
}

void writeConfig(const isa::HwConfig &config, tw_transport_config &to) {
  to.name = config.name.c_str();
  to.cfg_hash = isa::configHash(config);
  for (size_t i = 0; i < isa::kConfigKeys.size(); ++i)
    to.values[i] = config.*isa::kConfigKeys[i].member;
}

tw_status fail(tw_status status, const Diag &diag, tw_error *error) {
  if (!error)
    return status;
  *error = {};
  error->status = status;
  std::snprintf(error->text, sizeof error->text, "%s", diag.str().c_str());
  return status;
}

} // namespace tw::drivers
