#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_cycles.py m.report.json run.json: the report's cycles are those of a run on the cycle model, and its rows add
up to all but the end of the job (completion record, last responses)."""
import json
import sys

report, run = (json.load(open(path)) for path in sys.argv[1:])
assert report["cycles"] == run["cycles"] > 0, (report["cycles"], run["cycles"])
rows = sum(row["cycles"] for row in report["operators"])
assert 0 < report["cycles"] - rows < 100, (report["cycles"], rows)
assert all(row["cycles"] == 0 for row in report["operators"] if row["where"] == "host")
