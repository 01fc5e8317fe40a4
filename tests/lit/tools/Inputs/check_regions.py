# SPDX-License-Identifier: Apache-2.0
"""Does a report's list of regions hold each operator once, on its executor, with bounds below what was measured?"""
import json
import sys

report = json.load(open(sys.argv[1]))
operators = report["operators"]
seen = []
for region in report["regions"]:
    seen += region["operators"]
    assert region["bound_ns"] <= region["ns_estimate"] * 1.0001, region
    assert region["peak_bound"] <= region["peak_bytes"], region
    assert all(operators[i]["where"] == region["where"] for i in region["operators"]), region
    if region["where"] == "npu":
        assert region["cycles"] > 0, region
    else:
        assert region["step"], region
assert sorted(seen) == list(range(len(operators))), seen
assert sum(region["cycles"] for region in report["regions"]) == report["cycles"]
assert all(operator["bound_ns"] > 0 for operator in operators)
