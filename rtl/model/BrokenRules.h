// SPDX-License-Identifier: Apache-2.0
// What the checkers of both ports found, a text each. Filled by AxiChecker.h and HostPort.h, shown by Machine.cpp.
#ifndef TW_RTL_MODEL_BROKENRULES_H
#define TW_RTL_MODEL_BROKENRULES_H

#include <string>
#include <vector>

namespace tw::rtl {

struct BrokenRules {
  static constexpr size_t kMost = 32; // the first say what is wrong
  std::vector<std::string> texts;
  void add(std::string text) {
    if (texts.size() < kMost)
      texts.push_back(std::move(text));
  }
};

} // namespace tw::rtl
#endif
