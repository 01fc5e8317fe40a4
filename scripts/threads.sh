#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The threads of the driver, watched by the thread sanitizer: scripts/threads.sh [repetitions]. Builds the driver, the
# models and the conformance suite, which takes a minute, not the compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
repetitions=${1:-10}

cmake --preset release -B build-threads -DTW_BUILD_RTL=OFF -DTW_BUILD_COMPILER=OFF \
  -DCMAKE_C_FLAGS=-fsanitize=thread -DCMAKE_CXX_FLAGS=-fsanitize=thread >/dev/null
ninja -C build-threads ${TW_JOBS:+-j$TW_JOBS} tw_conformance_test
TSAN_OPTIONS=halt_on_error=1 build-threads/bin/tw_conformance_test --gtest_brief=1 --gtest_filter='ThreadsTest.*' \
  --gtest_repeat="$repetitions"
