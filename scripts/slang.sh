#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Reads the design of every machine by slang, the strictest front end of SystemVerilog at hand. It is not in Debian:
# pyslang comes from PyPI, into build/slang, and without a network the script says so and skips. CI has
# tests/rtl/declared.py for what slang found.
set -euo pipefail
cd "$(dirname "$0")/.."

python=build/slang/bin/python
if ! { [ -x $python ] && $python -c 'import pyslang.driver' 2>/dev/null; }; then
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  { python3 -m venv build/slang && build/slang/bin/pip install -q pyslang==12.1.0; } >"$log" 2>&1 || {
    echo "skipped: pyslang cannot be installed from PyPI: $(tail -1 "$log")"
    exit 0
  }
fi
scripts/build.sh release tw_rtl_packages tw_isa_sv_tables >/dev/null
generated=build/generated/rtl
for package in "$generated"/*/tw_cfg_pkg.sv; do
  config=$(basename "$(dirname "$package")")
  # Packages first.
  $python tests/rtl/slang.py --top tw_top "$package" "$generated"/tw_isa_pkg.sv rtl/core/*_pkg.sv \
    "$generated"/tw_line_check.sv "$generated"/tw_footprint_rom.sv $(ls rtl/core/*.sv | grep -v _pkg) ||
    { echo "error: $config: slang refuses the design: see above" >&2; exit 1; }
  echo "$config: slang takes the design"
done
