// SPDX-License-Identifier: Apache-2.0
// What for: what became of each case, written down in a file of the tests: a list whose good rows do not shrink.
// Called by: the tests of recorded ONNX cases and of models that import.
// Does not: run a case; write into the source folder.
#ifndef TW_SUPPORT_GROWINGLIST_H
#define TW_SUPPORT_GROWINGLIST_H

#include <filesystem>
#include <map>
#include <string>

namespace tw::test {

using Rows = std::map<std::string, std::string>; // what became of a case by its name

/// The beginning of a reason, long enough to tell kinds apart: names and numbers come behind.
std::string firstWords(const std::string &text);

/// Fails the running test when a case that was `good` is not any more, with its reason in full where `full` has one, or
/// when it is not there; and, with the command that brings the list up to date, when more are good or reasons have
/// changed. `list` is a path below the source folder.
void checkGrowingList(const std::filesystem::path &list, const Rows &rows, const std::string &good, const Rows &full);

} // namespace tw::test

#endif // TW_SUPPORT_GROWINGLIST_H
