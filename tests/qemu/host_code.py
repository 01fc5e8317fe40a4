# SPDX-License-Identifier: Apache-2.0
"""Host code for another processor computes the same bytes as that for x86-64-v3: whole networks of the project and an
ONNX backend case of each operator, compiled for both, run by the driver core natively and in qemu.

Exit code 77 and a line `skipped: reason` where a C library of that processor, qemu or a folder of cases is missing."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
NETWORKS = ["tools/sample/digits_float.onnx", "tools/sample/digits_int8.onnx", "tests/e2e/models/fc_float.onnx",
            "tests/e2e/models/fc_int8.onnx", "tests/e2e/models/residual_int8.onnx"]
CASES = pathlib.Path("/usr/share/libonnx-testdata/data/node")
SKIP = 77


def random_inputs(model):
    """Bytes of each input of a model whose sizes are all known."""
    random = np.random.default_rng(1)
    known = {i.name for i in model.graph.initializer}
    for value in model.graph.input:
        if value.name not in known:
            yield random.uniform(-3, 3, [d.dim_value for d in value.type.tensor_type.shape.dim]).astype(
                np.float32).tobytes()


def recorded_inputs(folder):
    for i in range(len(list(folder.glob("test_data_set_0/input_*.pb")))):
        yield numpy_helper.to_array(onnx.load_tensor(str(folder / f"test_data_set_0/input_{i}.pb"))).tobytes()


def passing(list_file):
    """Cases that the project's list says pass."""
    for line in list_file.read_text().splitlines():
        name, _, row = line.partition("\t")
        if row == "passes":
            yield name


def cases():
    """(path of a model, bytes of its inputs): the networks, then the first case of each operator that imports."""
    for name in NETWORKS:
        yield ROOT / name, list(random_inputs(onnx.load(str(ROOT / name))))
    seen = set()
    for name in passing(ROOT / "tests/backend/suite.txt"):
        path = CASES.parent / name / "model.onnx"
        if path.parents[1] != CASES:
            continue
        operators = {node.op_type for node in onnx.load(str(path)).graph.node}
        if operators <= seen:
            continue
        seen |= operators
        yield path, list(recorded_inputs(path.parent))


def run(*command):
    command = [str(word) for word in command]
    result = subprocess.run(command, capture_output=True, text=True)
    return None if result.returncode == 0 else f"{' '.join(command[0:2])}: {result.stderr.strip()}"


class Comparison:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder

    def output(self, model, inputs, cpu, runner):
        """The bytes of all outputs, or a str: what went wrong."""
        package, result = self.folder / f"{cpu}.npk", self.folder / f"{cpu}.out"
        problem = run(self.options.tilewright, "compile", model, "--target", "cpu", "--host-cpu", cpu, "-o", package)
        return problem or run(*runner, package, result, *inputs) or result.read_bytes()

    def problem(self, model, data):
        inputs = []
        for i, tensor in enumerate(data):
            inputs.append(self.folder / f"in{i}")
            inputs[-1].write_bytes(tensor)
        here = self.output(model, inputs, "x86-64-v3", [self.options.native])
        there = self.output(model, inputs, self.options.cpu, [self.options.qemu, self.options.runner])
        for result in (here, there):
            if isinstance(result, str):
                return result
        if len(here) != len(there):
            return f"{len(there)} bytes of outputs, x86-64-v3 gives {len(here)}"
        different = [i for i in range(len(here)) if here[i] != there[i]]
        if different:
            return f"{len(different)} of {len(here)} bytes differ from those of x86-64-v3, the first at {different[0]}"
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tilewright", required=True)
    parser.add_argument("--native", required=True, help="run_package for this computer")
    parser.add_argument("--runner", required=True, help="run_package for the other processor")
    parser.add_argument("--qemu", required=True)
    parser.add_argument("--cpu", required=True, help="the other processor, as --host-cpu names it")
    options = parser.parse_args()
    for name, what in ((options.runner, "C library for it"), (options.qemu, "qemu-user")):
        if not os.path.exists(name):
            print(f"skipped: host code for {options.cpu}: no {what} when the project was configured: scripts/setup.sh")
            return SKIP
    if not CASES.exists():
        print(f"skipped: host code for {options.cpu}: no '{CASES}': scripts/setup.sh installs libonnx-testdata")
        return SKIP
    failed = count = 0
    for model, data in cases():
        with tempfile.TemporaryDirectory() as folder:
            problem = Comparison(options, pathlib.Path(folder)).problem(model, data)
        if problem and "--const" in problem:  # an input that must be known when it is compiled
            continue
        count += 1
        if problem:
            failed += 1
            print(f"{model}: {problem}")
    print(f"{count - failed} of {count} models compute the same bytes on {options.cpu} and x86-64-v3")
    return 1 if failed or not count else 0


if __name__ == "__main__":
    sys.exit(main())
