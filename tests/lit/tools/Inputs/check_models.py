#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the models of check.test into a folder: unsupported operators, a free dimension, a wrong opset."""
import os
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


def save(folder, name, nodes, inputs, outputs, initializers=(), opset=13):
    value = lambda pair: helper.make_tensor_value_info(pair[0], TensorProto.FLOAT, pair[1])
    graph = helper.make_graph(nodes, "test", [value(i) for i in inputs], [value(o) for o in outputs], initializers)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("my.domain", 1)]
    model = helper.make_model(graph, opset_imports=opsets)
    onnx.save(model, os.path.join(folder, name))


def main():
    folder = sys.argv[1]
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["a"], name="noise"),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("Mish", ["b"], ["c"], name="mish", domain="my.domain"),
        helper.make_node("StringNormalizer", ["c"], ["y"], name="words"),
    ]
    save(folder, "unsupported.onnx", nodes, [("x", [2, 2])], [("y", [])])
    save(folder, "opset.onnx", nodes[1:2], [("a", [2])], [("b", [2])], opset=99)
    weight = numpy_helper.from_array(numpy.ones((10, 6), "f4"), "w")
    gemm = [helper.make_node("MatMul", ["x", "w"], ["y"], name="fc")]
    pool = [helper.make_node("MaxPool", ["x"], ["y"], name="pool", kernel_shape=[3, 3])]
    save(folder, "window.onnx", pool, [("x", ["N", 2, "H", "W"])], [("y", ["N", 2, "H - 2", "W - 2"])])
    pool = [helper.make_node("MaxPool", ["x"], ["y"], name="pool", kernel_shape=[300, 300])]
    save(folder, "wide.onnx", pool, [("x", ["N", 2, "H", "W"])], [("y", ["N", 2, "h", "w"])])
    save(folder, "free.onnx", gemm, [("x", ["N", 10])], [("y", ["N", 6])], [weight])


main()
