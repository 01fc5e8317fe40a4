#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every size of the machine: builds the RTL of each configuration of isa/configs and isa/configs/odd, runs random
# programs on functional model, cycle model and RTL in lock-step, then whole trained models on tw32 and tw64
# (scripts/models.sh). One line a configuration and a total; exit status 1 if anything differs. From nothing some 20
# minutes on two cores, half of them the compiler's.
#   scripts/sizes.sh                        200 programs each
#   scripts/sizes.sh --programs 1000        more
#   scripts/sizes.sh tw64 odd8_least:1000   these configurations, each with as many as it says, without the models
set -euo pipefail
cd "$(dirname "$0")/.."

programs=200
configs=()
while [ $# -gt 0 ]; do
  case "$1" in
  --programs) programs=$2 && shift ;;
  *) configs+=("$1") ;;
  esac
  shift
done
with_models=$((${#configs[@]} == 0))
if [ $with_models -eq 1 ]; then
  for file in isa/configs/*.yaml isa/configs/odd/*.yaml; do configs+=("$(basename "$file" .yaml)"); done
fi

scripts/build.sh release tw-cosim tilewright >/dev/null
failed=0 total=(0 0 0 0)
for argument in "${configs[@]}"; do
  config=${argument%:*} machine=$config count=$programs
  [[ $argument == *:* ]] && count=${argument#*:}
  [ -f "isa/configs/odd/$config.yaml" ] && machine=isa/configs/odd/$config.yaml
  start=$SECONDS
  scripts/build.sh release "tw_rtl_$config" >/dev/null
  built=$((SECONDS - start)) start=$SECONDS status=0
  output=$(build/bin/tw-cosim --config "$machine" --programs "$count") || status=$?
  printf '%-14s built in %3d s, ran %3d s: %s\n' "$config" $built $((SECONDS - start)) \
    "$(grep -A3 ' programs, ' <<<"$output" || tail -3 <<<"$output")"
  [ $status -eq 0 ] || failed=1
  mapfile -t sums < <(grep -m1 ' programs, ' <<<"$output" | grep -oE '[0-9]+ (programs|runs|instructions|cycles)')
  for i in "${!sums[@]}"; do total[i]=$((total[i] + ${sums[i]%% *})); done
done
echo "total: ${total[0]} programs, ${total[1]} runs, ${total[2]} instructions, ${total[3]} cycles"

if [ $with_models -eq 1 ]; then
  scripts/models.sh tw32 tw64 || failed=1
fi
exit $failed
