#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A million random rows through each sequence of the vector unit, and through the host's code of it, against double
# precision: some minutes of a processor.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh release tw_e2e >/dev/null
build/bin/tw_e2e --gtest_also_run_disabled_tests --gtest_filter='SequencesTest.*'
