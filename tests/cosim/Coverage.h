// SPDX-License-Identifier: Apache-2.0
// What random programs have met: rows of the instruction table, ends of the ranges of their fields, rows of the fault
// table, states of the engines. Filled by the sweep, printed by tw-cosim. Judges nothing.
#ifndef TW_TESTS_COSIM_COVERAGE_H
#define TW_TESTS_COSIM_COVERAGE_H

#include "Lockstep.h"

#include <map>
#include <set>

namespace tw::cosim {

class Coverage {
public:
  void add(const isa::Program &program);
  void add(const Observation &seen); // of a timed model; others say nothing about states

  /// Names of rows that the tables have and nobody met.
  std::vector<std::string> missingInstructions() const;
  std::vector<std::string> missingFaults() const; // of those that a timed model can raise
  std::vector<std::string> missingStates() const; // "MX wait_bank", without those that an engine cannot be in

  /// A few lines of text: how many of how many, and what is missing.
  std::string report() const;

private:
  struct FieldBins {
    bool least = false;       // of the range of the table
    std::set<int64_t> values; // the first few
  };
  std::map<isa::Opcode, uint64_t> instructions;
  std::map<std::string, FieldBins> fields; // "conv.kh_n"
  std::map<isa::FaultCode, uint64_t> faults;
  std::array<uint64_t, isa::kCounters> counters{}; // summed over runs
};

} // namespace tw::cosim

#endif // TW_TESTS_COSIM_COVERAGE_H
