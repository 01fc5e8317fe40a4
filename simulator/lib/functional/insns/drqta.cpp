// SPDX-License-Identifier: Apache-2.0
#include "Drain.h"

namespace tw::simulator {

Effects executeDrqta(State &state, const isa::Line &line) { return executeDrain<isa::Opcode::Drqta>(state, line); }

} // namespace tw::simulator
