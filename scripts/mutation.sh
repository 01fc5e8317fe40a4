#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Mutation coverage of the design of tw8: builds one model with some 600 mutants in it (minutes), runs random programs,
# directed tests and the conformance suite on each (half an hour) and prints how many of each module were caught and
# what survived, against the survivors explained in tests/rtl/mutation_explained.txt. With --bus first the mutants are
# some 200 others, of the bus side and control alone. Further arguments go to tests/rtl/mutation.py run.
#   scripts/mutation.sh
#   scripts/mutation.sh --bus
#   scripts/mutation.sh --verbose --numbers 17 18
set -euo pipefail
cd "$(dirname "$0")/.."

group=mutants
if [ "${1:-}" = --bus ]; then
  group=bus_mutants
  shift
fi
scripts/build.sh release tw-cosim tw_cosim_test tw_rtl_test tw_conformance_test "tw_rtl_tw8_$group" >/dev/null
# Everybody looks for tw_rtl_tw8.so in the folder that TW_RTL_DIR names.
mkdir -p "build/mutation/$group"
ln -sf "../../lib/tw_rtl_tw8_$group.so" "build/mutation/$group/tw_rtl_tw8.so"
python3 tests/rtl/mutation.py run --folder "build/generated/rtl/$group" --plugins "build/mutation/$group" \
  --bin build/bin --explained tests/rtl/mutation_explained.txt "$@"
