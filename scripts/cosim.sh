#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds what co-simulation needs and runs random programs on the models in lock-step; arguments go to tw-cosim. When
# models differ, the plug-in that traces is built and a waveform joins the kit.
#   scripts/cosim.sh --programs 1000 --config tw8
#   scripts/cosim.sh --programs 300 --config tw16 --initial-seeds 2   each also twice with random registers before reset
#   scripts/cosim.sh --replay cosim-kits/tw8-7 --models cycle,rtl
#   scripts/cosim.sh --waveform cosim-kits/tw8-7
#   scripts/cosim.sh --config isa/configs/odd/odd8_least.yaml
#   scripts/cosim.sh --help
set -euo pipefail
cd "$(dirname "$0")/.."

build() { scripts/build.sh release "$@" >/dev/null; }
config_of() { sed -n 's/^config = //p' "$1/stimulus.cfg"; }

targets=(tw-cosim)
config=tw8 last=
for argument in "$@"; do
  case "$last" in
  --config) config=$(basename "$argument" .yaml) ;;
  --replay) config=$(config_of "$argument") ;;
  --waveform) targets+=("tw_rtl_$(config_of "$argument")_trace") ;;
  esac
  last=$argument
done
if [ -f "isa/configs/$config.yaml" ] || [ -f "isa/configs/odd/$config.yaml" ]; then targets+=("tw_rtl_$config"); fi
[[ " $* " == *" --initial-seeds "* || " $* " == *rtl-unique-* ]] && targets+=("tw_rtl_${config}_unique")
build "${targets[@]}"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
build/bin/tw-cosim "$@" | tee "$log" || status=$?
kit=$(sed -n 's/^kit: //p' "$log")
if [ -n "$kit" ] && [ ! -f "$kit/wave.vcd" ]; then
  build "tw_rtl_${config}_trace"
  build/bin/tw-cosim --waveform "$kit"
fi
exit $status
