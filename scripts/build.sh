#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Configures and builds one preset: scripts/build.sh [--without-tests] [preset] [ninja arguments]. TW_JOBS sets the
# number of jobs (2). --without-tests: a new folder is configured without the tests and the packages that they need; the
# next build without this option adds them.
set -euo pipefail
cd "$(dirname "$0")/.."

tests=ON
if [ "${1:-}" = --without-tests ]; then
  tests=OFF
  shift
fi
preset=${1:-release}
shift || true
folder=build
[ "$preset" = release ] || folder=build-$preset

# An existing folder reconfigures itself when a CMake file changed.
if [ ! -f "$folder/build.ninja" ] ||
  { [ $tests = ON ] && grep -q '^TW_BUILD_TESTS:BOOL=OFF$' "$folder/CMakeCache.txt"; }; then
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  cmake --preset "$preset" -DTW_BUILD_TESTS=$tests >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
exec ninja -C "$folder" -j "${TW_JOBS:-2}" "$@"
