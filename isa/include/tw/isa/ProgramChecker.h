// SPDX-License-Identifier: Apache-2.0
// Is this list of lines a legal program? Bounds, liveness and races, for every queue depth and memory latency.
// Called by assembler, code generation, random programs and conformance tests.
// Does not look at data: BAD_PARAM and faults of the memory are not visible here.
#ifndef TW_ISA_PROGRAM_CHECKER_H
#define TW_ISA_PROGRAM_CHECKER_H

#include "tw/isa/Check.h"
#include "tw/isa/Program.h"
#include <string>
#include <vector>

namespace tw::isa {

enum class FindingKind : uint8_t {
  BadLine,           // checkLine refuses it: `fault`
  UncoveredWait,     // no earlier posts cover the wait: a deadlock
  TwoPosters,        // two queues post one semaphore between two fences
  TwoWaiters,        // two queues wait for one semaphore between two fences
  SemaphoreOverflow, // a counter can pass 63 in some legal interleaving
  SemaphoreLeak,     // not zero at END
  Race,              // two queues touch the same bytes, at least one writes, and nothing orders them
  SelfOverlap,       // an instruction reads bytes that it writes, on different walks
  UninitParam,       // a parameter row or table is read that no earlier line loads
  NoEnd,             // the last line is not END, or END stands before
};

struct Finding {
  FindingKind kind;
  FaultCode fault;          // what a model raises; NONE where the result is undefined instead (Race, SelfOverlap)
  int first = -1, line = 0; // the lines concerned; `first` is -1 where there is only one
  std::string text;         // names both, with their disassembly
};

// All findings, in the order of the stream, at most `limit`. Two accesses are ordered when the earlier instruction's
// end happens before the later one's start: through its queue, semaphores (the k-th wait takes the posts in order) and
// fences. MX and RQ must not use the same half of ACC unordered, whatever the rows. Different regions are taken as
// different memory.
std::vector<Finding> checkProgram(const Program &program, const HwConfig &config, const Regions &regions,
                                  size_t limit = 20);

} // namespace tw::isa
#endif
