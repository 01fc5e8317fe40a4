#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds what co-simulation needs and runs random programs on the models in lock-step; arguments go to tw-cosim.
#   scripts/cosim.sh --programs 1000 --config tw8
#   scripts/cosim.sh --help
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f build/build.ninja ] || cmake --preset release >/dev/null
ninja -C build tw-cosim >/dev/null
exec build/bin/tw-cosim "$@"
