#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Line and toggle coverage of the design of tw8: builds the model that counts (minutes), runs the conformance suite, the
# tests of the front end, directed tests and random programs on it (a hundred times slower than the usual one), and
# prints percent per module and what was missed, against the floors and the exclusions of
# tests/rtl/coverage_exclusions.txt. Arguments: number of random programs (200), then those of tests/rtl/coverage.py.
set -euo pipefail
cd "$(dirname "$0")/.."

programs=${1:-200}
shift || true
scripts/build.sh release tw-cosim tw_conformance_test tw_cosim_test tw_rtl_test tw_rtl_tw8_coverage >/dev/null
# Everybody looks for tw_rtl_tw8.so in the folder that TW_RTL_DIR names.
folder=build/coverage
rm -rf "$folder"
mkdir -p "$folder/counts"
for plugin in build/lib/tw_rtl_*.so; do ln -s "../lib/${plugin##*/}" "$folder"; done
ln -sf ../lib/tw_rtl_tw8_coverage.so "$folder/tw_rtl_tw8.so"
export TW_RTL_DIR=$folder TW_RTL_COVERAGE=$folder/counts
# Two at a time: the machine that everything is planned for has two cores.
(build/bin/tw_conformance_test --gtest_brief=1
 build/bin/tw_rtl_test --gtest_brief=1 --gtest_filter='*ControlTest.*/0'
 build/bin/tw_cosim_test --gtest_brief=1 --gtest_filter='*ExtremesTest.*/tw8:*FarTest.*/tw8') &
suites=$!
build/bin/tw_cosim_test --gtest_brief=1 --gtest_filter='DirectedTest.*'
build/bin/tw-cosim --config tw8 --models cycle,rtl --conditions 1 --faults-of 2 --programs "$programs" | tail -1
wait "$suites"
verilator_coverage --write "$folder/merged.dat" "$folder"/counts/*.dat
python3 tests/rtl/coverage.py "$folder/merged.dat" --exclusions tests/rtl/coverage_exclusions.txt "$@"
