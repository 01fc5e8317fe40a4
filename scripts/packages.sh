#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Hostile packages, many of them, through driver and command line, watched by the address and undefined-behaviour
# sanitizers: scripts/packages.sh [cases] [first seed]. The compiler itself is built without them, which saves an hour.
set -euo pipefail
cd "$(dirname "$0")/.."
cases=${1:-100000} seed=${2:-1}

export ASAN_OPTIONS=allocator_may_return_null=1 TW_FUZZ_SEED=$seed TW_FUZZ_COUNT=$cases
cmake --preset release -B build-packages -DTW_BUILD_RTL=OFF -DTW_SANITIZE=ON \
  '-DTW_SANITIZE_DIRECTORIES=isa;drivers;simulator;tools' >/dev/null
ninja -C build-packages ${TW_JOBS:+-j$TW_JOBS} tw_fuzz tw_fuzz_verbs
build-packages/bin/tw_fuzz --gtest_brief=1 '--gtest_filter=PackageFuzz.*'
build-packages/bin/tw_fuzz_verbs --gtest_brief=1
