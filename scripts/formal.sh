#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every formal proof of the design, the long ones too: one line each with its bound or the depth of its induction, and
# the number of mutants it refutes. Names of tests/rtl/formal_tasks.py choose some of them.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh release tw_isa_sv_tables >/dev/null
exec python3 tests/rtl/formal.py --root . --generated build/generated/rtl "$@"
