# SPDX-License-Identifier: Apache-2.0
"""Whole networks on the host path of packages beside ONNX Runtime: one thread each, medians of alternating turns, so
that what disturbs one disturbs both; processor time, which other work on the machine disturbs least. Run by
hostbench.sh, which has installed ONNX Runtime.

int8: our package of the S8S8 model (activations int8) against ONNX Runtime on the same model and on its U8S8 sibling,
which is what it is fastest at. ONNX Runtime's U8S8 saturates on processors without VNNI: no reference for values there.
Outputs are compared before anything is timed; a float output that is far off ends the script."""
import argparse
import os
import statistics
import subprocess
import sys
import time

import numpy as np
import onnx
import onnxruntime

import hostbench_models as models

BATCH_NS = 50e6  # of a turn: small networks run many times in it


class Runtime:
    """ONNX Runtime on a model."""

    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.inputs = models.input_of(onnx.load(path), 100)

    def outputs(self):
        return self.session.run(None, self.inputs)

    def median(self, runs):
        times = []
        for _ in range(runs):
            start = time.process_time_ns()
            self.session.run(None, self.inputs)
            times.append(time.process_time_ns() - start)
        return statistics.median(times)


class Package:
    """tw-host-bench on a model that is compiled first."""

    def __init__(self, path, cpu, binaries):
        stem = f"{path.removesuffix('.onnx')}.{cpu}"
        start = os.times()
        run([f"{binaries}/tilewright", "compile", path, "--target", "cpu", "--host-cpu", cpu, "-o", f"{stem}.npk"])
        self.compile_seconds = sum(os.times()[2:4]) - sum(start[2:4])
        inputs = []
        for k, array in enumerate(models.input_of(onnx.load(path), 100).values()):
            inputs += ["--input", f"{stem}.in{k}"]
            array.tofile(inputs[-1])
        self.output = f"{stem}.out"
        self.process = subprocess.Popen(
            [f"{binaries}/tw-host-bench", "--once-per-line", *inputs, "--output", self.output, f"{stem}.npk"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.median(1)  # the output is there

    def outputs(self):
        return [np.fromfile(self.output, np.float32)]

    def median(self, runs):
        self.process.stdin.write(f"{runs}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"error: hostbench: tw-host-bench ended with exit code {self.process.wait()}")
        return int(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"error: hostbench: {' '.join(command)}: {result.stderr.strip()}")


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        lines = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines())
    lines = {key.strip(): value.strip() for key, value in lines.items()}
    wanted = ("avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx_vnni", "avx512_bf16",
              "amx_int8", "asimd", "asimddp", "i8mm")
    flags = set((lines.get("flags") or lines.get("Features") or "").split())
    return f"{lines.get('model name', 'unknown processor')}: {' '.join(f for f in wanted if f in flags)}"


def alternate(sides, turns):
    """Median nanoseconds of a run of each side."""
    counts = [max(1, min(1000, int(BATCH_NS / max(side.median(2), 1)))) for side in sides]
    times = [[] for _ in sides]
    for _ in range(turns):
        for side, count, kept in zip(sides, counts, times):
            kept.append(side.median(count))
    return [statistics.median(kept) for kept in times]


def difference(ours, theirs):
    """The largest difference as a share of the largest value."""
    theirs = theirs[0].ravel()
    return float(np.abs(ours[0] - theirs).max() / max(np.abs(theirs).max(), 1e-30))


def make(folder, name):
    """Files of a network: float, S8S8, U8S8."""
    files = {kind: os.path.join(folder, f"{name}_{kind}.onnx") for kind in ("float", "s8s8", "u8s8")}
    if not all(os.path.exists(file) for file in files.values()):
        from onnxruntime.quantization import QuantType

        onnx.save(models.NETWORKS[name](), files["float"])
        models.quantise(files["float"], files["s8s8"], QuantType.QInt8)
        models.quantise(files["float"], files["u8s8"], QuantType.QUInt8)
    return files


def geometric_mean(values):
    return float(np.exp(np.mean(np.log(values))))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/bin", help="folder of tilewright and tw-host-bench")
    parser.add_argument("--models", required=True, help="folder for the models; those that are there are used again")
    parser.add_argument("--networks", nargs="+", default=list(models.NETWORKS), choices=list(models.NETWORKS))
    parser.add_argument("--kinds", nargs="+", default=["float", "int8"], choices=["float", "int8"])
    parser.add_argument("--cpus", nargs="+", default=["x86-64-v3", "native"], help="values of --host-cpu")
    parser.add_argument("--turns", type=int, default=9)
    options = parser.parse_args()
    os.makedirs(options.models, exist_ok=True)

    print(processor())
    print(f"ONNX Runtime {onnxruntime.__version__}, 1 thread; medians of {options.turns} alternating turns; "
          "ratio: above 1 ours is faster")
    print(f"{'network':14} {'kind':6} {'host-cpu':10} {'ours ms':>9} {'ORT ms':>9} {'ratio':>6} "
          f"{'S8S8 ms':>9} {'ratio':>6} {'compile s':>9}  largest difference")
    ratios = {}
    for name in options.networks:
        files = make(options.models, name)
        for kind in options.kinds:
            model = files["float" if kind == "float" else "s8s8"]
            theirs = [Runtime(model)] if kind == "float" else [Runtime(files["u8s8"]), Runtime(model)]
            same = theirs[-1]  # the same model as ours
            for cpu in options.cpus:
                ours = Package(model, cpu, options.bin)
                off = difference(ours.outputs(), same.outputs())
                if kind == "float" and not off < 1e-3:
                    sys.exit(f"error: hostbench: {name}: off ONNX Runtime's output by {off:.3g} of its largest value")
                times = [ns * 1e-6 for ns in alternate([ours, *theirs], options.turns)]
                ours.close()
                row = [f"{times[0]:9.3f}"]
                for column, other in zip(("ORT", "S8S8"), times[1:]):
                    ratios.setdefault((kind, cpu, column), []).append(other / times[0])
                    row.append(f"{other:9.3f} {other / times[0]:6.2f}")
                if kind == "float":
                    row.append(f"{'-':>9} {'-':>6}")
                print(f"{name:14} {kind:6} {cpu:10} {' '.join(row)} {ours.compile_seconds:9.2f}  {off:.2g}", flush=True)
    for (kind, cpu, column), values in ratios.items():
        against = {"float": "ONNX Runtime", "int8": "its U8S8"}[kind] if column == "ORT" else "its S8S8"
        print(f"geometric mean of {len(values)}, {kind}, {cpu}: {geometric_mean(values):.2f} of {against}, "
              f"worst {min(values):.2f}")


if __name__ == "__main__":
    main()
