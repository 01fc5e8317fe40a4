// SPDX-License-Identifier: Apache-2.0
#include "Drain.h"

namespace tw::simulator {

Effects executeDrqtl(State &state, const isa::Line &line) { return executeDrain<isa::Opcode::Drqtl>(state, line); }

} // namespace tw::simulator
