// SPDX-License-Identifier: Apache-2.0
// What blocks, tensors and loops are called in a schedule's text, so that each has a name of its own. Called by
// printing and reading. Does not know what the names stand for.
#ifndef TW_TENSORIZE_LIB_SCHEDULE_NAMES_H
#define TW_TENSORIZE_LIB_SCHEDULE_NAMES_H

#include "tw/tensorize/Schedule.h"

namespace tw::tensorize {

/// "name", or "name":2 for the second of this name; quotes and unprintable bytes inside as \XX.
std::vector<std::string> taskNames(const Segment &segment);
std::vector<std::string> tensorNames(const Segment &segment);

/// The same without quotes: names of loops have no blanks.
std::vector<std::string> loopNames(const Mapping &mapping);

/// Chain and number of each mapping of a task: the first on conv+drq is "conv+drq 1".
std::vector<std::string> mappingNames(const Task &task);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_LIB_SCHEDULE_NAMES_H
