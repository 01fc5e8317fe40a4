# SPDX-License-Identifier: Apache-2.0
"""What tilewright makes of the models of attention_models.py as ONNX Runtime quantises them. Run by attention.sh.

correlation: of all results with ONNX Runtime's of the same file, its optimisations off. largest: on how many rows of
the results the same place has the largest number (the next word, the class).

usage: attention.py --folder FOLDER [--bin BIN] [--config tw16] [--only NAME ...] [--inputs 3]: a table in Markdown on
standard output; exit status 1 if a model does not run, or the functional and the cycle model differ"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys

import numpy as np
import onnxruntime

from attention_models import MODELS, make

LIMIT_S = 3600


def run(command):
    """Exit code, what it said, processor seconds, and the most memory that any command has taken so far, in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.returncode, done.stdout, seconds, after.ru_maxrss / 1024


def judge(options, name):
    path = options.folder / "models" / f"{name}.qdq.onnx"
    make(path.parent, name)
    package, report = options.folder / "m.npk", options.folder / "r.json"
    code, text, seconds, megabytes = run([f"{options.bin}/tilewright", "compile", str(path), "-c", options.config, "-o",
                                          str(package), "--report", str(report)])
    if code:
        return False, [name, text.splitlines()[-1]]
    made = json.loads(report.read_text())
    session_options = onnxruntime.SessionOptions()
    session_options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), session_options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(1)
    results, wanted, is_equal = [], [], True
    for _ in range(options.inputs):
        x = MODELS[name][1](random)
        np.save(options.folder / "x.npy", x)
        devices = []
        for device in ("functional", "cycle"):
            output = options.folder / f"{device}.npz"
            code, text, _, _ = run([f"{options.bin}/tilewright", "run", str(package), "--device", device, "--input",
                                    f"x={options.folder / 'x.npy'}", "--output", str(output)])
            if code:
                return False, [name, text.splitlines()[-1]]
            devices.append(np.load(output)["y"])
        is_equal &= devices[0].tobytes() == devices[1].tobytes()
        results.append(devices[0].reshape(-1, devices[0].shape[-1]))
        wanted.append(session.run(None, {"x": x})[0].reshape(results[-1].shape))
    got, want = np.concatenate(results), np.concatenate(wanted)
    same = (got.argmax(-1) == want.argmax(-1)).sum()
    host = sum(o["where"] == "host" for o in made["operators"])
    cells = [
        name,
        "functional = cycle" if is_equal else "functional and cycle differ",
        f"{seconds:.1f}",
        f"{megabytes:.0f}",
        f"{100 * made['macs_on_npu'] / made['macs']:.1f} %",
        f"{host} of {len(made['operators'])}",
        f"{made['cycles']:,}",
        f"{np.corrcoef(got.ravel(), want.ravel())[0, 1]:.5f}",
        f"{same} of {len(got)}",
    ]
    return is_equal, cells


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/bin")
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    parser.add_argument("--config", default="tw16")
    parser.add_argument("--only", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--inputs", type=int, default=3)
    options = parser.parse_args()
    titles = ["model", "verdict", "compile CPU s", "MB", "MAC on NPU", "on the host", "cycles"]
    titles += ["correlation", "largest"]
    print("| " + " | ".join(titles) + " |\n" + "|---" * len(titles) + "|")
    is_right = True
    for name in options.only:
        its_right, cells = judge(options, name)
        is_right &= its_right
        print("| " + " | ".join(cells + ["-"] * (len(titles) - len(cells))) + " |", flush=True)
    sys.exit(0 if is_right else 1)


if __name__ == "__main__":
    main()
