#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Many random models against their definition: scripts/differential.sh [operators] [graphs] [seed], by default 25,000
# single operators and 5,000 graphs from seed 1, on tw8, tw16 and tw32 (most of an hour on two cores). Findings are made
# smaller and kept in build/differential. Needs a finished build; exit status 1 if there are findings.
set -euo pipefail
cd "$(dirname "$0")/.."

operators=${1:-25000} graphs=${2:-5000} seed=${3:-1}
half=$((operators / 2))
status=0
build/bin/tw-differential --kind operator --count "$half" --seed "$seed" --keep build/differential --reasons &
build/bin/tw-differential --kind operator --count $((operators - half)) --seed $((seed + half)) \
  --keep build/differential --reasons || status=1
wait $! || status=1
build/bin/tw-differential --kind graph --count "$graphs" --seed "$seed" --keep build/differential/graphs \
  --reasons || status=1
exit $status
