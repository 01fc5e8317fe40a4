// SPDX-License-Identifier: Apache-2.0
// What one legal instruction does to the memories: fast kernels, one file per instruction in insns/.
// Used by the functional model (in stream order) and by the cycle model (when its timing says so).
// A line must have passed isa::checkLine against the same regions: nothing here looks at bounds again.
#ifndef TW_SIMULATOR_FUNCTIONAL_EXECUTE_H
#define TW_SIMULATOR_FUNCTIONAL_EXECUTE_H

#include "State.h"
#include "tw/isa/Line.h"

#include <optional>

namespace tw::simulator {

/// What counters and the completion record want to know.
struct Effects {
  uint64_t bytesRead = 0;    // of LA and LW
  uint64_t bytesWritten = 0; // of ST
  uint64_t mxRows = 0;       // activation rows streamed through the array
  uint64_t saturations = 0;  // lanes whose requantised value was outside int8
};

/// Executes an instruction of an engine. Control instructions do nothing here.
Effects execute(State &state, const isa::Line &line);

/// Sum of sumHash over the bytes of the operand that the instruction wrote, as they are now; addresses are bytes of the
/// memory (DRAM: physical). Call after execute(). 0 for control instructions.
uint64_t writtenHash(const State &state, const isa::Line &line);

/// Where an instruction meets a parameter that is missing or bad.
struct ParamFault {
  enum Step : uint8_t {
    Head,   // head of the record, or the table of lut
    Bias,   // bias row of channel block `index`
    Mult,   // multiplier row of channel block `index`
    Shift,  // shift row of channel block `index`
    Settle, // a multiplier of channel block `index` is bad
    Window, // multiplier row of poolavg, output row `index` in loop order
  };
  isa::FaultCode code;
  Step step;
  uint64_t index;
};

/// The first such place in the instruction's own order, with the parameter memory as it is now.
std::optional<ParamFault> checkParameters(const State &state, const isa::Line &line);

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_EXECUTE_H
