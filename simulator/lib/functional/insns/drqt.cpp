// SPDX-License-Identifier: Apache-2.0
#include "Drain.h"

namespace tw::simulator {

Effects executeDrqt(State &state, const isa::Line &line) { return executeDrain<isa::Opcode::Drqt>(state, line); }

} // namespace tw::simulator
