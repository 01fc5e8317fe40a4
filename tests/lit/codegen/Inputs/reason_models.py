#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the models of reasons.test into a folder: quantised operators that stay on the host, each for one reason."""
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """A QDQ graph under construction; int8 activations of scale 0.1 and zero point 3."""

    def __init__(self):
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, kind, inputs, name, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def parameters(self, scale, zero):
        return [self.constant(np.asarray(scale, "f4")), self.constant(np.asarray(zero, "i1"))]

    def input(self, name, shape):
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.INT8, shape))
        return self.node("DequantizeLinear", [name] + self.parameters(0.1, 3), name + "_dq")

    def weights(self, array, scale=0.02, axis=0):
        scale = np.asarray(scale, "f4")
        parameters = self.parameters(scale, np.zeros(scale.shape))
        return self.node("DequantizeLinear", [self.constant(array)] + parameters, f"w{len(self.nodes)}", axis=axis)

    def output(self, value, shape):
        name = self.node("QuantizeLinear", [value] + self.parameters(0.1, 3), "q")
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.INT8, shape))

    def float_output(self, value, shape):
        self.outputs.append(helper.make_tensor_value_info(value, TensorProto.FLOAT, shape))

    def save(self, name):
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, os.path.join(sys.argv[1], name + ".onnx"))


def some(*shape):
    return (np.arange(np.prod(shape)) % 13 - 6).reshape(shape).astype("i1")


def float_output(name):
    g = Graph()
    y = g.node("Conv", [g.input("x", [1, 8, 6, 6]), g.weights(some(8, 8, 3, 3))], "conv")
    g.output(y, [1, 8, 4, 4])
    g.float_output(y, [1, 8, 4, 4])
    g.save(name)


def gemm(name, bias, scale=0.02):
    g = Graph()
    operands = [g.input("x", [5, 20]), g.weights(some(20, 7), scale), g.constant(np.asarray(bias, "f4"))]
    g.output(g.node("Gemm", operands, "fc"), [5, 7])
    g.save(name)


def long_sums(name):
    g = Graph()
    y = g.node("MatMul", [g.input("x", [1, 70000]), g.weights(some(70000, 2), 0.0001)], "fc")
    g.output(y, [1, 2])
    g.save(name)


def binary(name, kind, left, right, out):
    g = Graph()
    other = g.input("b", right) if isinstance(right, list) else g.constant(right)
    g.output(g.node(kind, [g.input("a", left), other], "op"), out)
    g.save(name)


def types(name):
    """Of other types than int8: each of these was called int8 once."""
    g = Graph()

    def other(name, element):
        g.inputs.append(helper.make_tensor_value_info(name, element, [2, 16]))
        return name

    def result(value, element, shape):
        g.outputs.append(helper.make_tensor_value_info(value, element, shape))

    words = other("words", TensorProto.INT32)
    g.node("Cast", [g.node("Equal", [words, words], "equal")], "equal_f", to=TensorProto.FLOAT)
    result(g.node("Neg", ["equal_f"], "neg"), TensorProto.FLOAT, [2, 16])
    x = g.input("x", [2, 16])
    g.output(g.node("Where", [other("mask", TensorProto.BOOL), x, g.constant(np.float32(1))], "masked"), [2, 16])
    result(g.node("Less", [x, g.constant(np.float32(1))], "less"), TensorProto.BOOL, [2, 16])
    result(g.node("ArgMax", [x], "place"), TensorProto.INT64, [1, 16])
    bytes_ = [other("u", TensorProto.UINT8), other("v", TensorProto.UINT8)]
    result(g.node("Max", bytes_, "most"), TensorProto.UINT8, [2, 16])
    long = other("long", TensorProto.INT64)
    result(g.node("Add", [long, long], "sum"), TensorProto.INT64, [2, 16])
    g.save(name)


def main():
    types("types")
    float_output("float_output")
    gemm("column", bias=np.ones((5, 1)))
    gemm("coarse", bias=np.full(7, 0.037), scale=0.7)
    binary("constant", "Mul", [1, 8, 4, 4], np.arange(128, dtype="f4").reshape(1, 8, 4, 4), [1, 8, 4, 4])
    binary("broadcast", "Add", [1, 8, 4, 4], [1, 1, 4, 4], [1, 8, 4, 4])
    binary("product", "MatMul", [5, 20], [20, 7], [5, 7])
    long_sums("long")


main()
