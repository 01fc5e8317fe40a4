// SPDX-License-Identifier: Apache-2.0
// What for: the list of comparisons that a verification made, each with its verdict and numbers, and the forms in which
// it is handed on: lines on the screen, JSON, JUnit.
// Called by: verify, and tests that judge generated models.
// Does not: compare anything.
#ifndef TW_TOOLS_LIB_VERIFY_CHECKS_H
#define TW_TOOLS_LIB_VERIFY_CHECKS_H

#include "../Common.h"

namespace tw::tools {

/// One comparison. `stage` is what was judged: definition (is the reference right?), reference (are its two fusions
/// equal?), a device's name, lock-step, recorded.
struct Check {
  std::string stage, subject; // subject: a quantiser, an output, a layer, two devices
  bool isGood = true;
  std::string text; // in one line: what was found
  int64_t compared = 0, different = 0;
  double largest = 0;
};

class Checks {
public:
  /// Where each line goes as it is made; nullptr: nowhere.
  explicit Checks(std::ostream *screen = nullptr) : screen(screen) {}

  /// A line that is no comparison.
  void note(const std::string &line);
  /// Keeps the comparison. `line` is what the screen gets for it; empty: nothing.
  void add(Check check, const std::string &line = "");
  /// The verification itself could not go on.
  void abort(const Diag &problem) { add({"verify", "run", false, problem.str()}); }

  const std::vector<Check> &all() const { return list; }
  int64_t failed() const;
  /// The first one that failed, as "stage subject: text"; empty if all are good.
  std::string firstFailure() const;

  std::string json(const std::string &file) const;
  /// One testsuite, one testcase each: class name = stage, name = subject.
  std::string junit(const std::string &file) const;

private:
  std::ostream *screen;
  std::vector<Check> list;
  std::vector<std::string> notes;
};

} // namespace tw::tools

#endif // TW_TOOLS_LIB_VERIFY_CHECKS_H
