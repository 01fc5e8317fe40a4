// SPDX-License-Identifier: Apache-2.0
#include "Drain.h"

namespace tw::simulator {

Effects executeDrqal(State &state, const isa::Line &line) { return executeDrain<isa::Opcode::Drqal>(state, line); }

} // namespace tw::simulator
