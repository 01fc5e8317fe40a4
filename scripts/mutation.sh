#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Mutation coverage of the design of tw8: builds one model with some 600 mutants in it (minutes), runs random programs,
# directed tests and the conformance suite on each (half an hour) and prints how many of each module were caught and
# what survived, against the survivors explained in tests/rtl/mutation_explained.txt. Arguments go to
# tests/rtl/mutation.py run.
#   scripts/mutation.sh
#   scripts/mutation.sh --verbose --numbers 17 18
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh release tw-cosim tw_cosim_test tw_conformance_test tw_rtl_tw8_mutants >/dev/null
# Everybody looks for tw_rtl_tw8.so in the folder that TW_RTL_DIR names.
mkdir -p build/mutation
ln -sf ../lib/tw_rtl_tw8_mutants.so build/mutation/tw_rtl_tw8.so
python3 tests/rtl/mutation.py run --folder build/generated/rtl/mutants --plugins build/mutation \
  --bin build/bin --explained tests/rtl/mutation_explained.txt "$@"
