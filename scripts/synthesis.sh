#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Size and logic depth of every module (tests/rtl/synthesis.py) for the configurations given, or all on the page,
# against their budgets (tests/rtl/synthesis_budget.txt). Two runs of Yosys at once, each at low priority with a limit
# of time and memory: half a minute of processor time for tw8, nine minutes and 2 GB for tw64, seconds for what has not
# changed (build/synthesis keeps it).
# The test rtl.yosys.tw8 is the first of them.
#   scripts/synthesis.sh                      compares docs/synthesis.md with what Yosys finds
#   scripts/synthesis.sh --update             writes it
#   scripts/synthesis.sh --update tw16 tw32   some of it
#   scripts/synthesis.sh --lines tw16         prints lines for the file of budgets, a quarter above what is found
set -euo pipefail
cd "$(dirname "$0")/.."

budget=(--budget tests/rtl/synthesis_budget.txt)
action=(--compare docs/synthesis.md "${budget[@]}")
case "${1:-}" in
  --update) action=(--table docs/synthesis.md "${budget[@]}"); shift ;;
  --lines) action=(--lines); shift ;;
esac
configs=("$@")
[ $# -gt 0 ] || mapfile -t configs < <(sed -n 's/^## //p' docs/synthesis.md)
generated=build/generated/rtl
scripts/build.sh release tw_isa_sv_tables tw_rtl_packages >/dev/null
failed=0
for config in "${configs[@]}"; do
  python3 tests/rtl/synthesis.py --config "$config" "${action[@]}" --cache build/synthesis \
    $generated/$config/tw_cfg_pkg.sv $generated/tw_isa_pkg.sv $generated/tw_line_check.sv \
    $generated/tw_footprint_rom.sv rtl/core/*.sv || failed=1
done
exit $failed
