# SPDX-License-Identifier: Apache-2.0
"""A model of sequences of any length, and its packages: entry_models.py FOLDER writes lengths.onnx and inputs there;
entry_models.py --compare FOLDER runs all.npk and each 4.npk, 8.npk, 16.npk on random ids, and looks at constants;
entry_models.py --ids PACKAGE MODEL continues random ids by both."""
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IDS, SIZE, MOST = 12, 16, 16


def model():
    """Each position is the mean of what stands up to it, by a causal matrix cut to the length; then two products."""
    rng = np.random.RandomState(5)
    constants = {
        "table": rng.randn(IDS, SIZE).astype(np.float32),
        "where": rng.randn(1, MOST, SIZE).astype(np.float32),
        "earlier": np.tril(np.ones((1, MOST, MOST))).astype(np.float32) / np.arange(1, MOST + 1)[None, :, None],
        "first": rng.randint(-127, 128, (SIZE, SIZE)).astype(np.int8),
        "second": rng.randint(-127, 128, (SIZE, IDS)).astype(np.int8),
        "s": np.float32(0.02), "w": np.float32(0.004), "z": np.int8(0), "zero": np.array([0], np.int64),
        "axes12": np.array([1, 2], np.int64), "axis1": np.array([1], np.int64), "two": np.array([0, 0], np.int64),
    }
    constants["earlier"] = constants["earlier"].astype(np.float32)
    nodes = []

    def node(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))

    def requantised(name):
        node("QuantizeLinear", [name, "s", "z"], name + "_q")
        node("DequantizeLinear", [name + "_q", "s", "z"], name + "_d")
        return name + "_d"

    node("Shape", ["ids"], "shape")
    node("Gather", ["shape", "axis1"], "length", axis=0)
    node("Concat", ["length", "length"], "lengths", axis=0)
    node("Slice", ["where", "zero", "length", "axis1"], "places")
    node("Slice", ["earlier", "two", "lengths", "axes12"], "mask")
    node("Gather", ["table", "ids"], "tokens")
    node("Add", ["tokens", "places"], "x")
    node("MatMul", ["mask", requantised("x")], "mean")
    for weights in ("first", "second"):
        node("DequantizeLinear", [weights, "w", "z"], weights + "_d")
    node("MatMul", [requantised("mean"), "first_d"], "hidden")
    node("MatMul", [requantised("hidden"), "second_d"], "logits")
    nodes[-1].output[0] = "sums"
    node("QuantizeLinear", ["sums", "s", "z"], "y_q")
    node("DequantizeLinear", ["y_q", "s", "z"], "y")
    graph = helper.make_graph(
        nodes, "lengths", [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "S"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "S", IDS])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    made.ir_version = 7
    onnx.checker.check_model(made)
    return made


def run(package, ids, folder):
    np.save(os.path.join(folder, "ids.npy"), ids)
    output = os.path.join(folder, "y.npy")
    subprocess.run(["tilewright", "run", package, "--input", os.path.join(folder, "ids.npy"), "--output", output],
                   check=True, stdout=subprocess.DEVNULL)
    return np.load(output)


def constants(package):
    text = subprocess.run(["tilewright", "info", package], check=True, stdout=subprocess.PIPE, text=True).stdout
    return int(next(line for line in text.splitlines() if line.startswith("constants")).split()[1].replace(",", ""))


def compare(folder):
    every = os.path.join(folder, "all.npk")
    rng = np.random.RandomState(1)
    for length in (4, 8, 16) * 3:
        ids = rng.randint(0, IDS, (1, length)).astype(np.int64)
        mine, alone = run(every, ids, folder), run(os.path.join(folder, f"{length}.npk"), ids, folder)
        if mine.tobytes() != alone.tobytes():
            sys.exit(f"{length} ids: entry and package differ:\n{mine}\n{alone}")
    sizes = [constants(os.path.join(folder, f"{length}.npk")) for length in (4, 8, 16)]
    # Weights of whole blocks are shared; what the lengths need for themselves is not.
    if constants(every) >= sum(sizes):
        sys.exit(f"constants of all {constants(every)}, of each {sizes}")


def compare_ids(package, model):
    rng = np.random.RandomState(2)
    for seed in range(6):
        prompt = ",".join(map(str, rng.randint(0, IDS, 8)))
        command = ["--prompt-ids", prompt, "--top-k", "12", "--seed", str(seed)]
        mine, whole = (subprocess.run(["tilewright", "generate", file, *command, *more], check=True, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
                       for file, more in ((package, []), (model, ["-c", "tw8"])))
        if mine != whole:
            sys.exit(f"{mine}{whole}")


def main():
    if sys.argv[1] == "--ids":
        compare_ids(*sys.argv[2:])
        return
    if sys.argv[1] == "--compare":
        compare(sys.argv[2])
        return
    onnx.save(model(), os.path.join(sys.argv[1], "lengths.onnx"))
    np.save(os.path.join(sys.argv[1], "5.npy"), np.zeros((1, 5), np.int64))


if __name__ == "__main__":
    main()
