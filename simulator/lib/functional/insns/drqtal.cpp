// SPDX-License-Identifier: Apache-2.0
#include "Drain.h"

namespace tw::simulator {

Effects executeDrqtal(State &state, const isa::Line &line) { return executeDrain<isa::Opcode::Drqtal>(state, line); }

} // namespace tw::simulator
