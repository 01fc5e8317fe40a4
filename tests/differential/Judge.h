// SPDX-License-Identifier: Apache-2.0
// One model, judged as an outsider would: does `check` say what compiling says, is the reference what the definition
// says, do the devices compute the reference?
#ifndef TW_TESTS_DIFFERENTIAL_JUDGE_H
#define TW_TESTS_DIFFERENTIAL_JUDGE_H

#include <cstdint>
#include <string>

namespace tw::test {

enum class Outcome : uint8_t {
  Right,
  Refused, // by check and compile alike
  NoModel, // the choices make none
  Wrong,   // definition, reference and devices do not agree
  Torn,  // check and compile say different things of whether it can be compiled, or compiling does, given back its own
         // schedule
  Fails, // compiled, but does not run, or cannot be judged
  Crash,
  Hang,
};
const char *outcomeName(Outcome outcome);
inline bool isFinding(Outcome outcome) { return outcome >= Outcome::Wrong; }

struct Verdict {
  Outcome outcome = Outcome::NoModel;
  std::string text;
  double npuShare = 0; // of the MAC, where it was compiled and has some
};

/// Sums that only extreme inputs reach are not reached by random ones.
enum class Inputs : uint8_t { Random, Lowest, Highest };
constexpr int kInputKinds = 3;

struct JudgeOptions {
  std::string config = "tw16";
  bool isTimed = false; // the cycle model as well, in lock-step with the functional model
  Inputs inputs = Inputs::Random;
  uint64_t seed = 1; // of random inputs
  int schedules = 0; // others, changed at random, by which the functional model must compute the same
};

/// `path`: an ONNX file.
Verdict judge(const std::string &path, const JudgeOptions &options);

} // namespace tw::test

#endif // TW_TESTS_DIFFERENTIAL_JUDGE_H
