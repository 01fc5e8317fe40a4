# SPDX-License-Identifier: Apache-2.0
"""A Chrome trace holds what its counters say, and the slices of a thread do not overlap."""
import json
import sys
from collections import defaultdict

trace = json.load(open(sys.argv[1], encoding="utf-8"))
slices = [e for e in trace["traceEvents"] if e["ph"] == "X"]
names = {(e["pid"], e["tid"]): e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "thread_name"}
counters = trace["otherData"]["jobs"]
assert len(counters) == 1 and len(slices) == counters[0]["lines"], (len(slices), counters[0]["lines"])
assert all(e["ts"] + e["dur"] <= counters[0]["cycles"] for e in slices)

threads = defaultdict(list)
for e in slices:
    threads[e["pid"], e["tid"]].append((e["ts"], e["ts"] + e["dur"]))
assert set(threads) == set(names), (threads.keys(), names.keys())
for place, spans in threads.items():
    spans.sort()
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:])), names[place]
assert {"LA", "LW", "MX", "RQ", "ST", "FE"} <= set(names.values()), names
engine_states = ("busy", "empty", "wait_sem", "wait_bank", "wait_read", "wait_write")
for engine in ("la", "lw", "mx", "rq", "vx", "st"):
    assert sum(counters[0][f"state_{engine}_{s}"] for s in engine_states) == counters[0]["cycles"], engine
beats = counters[0]["bytes_read_la"] + counters[0]["bytes_read_lw"] + counters[0]["bytes_read_fe"]
bursts = sum(v for k, v in counters[0].items() if k.startswith("read_latency_"))
assert bursts * 256 >= beats > 0, (bursts, beats)
assert any(e["name"] == "stem" for e in slices), "layers are named"
