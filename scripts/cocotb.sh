#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A compute job on the design of tw8 with the AXI agents of cocotbext-axi for its host and its memory: pauses on all ten
# channels, addresses and data of writes apart, byte strobes, register traffic during the job. The agents come from
# PyPI, into build/cocotb; without a network the script says so and skips.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$PWD/build/cocotb
mkdir -p "$folder"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "$folder/bin/python" -c 'import cocotb, cocotbext.axi' 2>/dev/null; then
  # cocotb 2 wants a newer Verilator than Debian's.
  { python3 -m venv "$folder" && "$folder/bin/pip" install -q cocotb==1.9.2 cocotbext-axi==0.1.28; } >"$log" 2>&1 || {
    echo "skipped: cocotb cannot be installed from PyPI: $(tail -1 "$log")"
    exit 0
  }
fi
scripts/build.sh release tw_rtl_packages tw_isa_sv_tables tw_isa_tables >/dev/null
generated=$PWD/build/generated
export PATH=$folder/bin:$PATH PYTHONPATH=$PWD/tests/rtl/cocotb
export TW_ISA_HEADER=$generated/isa/include/tw/isa/tw_isa.h
sources=("$generated/rtl/tw8/tw_cfg_pkg.sv" "$generated/rtl/tw_isa_pkg.sv" "$PWD"/rtl/core/*_pkg.sv
  "$generated/rtl/tw_line_check.sv" "$generated/rtl/tw_footprint_rom.sv")
for source in "$PWD"/rtl/core/*.sv "$PWD/tests/rtl/cocotb/tw_axi.sv"; do
  [[ $source == *_pkg.sv ]] || sources+=("$source")
done
rm -f "$folder/results.xml"
make -C "$folder" -f "$(cocotb-config --makefiles)/Makefile.sim" SIM=verilator TOPLEVEL_LANG=verilog TOPLEVEL=tw_axi \
  MODULE=test_job VERILOG_SOURCES="${sources[*]}" COCOTB_RESULTS_FILE="$folder/results.xml" \
  COCOTB_HDL_TIMEUNIT=1ns COCOTB_HDL_TIMEPRECISION=1ps \
  EXTRA_ARGS="$PWD/rtl/lint/verilator.vlt -Wno-fatal -O3 --x-assign fast" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
grep -E '^ *\*\*|INFO.* cycles$' "$log" | sed 's/^ *[0-9.]*ns INFO *//' || true
if ! [ -f "$folder/results.xml" ] || grep -q '<failure' "$folder/results.xml"; then
  cat "$log" >&2
  echo "error: the agents found something: see above" >&2
  exit 1
fi
