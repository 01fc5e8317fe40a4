// SPDX-License-Identifier: Apache-2.0
#include "Wide.h"

namespace tw::simulator {

Effects executeNormrcp(State &state, const isa::Line &line) { return executeNorm(state, line, isa::normReciprocal); }

} // namespace tw::simulator
