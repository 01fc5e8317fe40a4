// SPDX-License-Identifier: Apache-2.0
// What became of each case, written down: a list whose passing rows do not shrink.
#ifndef TW_TESTS_BACKEND_CASELIST_H
#define TW_TESTS_BACKEND_CASELIST_H

#include "Judge.h"

#include "tw/support/GrowingList.h"

namespace tw::backend {

using test::Rows; // Verdict::row by the case's name

/// Fails the running test when a case that passed does not any more, or is not there; and, with the command that brings
/// the list up to date, when more pass or reasons have changed. Prints how many there are of each kind.
void checkList(const std::string &list, const Rows &rows);

} // namespace tw::backend

#endif // TW_TESTS_BACKEND_CASELIST_H
