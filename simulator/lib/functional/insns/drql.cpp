// SPDX-License-Identifier: Apache-2.0
#include "Drain.h"

namespace tw::simulator {

Effects executeDrql(State &state, const isa::Line &line) { return executeDrain<isa::Opcode::Drql>(state, line); }

} // namespace tw::simulator
