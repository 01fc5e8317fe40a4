// SPDX-License-Identifier: Apache-2.0
// Other schedules of a model, most of them bad ones: whatever a schedule says, what is computed stays the same.
#ifndef TW_TESTS_DIFFERENTIAL_SCHEDULES_H
#define TW_TESTS_DIFFERENTIAL_SCHEDULES_H

#include <cstdint>
#include <string>

namespace tw::test {

/// A schedule's text (tw/tensorize/ScheduleText.h) with other tiles, orders, places and beginnings, drawn at random.
/// Not every such schedule is possible.
std::string changedSchedule(const std::string &text, uint64_t seed);

} // namespace tw::test

#endif // TW_TESTS_DIFFERENTIAL_SCHEDULES_H
