#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds the release preset and runs every test; needs no network once the packages are there.
# Arguments go to ctest: scripts/test.sh -R unit
set -euo pipefail
cd "$(dirname "$0")/.."

stage() { # stage <name> <command>...: runs the command and says how long it took
  local name=$1 start=$SECONDS
  shift
  "$@"
  echo "-- $name: $((SECONDS - start)) s"
}

stage "set up" scripts/setup.sh
stage "build" scripts/build.sh release
stage "test" ctest --test-dir build --output-on-failure --no-tests=error -j "${TW_JOBS:-2}" "$@"
