// SPDX-License-Identifier: Apache-2.0
// Cases in a process of their own, so that one that crashes or hangs is a finding and not the end of the run.
#ifndef TW_TESTS_DIFFERENTIAL_WORKER_H
#define TW_TESTS_DIFFERENTIAL_WORKER_H

#include "Judge.h"

#include <functional>

namespace tw::test {

/// Runs `one(i)` for i in [begin, end) in order, in a child process that is replaced when it dies, and hands each
/// verdict to `done(i, verdict)` in this process. A case that takes longer than `seconds` is a hang.
void runInWorkers(uint64_t begin, uint64_t end, unsigned seconds, const std::function<Verdict(uint64_t)> &one,
                  const std::function<void(uint64_t, const Verdict &)> &done);

} // namespace tw::test

#endif // TW_TESTS_DIFFERENTIAL_WORKER_H
