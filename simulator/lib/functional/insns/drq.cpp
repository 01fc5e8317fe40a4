// SPDX-License-Identifier: Apache-2.0
#include "Drain.h"

namespace tw::simulator {

Effects executeDrq(State &state, const isa::Line &line) { return executeDrain<isa::Opcode::Drq>(state, line); }

} // namespace tw::simulator
