#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds the release preset and runs every test; needs no network once the packages are there. The last lines
# are what was skipped, and why, how many recorded ONNX cases pass, and CTest's summary. Arguments go to ctest:
# scripts/test.sh -R unit
set -euo pipefail
cd "$(dirname "$0")/.."

stage() { # stage <name> <command>...: runs the command, says how long it took, keeps its exit status
  local name=$1 start=$SECONDS status=0
  shift
  "$@" || status=$?
  echo "-- $name: $((SECONDS - start)) s"
  return $status
}

run_tests() { # the output is kept so that the last line can be its summary
  ctest --test-dir build --output-on-failure --no-tests=error -j "${TW_JOBS:-2}" "$@" 2>&1 | tee build/ctest.log
}

stage "set up" scripts/setup.sh build test
echo "-- build: the first time ten minutes or so on two cores (TW_JOBS sets the number of jobs)"
stage "build" scripts/build.sh release
status=0
stage "test" run_tests "$@" || status=$?
python3 -B scripts/skipped.py build/Testing/Temporary/LastTest.log || true
grep -h '^[a-z_]*\.txt: [0-9]* of [0-9]* pass' build/Testing/Temporary/LastTest.log || true # recorded cases
grep 'tests passed' build/ctest.log || true
exit $status
