// SPDX-License-Identifier: Apache-2.0
#include "CaseList.h"

#include <iostream>

namespace tw::backend {
namespace {

/// "171 of 1072 pass; 34 string, 12 training, 855 refused"
std::string summary(const Rows &rows) {
  std::map<std::string, int> kinds;
  for (const auto &[name, row] : rows)
    ++kinds[row.substr(0, row.find(':'))];
  std::string text = std::to_string(kinds[kPasses]) + " of " + std::to_string(rows.size()) + " pass";
  kinds.erase(kPasses);
  for (const auto &[kind, count] : kinds)
    text += (kind == kinds.begin()->first ? "; " : ", ") + std::to_string(count) + " " + kind;
  return text;
}

} // namespace

void checkList(const std::string &list, const Rows &rows) {
  std::cout << list << ": " << summary(rows) << "\n";
  test::checkGrowingList("tests/backend/" + list, rows, kPasses, {});
}

} // namespace tw::backend
