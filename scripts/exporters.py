# SPDX-License-Identifier: Apache-2.0
"""What tilewright makes of the models of exporters_models.py: does it import, compile and run; how long compiling
takes; what share of the multiplications the NPU gets, how many operators stay on the host, cycles on tw16; and how far
outputs are from ONNX Runtime's with its optimisations off, on one input. Run by exporters.sh.

off: largest difference as a share of the largest value. steps: of an output that a DequantizeLinear makes, how many
values differ, and by how many of its steps at most: two runtimes whose roundings differ once drift apart with depth.

usage: exporters.py --bin BIN --models FOLDER [--json FILE] [--only TEXT ...]: a table in Markdown on standard output"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from exporters_models import EXPORTERS, FORMS, NETWORKS, sample

LIMIT_S = 600


def run(command):
    """Exit code, last line of what it said, processor seconds."""
    start = os.times()
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S)
        code, lines = done.returncode, done.stdout.strip().splitlines()
    except subprocess.TimeoutExpired:
        code, lines = 124, [f"no answer in {LIMIT_S} s"]
    end = os.times()
    return code, lines, end.children_user + end.children_system - start.children_user - start.children_system


def cause(lines, model):
    """The first error without the names of file and node: what kinds are counted by."""
    errors = [line for line in lines if "error:" in line] or lines[-1:]
    texts = [re.sub(r"^.*?error: ", "", e).replace(f"{model}: ", "") for e in errors]
    texts = [re.sub(r"^(node|tensor|input|initializer) '[^']*'(?: \([^)]*\))?: ", "", t) for t in texts]
    return f"{texts[0]}" + (f" (+{len(texts) - 1})" if len(texts) > 1 else "") if texts else ""


def step_of_output(model):
    """The scale of the quantiser before the output; None where there is none."""
    values = {i.name: i for i in model.graph.initializer}
    for node in model.graph.node:
        if model.graph.output[0].name in node.output and node.op_type == "DequantizeLinear" and node.input[1] in values:
            scale = numpy_helper.to_array(values[node.input[1]])
            return float(scale.reshape(-1)[0]) if scale.size == 1 else None
    return None


def agreement(row, path, folder):
    """Differences from ONNX Runtime on one input."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    want = session.run(None, {"input": np.load(folder / "input.npy")})[0].astype(np.float64)
    results = np.load(folder / "output.npz")
    got = results[results.files[0]].astype(np.float64)
    if got.shape != want.shape:
        row["verdict"] = f"wrong: shape {got.shape}, right is {want.shape}"
        return
    difference = np.abs(got - want)
    row["off"] = float(difference.max() / max(np.abs(want).max(), 1e-30))
    row["same_class"] = bool(got.reshape(-1).argmax() == want.reshape(-1).argmax())
    if step := step_of_output(onnx.load(path, load_external_data=False)):
        steps = np.rint(difference / step)
        row.update(differ=int((steps > 0).sum()), values=int(steps.size), steps=int(steps.max()))


def measure(tilewright, path, name, with_check):
    row = {"model": path.name}
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        np.save(folder / "input.npy", sample(name, 100))
        if with_check:
            row["check"], _, row["check_s"] = run([tilewright, "check", str(path)])
        code, lines, row["compile_s"] = run(
            [
                tilewright,
                "compile",
                str(path),
                "-c",
                "tw16",
                "-o",
                str(folder / "m.npk"),
                "--report",
                str(folder / "r.json"),
            ]
        )
        if with_check and (row["check"] == 0) != (code == 0):
            row["verdict"] = f"check ends with {row['check']}, compile with {code}: " + cause(lines, str(path))
            return row
        if code:
            row["verdict"] = ("crash: " if code < 0 or code >= 124 else "refused: ") + cause(lines, str(path))
            return row
        report = json.loads((folder / "r.json").read_text())
        on_host = [o["operation"] for o in report["operators"] if o["where"] == "host"]
        row.update(
            macs=report["macs"],
            macs_on_npu=report["macs_on_npu"],
            macs_int8=report["macs_int8"],
            cycles=report["cycles"],
            rows=len(report["operators"]),
            host_rows=len(on_host),
            host={kind: on_host.count(kind) for kind in sorted(set(on_host))},
            host_ns_estimate=report["host_ns_estimate"],
        )
        code, lines, row["run_s"] = run(
            [
                tilewright,
                "run",
                str(folder / "m.npk"),
                "--input",
                f"input={folder / 'input.npy'}",
                "--output",
                str(folder / "output.npz"),
            ]
        )
        if code:
            row["verdict"] = "run fails: " + cause(lines, str(path))
            return row
        row["verdict"] = "runs"
        agreement(row, path, folder)
    return row


def line(row):
    share = f"{100 * row['macs_on_npu'] / row['macs']:.1f} %" if row.get("macs") else "-"
    steps = f"{row['differ']} of {row['values']}, {row['steps']}" if "steps" in row else "-"
    cells = [
        row["model"].removesuffix(".onnx"),
        row["verdict"],
        f"{row['compile_s']:.1f}",
        share,
        f"{row['host_rows']} of {row['rows']}" if "rows" in row else "-",
        f"{row.get('cycles', 0):,}",
        f"{row['off']:.1e}" if "off" in row else "-",
        steps,
    ]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/bin")
    parser.add_argument("--models", required=True, type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--only", nargs="+", default=[""], help="files whose names hold one of these")
    parser.add_argument("--no-check", dest="check", action="store_false", help="do not ask `tilewright check`, too")
    options = parser.parse_args()
    rows = []
    titles = ["model", "verdict", "compile CPU s", "MAC on NPU", "on the host", "cycles", "off", "steps"]
    print("| " + " | ".join(titles) + " |\n" + "|---" * len(titles) + "|")
    for name in NETWORKS:
        for exporter in EXPORTERS:
            for form in FORMS:
                path = options.models / f"{name}.{exporter}.{form}.onnx"
                if not any(text in path.name for text in options.only):
                    continue
                row = {"model": path.name, "verdict": "not made", "compile_s": 0}
                if path.exists():
                    row = measure(f"{options.bin}/tilewright", path, name, options.check)
                rows.append(row)
                print(line(row), flush=True)
                if options.json:
                    options.json.write_text(json.dumps(rows, indent=1))
    made = [r for r in rows if r["verdict"] != "not made"]
    runs = sum(row["verdict"] == "runs" for row in rows)
    print(f"\n{runs} of {len(made)} models run, {len(rows) - len(made)} were not made")


if __name__ == "__main__":
    main()
