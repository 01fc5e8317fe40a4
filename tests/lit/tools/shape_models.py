# SPDX-License-Identifier: Apache-2.0
"""Models whose batch and length are free. shape_models.py FOLDER writes causal.onnx (attention in which each position
sees those up to itself), last.onnx (the same, and only the last position's result), mean.onnx (the mean over all
positions), and masked.onnx (attention in which an attention_mask of the caller's says which are seen);
shape_models.py --compare FOLDER PACKAGE MODEL COUNT runs the package of MODEL on COUNT random shapes and compares each
with the model compiled for that shape."""
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WORDS, SIZE, BATCH, LENGTH = 20, 16, 3, 12


class Builder:
    def __init__(self):
        self.rng, self.nodes, self.constants = np.random.RandomState(7), [], []

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, op, *inputs, **attributes):
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def quantise(self, x, scale=0.02):
        ends = self.constant(np.float32(scale)), self.constant(np.int8(0))
        return self.node("DequantizeLinear", self.node("QuantizeLinear", x, *ends), *ends)

    def product(self, x, columns):
        weights = self.constant(self.rng.randint(-127, 128, (SIZE, columns)).astype(np.int8))
        scale, zero = self.constant(np.float32(0.004)), self.constant(np.int8(0))
        return self.quantise(self.node("MatMul", x, self.node("DequantizeLinear", weights, scale, zero)))

    def length(self, axis):
        return self.node("Gather", self.node("Shape", "ids"), self.constant(np.array([axis], np.int64)), axis=0)

    def hidden(self):
        """What is added to scores: positions that come later, by comparing numbers made of the length."""
        zero, one = self.constant(np.int64(0)), self.constant(np.int64(1))
        places = self.node("Range", zero, self.node("Squeeze", self.length(1), self.constant(np.array([0]))), one)
        rows = self.node("Unsqueeze", places, self.constant(np.array([1], np.int64)))
        later = self.node("Greater", self.node("Unsqueeze", places, self.constant(np.array([0], np.int64))), rows)
        return self.node("Where", later, self.constant(np.float32(-1e9)), self.constant(np.float32(0)))

    def shown(self):
        """What is added to scores where attention_mask is 0."""
        ones = self.node("Cast", self.node("Unsqueeze", "attention_mask", self.constant(np.array([1], np.int64))),
                         to=TensorProto.FLOAT)
        return self.node("Mul", self.node("Sub", self.constant(np.float32(1)), ones), self.constant(np.float32(-1e9)))

    def attention(self, hidden=None):
        table = self.constant(self.rng.randn(WORDS, SIZE).astype(np.float32))
        where = self.constant(self.rng.randn(1, LENGTH, SIZE).astype(np.float32))
        axis, start = self.constant(np.array([1], np.int64)), self.constant(np.array([0], np.int64))
        places = self.node("Slice", where, start, self.length(1), axis)
        x = self.quantise(self.node("Add", self.node("Gather", table, "ids"), places))
        query, key, value = (self.product(x, SIZE) for _ in range(3))
        scores = self.quantise(self.node("MatMul", query, self.node("Transpose", key, perm=[0, 2, 1])), 0.05)
        scores = self.node("Add", scores, hidden or self.hidden())
        shares = self.quantise(self.node("Softmax", scores, axis=-1), 1 / 127)
        return self.product(self.quantise(self.node("MatMul", shares, value)), SIZE)

    def save(self, path, output, shape, *more):
        self.node("Identity", output)
        self.nodes[-1].output[0] = "y"
        graph = helper.make_graph(self.nodes, "shapes",
                                  [helper.make_tensor_value_info(name, TensorProto.INT64, ["B", "S"])
                                   for name in ("ids", *more)],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)], self.constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        made.ir_version = 7
        onnx.checker.check_model(made)
        onnx.save(made, path)


def write(folder):
    b = Builder()
    b.save(os.path.join(folder, "causal.onnx"), b.attention(), ["B", "S", SIZE])
    b = Builder()
    last, axis = b.constant(np.array([-1], np.int64)), b.constant(np.array([1], np.int64))
    b.save(os.path.join(folder, "last.onnx"),
           b.node("Slice", b.attention(), last, b.constant(np.array([1 << 20], np.int64)), axis), ["B", 1, SIZE])
    b = Builder()
    b.save(os.path.join(folder, "mean.onnx"), b.node("ReduceMean", b.attention(), axes=[1], keepdims=0), ["B", SIZE])

    b = Builder()
    b.save(os.path.join(folder, "masked.onnx"), b.attention(b.shown()), ["B", "S", SIZE], "attention_mask")


def run(folder, inputs, file, *more):
    np.savez(os.path.join(folder, "in.npz"), **inputs)
    output = os.path.join(folder, "y.npy")
    subprocess.run(["tilewright", "run", os.path.join(folder, file), "--input", os.path.join(folder, "in.npz"),
                    "--output", output, *more], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return np.load(output)


def compare(folder, package, model, count):
    rng = np.random.RandomState(3)
    for _ in range(count):
        batch, length = rng.randint(1, BATCH + 1), rng.randint(1, LENGTH + 1)
        inputs = {"ids": rng.randint(0, WORDS, (batch, length)).astype(np.int64)}
        if model == "masked.onnx":  # the first is seen, of the others some
            inputs["attention_mask"] = rng.randint(0, 2, (batch, length)).astype(np.int64)
            inputs["attention_mask"][:, 0] = 1
        mine = run(folder, inputs, package)
        alone = run(folder, inputs, model, "-c", "tw8", "--dim", f"B={batch}", "--dim", f"S={length}",
                    "--no-cache")
        if mine.shape != alone.shape or mine.tobytes() != alone.tobytes():
            sys.exit(f"{batch} x {length}: {mine.shape} and {alone.shape}, {(mine != alone).sum()} differ")


if __name__ == "__main__":
    if sys.argv[1] == "--compare":
        compare(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
    else:
        write(sys.argv[1])
