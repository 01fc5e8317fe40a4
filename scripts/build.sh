#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Configures and builds one preset: scripts/build.sh [preset] [ninja arguments]. TW_JOBS sets the number of jobs (2).
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}
shift || true
folder=build
[ "$preset" = release ] || folder=build-$preset

# An existing folder reconfigures itself when a CMake file changed.
if [ ! -f "$folder/build.ninja" ]; then
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
exec ninja -C "$folder" -j "${TW_JOBS:-2}" "$@"
