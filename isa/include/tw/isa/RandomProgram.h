// SPDX-License-Identifier: Apache-2.0
// Random programs from the records: legal ones, ones with exactly one fault, and the tools to shrink them.
// Called by lock-step tests, fuzzers and benches; the same seed gives the same program on every host.
// Does not run anything: a caller compares models, or models with SemanticEval.
#ifndef TW_ISA_RANDOM_PROGRAM_H
#define TW_ISA_RANDOM_PROGRAM_H

#include "tw/isa/HwConfig.h"
#include "tw/isa/TestProgram.h"
#include <functional>
#include <optional>

namespace tw::isa {

struct RandomOptions {
  uint64_t seed = 0;
  int instructions = 40;                     // besides the loads that initialise the memories, fences and END
  uint64_t workPerLine = 1000;               // rows or steps of one instruction, at most about
  uint32_t spmWindow = 8192;                 // bytes of SPM in use: a small window means many dependences
  std::optional<Opcode> only = std::nullopt; // prefer this opcode (three lines of four)
  bool together = false; // begin with a long instruction of each engine, none of which waits for another one
  bool extremes = false; // many fields at an end of their range, kernels and channel blocks among them
  bool inherits = false; // SPM and ACC are what the job before left there: nothing is loaded into them first
  int moreFaults = 0;    // a program with a fault has so many more behind it, of lines that are never reached
  bool stores = true;    // end with stores of the whole SPM window to region 2, so that memory shows the result
};

// A legal program: checkProgram finds nothing, and the result does not depend on what the memories held before.
// Regions: 1 constants (read), 2 arena (read, write), 4 and 6 inputs (read), 5 and 7 outputs (write).
TestProgram randomProgram(const HwConfig &config, const RandomOptions &options);

// A random program that stops with exactly one fault.
struct FaultyProgram {
  TestProgram test;
  FaultCode code;      // what the functional model reports
  FaultCode timedCode; // what the timed models report: DEADLOCK for UNCOVERED_WAIT, otherwise the same
  uint32_t pc;
  uint64_t address; // of the fault record
};
// `code` is one of faultsOfPrograms().
FaultyProgram faultyProgram(const HwConfig &config, const RandomOptions &options, FaultCode code);
std::vector<FaultCode> faultsOfPrograms();

// One way for a program to be wrong: a fault, where it matters the instruction that raises it, and where that matters
// the field: below its range, misaligned, a region that it must not name, or at its largest value, which leaves a
// memory whatever its size.
struct Defect {
  FaultCode code; // of a field at its largest value: one of the bounds, which one depends on the rest of the line
  std::optional<Opcode> opcode = std::nullopt;
  int field = -1;
  int64_t region = -1;
};
// All that the table allows on this machine, each fault early in the list; the order is the same everywhere.
std::vector<Defect> defects(const HwConfig &config);
FaultyProgram faultyProgram(const HwConfig &config, const RandomOptions &options, const Defect &defect);

// Makes a failing program smaller: drops lines and reduces extents as long as `fails` holds for the result, which is
// always legal (checkProgram finds nothing).
TestProgram shrink(TestProgram test, const HwConfig &config, const std::function<bool(const TestProgram &)> &fails);

} // namespace tw::isa
#endif
