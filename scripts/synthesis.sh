#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Size and logic depth of every module (tests/rtl/synthesis.py) for the configurations given, or all on the page;
# minutes for tw8, more for the larger ones. Modules of tw8 have a budget in tests/rtl/synthesis_budget.txt; the test
# rtl.yosys.tw8 holds it.
#   scripts/synthesis.sh                      compares docs/synthesis.md with what Yosys finds
#   scripts/synthesis.sh --update             writes it
#   scripts/synthesis.sh --update tw16 tw32   adds others
set -euo pipefail
cd "$(dirname "$0")/.."

action=--compare
if [ "${1:-}" = --update ]; then
  action=--table
  shift
fi
configs=("$@")
[ $# -gt 0 ] || mapfile -t configs < <(sed -n 's/^## //p' docs/synthesis.md)
generated=build/generated/rtl
scripts/build.sh release tw_isa_sv_tables tw_rtl_packages >/dev/null
failed=0
for config in "${configs[@]}"; do
  python3 tests/rtl/synthesis.py --config "$config" $action docs/synthesis.md \
    $generated/$config/tw_cfg_pkg.sv $generated/tw_isa_pkg.sv $generated/tw_line_check.sv \
    $generated/tw_footprint_rom.sv rtl/core/*.sv || failed=1
done
exit $failed
