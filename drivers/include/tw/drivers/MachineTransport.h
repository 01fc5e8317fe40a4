// SPDX-License-Identifier: Apache-2.0
// Any isa::Machine as a transport: what the transports of the three models share.
// Called by drivers/transports/{functional,cycle,rtl} and by tests that keep a hand on the machine.
// Does not build machines.
#ifndef TW_DRIVERS_MACHINETRANSPORT_H
#define TW_DRIVERS_MACHINETRANSPORT_H

#include "tw/drivers/transports.h"
#include "tw/isa/Diag.h"
#include "tw/isa/HwConfig.h"
#include "tw/isa/Machine.h"
#include "tw/isa/MemoryTiming.h"

#include <memory>

namespace tw::drivers {

/// The transport owns the machine and has the name of its model.
tw_transport makeMachineTransport(std::unique_ptr<isa::Machine> machine);

/// The configuration of a C caller, validated.
Result<isa::HwConfig> readConfig(const tw_transport_config &config);
/// The memory behind a timed model; ideal if the caller names none.
Result<isa::MemoryTimingConfig> readMemoryTiming(const tw_transport_config &config);
/// A configuration for a C caller; `to.name` points into `config`.
void writeConfig(const isa::HwConfig &config, tw_transport_config &to);

/// Fills `error` (may be null) and returns `status`.
tw_status fail(tw_status status, const Diag &diag, tw_error *error);

} // namespace tw::drivers

#endif // TW_DRIVERS_MACHINETRANSPORT_H
