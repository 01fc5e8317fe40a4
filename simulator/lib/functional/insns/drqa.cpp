// SPDX-License-Identifier: Apache-2.0
#include "Drain.h"

namespace tw::simulator {

Effects executeDrqa(State &state, const isa::Line &line) { return executeDrain<isa::Opcode::Drqa>(state, line); }

} // namespace tw::simulator
