#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Does the time to compile grow with the number of nodes, or faster? Graphs of 100, 1,000 and 10,000 trivial nodes of
each family: processor seconds, microseconds a node, and how those grow from one size to the next (1 is linear).
--check fails where a step of ten costs more than twice as much a node, or a thousand nodes more than a second.
Needs python3-onnx and a finished build."""
import argparse
import os
import resource
import subprocess
import sys
import tempfile

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save


class Graph:
    def __init__(self):
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []

    def value(self, kind, shape, element=TensorProto.FLOAT):
        name = f"{kind}{len(self.inputs) + len(self.outputs)}"
        (self.inputs if kind == "in" else self.outputs).append(helper.make_tensor_value_info(name, element, shape))
        return name

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, kind, inputs, output=None, **attributes):
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output or name], name=name, **attributes))
        return output or name

    def model(self):
        graph = helper.make_graph(self.nodes, "scaling", self.inputs, self.outputs, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def elementwise(graph, i, x, shape):
    """One of Add, Relu, Mul."""
    kind = ("Add", "Relu", "Mul")[i % 3]
    factor = [] if kind == "Relu" else [graph.constant(np.full(shape, 1 + i % 7 / 8, np.float32))]
    return graph.node(kind, [x] + factor)


def chain(count):
    """Add, Relu, Mul on one shape, one after the other."""
    graph = Graph()
    x = graph.value("in", [4, 16])
    for i in range(count - 1):
        x = elementwise(graph, i, x, [4, 16])
    graph.node("Relu", [x], graph.value("out", [4, 16]))
    return graph


def shapes(count):
    """The same, and every fourth node makes the tensor longer."""
    graph = Graph()
    x, length = graph.value("in", [4, 16]), 16
    for i in range(count - 1):
        if i % 4 == 3:
            x, length = graph.node("Concat", [x, graph.constant(np.ones([4, 1], np.float32))], axis=1), length + 1
        else:
            x = elementwise(graph, i, x, [1, length])
    graph.node("Relu", [x], graph.value("out", [4, length]))
    return graph


def quantised(count):
    """int8: DequantizeLinear, an operator, QuantizeLinear."""
    graph = Graph()
    x = graph.value("in", [1, 16, 4, 4], TensorProto.INT8)
    zero = graph.constant(np.int8(0))
    for i in range(max(count // 3, 1)):
        scale = graph.constant(np.float32(1 / 32 + i % 5 / 512))
        following = graph.constant(np.float32(1 / 32 + (i + 1) % 5 / 512))
        y = graph.node("DequantizeLinear", [x, scale, zero])
        y = graph.node("Relu", [y]) if i % 2 else graph.node("Add", [y, y])
        x = graph.node("QuantizeLinear", [y, following, zero])
    graph.node("DequantizeLinear", [x, following, zero], graph.value("out", [1, 16, 4, 4]))
    return graph


def independent(count):
    """Every node reads the one input and makes an output, on one of ten shapes."""
    graph = Graph()
    x = graph.value("in", [1, 16])
    for i in range(count):
        shape = [1 + i % 10, 16]
        kind = ("Add", "Mul", "Max")[i % 3]
        graph.node(kind, [x, graph.constant(np.full(shape, i, np.float32))], graph.value("out", shape))
    return graph


FAMILIES = {"chain": chain, "shapes": shapes, "quantised": quantised, "independent": independent}


def seconds(command):
    """Processor seconds of a command, and its error."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["failed"])[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tilewright", default="build/bin/tilewright")
    parser.add_argument("--sizes", default="100,1000,10000")
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--keep", metavar="FOLDER", help="write the graphs there and compile nothing")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    failed = False
    for family in options.families.split(","):
        before = None
        for size in sizes:
            model = FAMILIES[family](size).model()
            if options.keep:
                save(model, os.path.join(options.keep, f"{family}_{size}.onnx"))
                continue
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "model.onnx")
                save(model, path)
                spent, error = seconds([options.tilewright, "compile", path, "-o", os.path.join(folder, "model.npk")])
            each = spent / size
            growth = "" if before is None else f"{each / before:6.2f} times as much a node"
            line = f"{family:12} {size:8,} nodes {spent:8.2f} s {each * 1e6:9.1f} us a node {growth} {error}"
            print(line.rstrip(), flush=True)
            failed |= bool(error) or (before is not None and each > 2 * before) or (size == 1000 and spent > 1)
            before = each
    sys.exit(1 if options.check and failed else 0)


if __name__ == "__main__":
    main()
