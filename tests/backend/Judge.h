// SPDX-License-Identifier: Apache-2.0
// One case through everything that computes it: reference, definition, the graph after the passes, its
// loops, host code.
#ifndef TW_TESTS_BACKEND_JUDGE_H
#define TW_TESTS_BACKEND_JUDGE_H

#include "Case.h"

namespace tw::backend {

struct Verdict {
  // "passes"; or the beginning of why it cannot be asked: its exemption, what importing says, which stage has no such
  // operator yet.
  std::string row;
  std::string wrong; // a stage that computed something else: never to be accepted
};

inline constexpr const char *kPasses = "passes";

Verdict judge(const Case &tested);

} // namespace tw::backend

#endif // TW_TESTS_BACKEND_JUDGE_H
