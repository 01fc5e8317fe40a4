// SPDX-License-Identifier: Apache-2.0
// What random programs have met, as bins that follow from the instruction table: filled by the sweep, merged over runs
// through a file, printed by tw-cosim. docs: tests/cosim/README.md. Judges nothing.
#ifndef TW_TESTS_COSIM_COVERAGE_H
#define TW_TESTS_COSIM_COVERAGE_H

#include "Lockstep.h"

#include <map>
#include <set>

namespace tw::cosim {

/// The names of all bins, "<group>/<what>": those of instructions, fields, faults, engines, semaphores, counters,
/// memories and edges. In CoverageBins.cpp, as all that says what is a bin.
const std::set<std::string> &allBins();

/// Bins that nobody has to meet: a line "<bin> <reason>" each, '#' starts a comment.
struct Exclusions {
  std::map<std::string, std::string> reasons;
  static Result<Exclusions> read(const std::string &path);
};

class Coverage {
public:
  /// The lines that a front end has seen: all up to line `last`, that one included.
  void add(const isa::TestProgram &test, const isa::HwConfig &config, size_t last);
  void add(const Scenario &scenario, const Observation &seen); // of a timed model; others say nothing about states
  void hit(const std::string &bin) { ++hits[bin]; }

  uint64_t count(const std::string &bin) const;
  /// Names of bins of a group that nobody met, in order; of all groups where it is empty.
  std::vector<std::string> missed(const std::string &group = {}) const;
  /// Met, but no bin: a defect of the collector.
  std::vector<std::string> unknown() const;

  /// A table of the groups and the bins that were missed, by name; excluded ones apart.
  std::string report(const Exclusions &exclusions) const;
  /// What is wrong with the exclusions: a bin that was met all the same, or that is none. Empty if nothing.
  std::string staleExclusions(const Exclusions &exclusions) const;

  /// Adds the counts of a file that save() wrote. A file that is not there adds nothing.
  Status load(const std::string &path);
  Status save(const std::string &path) const;

private:
  std::map<std::string, uint64_t> hits;
};

} // namespace tw::cosim

#endif // TW_TESTS_COSIM_COVERAGE_H
