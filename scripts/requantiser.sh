#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The requantiser of the design against Numerics.h on all 2^32 sums, for 16 directed channels in each mode: some minutes
# of a processor each. An argument chooses: 'float_3', 'tflite_*'.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh release tw_rtl_requantiser_test >/dev/null
jobs=${TW_JOBS:-2}
for ((i = 0; i < jobs; i++)); do
  GTEST_TOTAL_SHARDS=$jobs GTEST_SHARD_INDEX=$i build/bin/tw_rtl_requantiser_test --gtest_also_run_disabled_tests \
    --gtest_filter="*EverySumThereIs/${1:-*}" | grep -E '^\[ +(OK|FAILED) +\]|multiplier' | sed "s/^/$i: /" &
  pids[i]=$!
done
status=0
for pid in "${pids[@]}"; do wait "$pid" || status=1; done
exit $status
