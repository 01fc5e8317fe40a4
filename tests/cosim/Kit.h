// SPDX-License-Identifier: Apache-2.0
// A folder with everything that is needed to look at a divergence: program, stimulus, both models' states, waveform.
// Called by the sweep when models differ, and by tw-cosim to add the waveform later. Does not find or shrink anything.
#ifndef TW_TESTS_COSIM_KIT_H
#define TW_TESTS_COSIM_KIT_H

#include "Lockstep.h"

namespace tw::cosim {

/// The files of a kit; <model> is the name of each of the two models.
///   README.txt          what differs and how to repeat it
///   program.twasm       the program; next.twasm: the job after it, where there is one
///   stimulus.cfg        machine, memory and its errors, reset, abort, poison
///   place.txt           job and cycle of the divergence
///   differences.txt     instructions, counters and first bytes that differ
///   <model>.state.txt   registers, engines, queues, semaphores in that cycle (without time: the outcome)
///   <model>.trace.txt   outcome, every retired instruction, counters
///   <model>.<SPACE>.bin memories after the run
///   wave.vcd            the design round that cycle, when the plug-in that traces is built
struct Kit {
  std::string folder;
  Scenario scenario;
  Divergence divergence;
  Model models[2];
  Observation seen[2];
};
void writeKit(const Kit &kit);

/// Cycles before and after the divergence that a waveform shows.
inline constexpr uint64_t kWaveformMargin = 100;

/// Writes wave.vcd into a kit. The Diag of a missing plug-in names the command that builds it.
Status writeWaveform(const std::string &folder);

} // namespace tw::cosim

#endif // TW_TESTS_COSIM_KIT_H
