#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the small ONNX models beside this file: make_models.py. The same bytes each time."""
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
OPSET = [helper.make_opsetid("", 13)]


class Graph:
    """Collects nodes and constants; names count up."""

    def __init__(self, seed):
        self.nodes, self.constants, self.count = [], [], 0
        self.random = np.random.RandomState(seed)

    def name(self, stem):
        self.count += 1
        return f"{stem}{self.count}"

    def constant(self, array, stem="c"):
        name = self.name(stem)
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, op, *inputs, **attributes):
        out = self.name(op.lower())
        self.nodes.append(helper.make_node(op, list(inputs), [out], name=out, **attributes))
        return out

    def quantise(self, x, scale, zero):
        return self.node("QuantizeLinear", x, self.constant(np.float32(scale)), self.constant(np.int8(zero)))

    def dequantise(self, x, scale, zero=0):
        return self.node("DequantizeLinear", x, self.constant(np.float32(scale)), self.constant(np.int8(zero)))

    def requantised(self, x, scale, zero):
        return self.dequantise(self.quantise(x, scale, zero), scale, zero)

    def weights(self, shape, scale):
        return self.dequantise(self.constant(self.random.randint(-127, 128, shape).astype(np.int8), "w"), scale)

    def bias(self, count, scale):
        values = self.constant(self.random.randint(-2000, 2000, count).astype(np.int32), "b")
        zero = self.constant(np.int32(0))
        return self.node("DequantizeLinear", values, self.constant(np.float32(scale)), zero)

    def save(self, file, shape, result, result_shape, element=TensorProto.FLOAT, more=()):
        """`more`: names of further outputs of the last node, int64 and of the same shape."""
        self.nodes[-1].output.extend(more)
        self.save_all(file, {"x": (TensorProto.FLOAT, shape)},
                      {"y": (element, result_shape)} | {name: (TensorProto.INT64, result_shape) for name in more})

    def save_all(self, file, inputs, outputs):
        """Inputs and outputs by name, each with its type and shape; the last node makes y."""
        self.nodes[-1].output[0] = "y"
        graph = helper.make_graph(self.nodes, os.path.splitext(file)[0],
                                  [helper.make_tensor_value_info(name, *what) for name, what in inputs.items()],
                                  [helper.make_tensor_value_info(name, *what) for name, what in outputs.items()],
                                  self.constants)
        model = helper.make_model(graph, opset_imports=OPSET, producer_name="tilewright")
        model.ir_version = 7
        onnx.checker.check_model(model)
        with open(os.path.join(HERE, file), "wb") as out:
            out.write(model.SerializeToString())


def fully_connected():
    g = Graph(1)
    x = g.requantised("x", 0.05, 3)
    y = g.node("Gemm", x, g.weights((10, 20), 0.01), g.bias(10, 0.0005), transB=1)
    g.requantised(g.node("Relu", y), 0.1, -128)
    g.save("fc_int8.onnx", [2, 20], "y", [2, 10])


def residual():
    g = Graph(2)
    x = g.requantised("x", 0.05, -4)
    pads = [1, 1, 1, 1]
    first = g.node("Conv", x, g.weights((20, 5, 3, 3), 0.01), g.bias(20, 0.0005), pads=pads)
    first = g.requantised(g.node("Relu", first), 0.08, -128)
    second = g.node("Conv", first, g.weights((20, 20, 3, 3), 0.01), g.bias(20, 0.0008), pads=pads)
    second = g.requantised(second, 0.2, 5)
    g.requantised(g.node("Relu", g.node("Add", second, first)), 0.2, -128)
    g.save("residual_int8.onnx", [1, 5, 9, 9], "y", [1, 20, 9, 9])


def float_product():
    g = Graph(3)
    w = g.constant(g.random.randn(20, 10).astype(np.float32), "w")
    g.node("MatMul", "x", w)
    g.save("fc_float.onnx", [2, 20], "y", [2, 10])


POSITIONS, IDS, SIZE = 8, 12, 16


def sequence(file, looks_ahead=False, steps=False):
    """Ids [1, 8] to logits [1, 8, 12]: one layer of attention; each position sees those up to itself, or all. In steps:
    one id, with the keys and values of seven before, of which a mask says which there are."""
    g = Graph(4)
    table = g.constant(g.random.randn(IDS, SIZE).astype(np.float32), "table")
    where = g.constant(g.random.randn(POSITIONS, SIZE).astype(np.float32), "where")
    if steps:
        where = g.node("Gather", where, "position_ids")
    x = g.requantised(g.node("Add", g.node("Gather", table, "ids"), where), 0.03, 2)
    query, key, value = (g.requantised(g.node("MatMul", x, g.weights((SIZE, SIZE), 0.004)), 0.05, 1) for _ in range(3))
    if steps:
        for name, new in ("key", key), ("value", value):
            g.nodes.append(helper.make_node("Concat", [f"past.{name}", new], [f"present.{name}"], axis=1))
        key, value = (g.requantised(f"present.{name}", 0.05, 1) for name in ("key", "value"))
    scores = g.requantised(g.node("MatMul", query, g.node("Transpose", key, perm=[0, 2, 1])), 0.5, 0)
    if steps:
        hidden = g.node("Sub", g.constant(np.float32(1)), g.node("Cast", "attention_mask", to=TensorProto.FLOAT))
        scores = g.node("Add", scores, g.node("Mul", hidden, g.constant(np.float32(-1e9))))
    elif not looks_ahead:
        ahead = np.triu(np.full((1, POSITIONS, POSITIONS), -1e9, np.float32), 1)
        scores = g.node("Add", scores, g.constant(ahead, "ahead"))
    mixed = g.node("MatMul", g.requantised(g.node("Softmax", scores, axis=-1), 1 / 256, -128), value)
    mixed = g.requantised(g.node("Add", g.requantised(mixed, 0.04, 0), x), 0.06, 0)
    g.requantised(g.node("MatMul", mixed, g.weights((SIZE, IDS), 0.01)), 0.15, -3)
    ids, real = TensorProto.INT64, TensorProto.FLOAT
    if steps:
        g.save_all(file, {"ids": (ids, [1, "new"]), "attention_mask": (ids, [1, "past + new"]),
                          "position_ids": (ids, [1, "new"]), "past.key": (real, [1, "past", SIZE]),
                          "past.value": (real, [1, "past", SIZE])},
                   {"y": (real, [1, "new", IDS]), "present.key": (real, [1, "past + new", SIZE]),
                    "present.value": (real, [1, "past + new", SIZE])})
    else:
        g.save_all(file, {"ids": (ids, [1, POSITIONS])}, {"y": (real, [1, POSITIONS, IDS])})


def pool_with_indices():
    """Its loops hand on a tensor of nine dimensions."""
    g = Graph(4)
    g.node("MaxPool", "x", kernel_shape=[3, 2, 1], pads=[1, 0, 0, 0, 1, 0], strides=[2, 1, 3])
    g.save("max_pool_3d.onnx", [1, 2, 4, 3, 3], "y", [1, 2, 2, 3, 1], more=["indices"])


if __name__ == "__main__":
    fully_connected()
    residual()
    float_product()
    sequence("sequence_int8.onnx")
    sequence("sequence_step_int8.onnx", steps=True)
    sequence("sequence_ahead_int8.onnx", looks_ahead=True)
    pool_with_indices()
