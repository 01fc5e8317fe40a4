#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes those models of kept/ that no shrinking made: one kind of fault each, as small as it shows.

usage: make_kept.py FOLDER (needs python3-onnx)
"""
import os
import sys

import numpy
from onnx import TensorProto, helper, numpy_helper

OPSET = 13


class Model:
    """QDQ form: integer input 'x', integer output 'y'."""

    def __init__(self, shape, scale=0.05, zero=3):
        self.nodes, self.constants = [], []
        self.inputs = [helper.make_tensor_value_info("x", TensorProto.INT8, shape)]
        self.random = numpy.random.default_rng(7)
        self.real = self.dequantise("x", scale, zero)

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(numpy.asarray(array), name))
        return name

    def node(self, kind, inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"n_{name}", **attributes))
        return name

    def dequantise(self, value, scale, zero=0, kind="i1", **attributes):
        return self.node("DequantizeLinear", [value, self.constant(numpy.asarray(scale, "f4")),
                                              self.constant(numpy.asarray(zero, kind))], **attributes)

    def weight(self, shape, scale=0.01, low=-127, high=128):
        return self.dequantise(self.constant(self.random.integers(low, high, shape).astype("i1")), scale)

    def save(self, path, real, shape, scale, zero=0):
        result = self.node("QuantizeLinear", [real, self.constant(numpy.asarray(scale, "f4")),
                                              self.constant(numpy.asarray(zero, "i1"))])
        self.nodes[-1].output[0] = "y"
        assert result not in [name for node in self.nodes for name in node.input]
        output = helper.make_tensor_value_info("y", TensorProto.INT8, shape)
        graph = helper.make_graph(self.nodes, "kept", self.inputs, [output], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="")
        model.ir_version = 7
        with open(path, "wb") as file:
            file.write(model.SerializeToString(deterministic=True))


def column_tiles(path):
    """Few channels, padding, and rows so long that they are cut along the columns."""
    m = Model([1, 3, 2, 640])
    y = m.node("Conv", [m.real, m.weight([16, 3, 3, 3])], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    m.save(path, y, [1, 16, 2, 640], 0.2)


def sums_of_many_products(path):
    """More products than 32 bits hold."""
    m = Model([1, 66400], 0.01, -128)
    y = m.node("MatMul", [m.real, m.weight([66400, 1], 0.01, 127, 128)])
    m.save(path, y, [1, 1], 20.0)


def few_channels_in_groups(path):
    """Groups whose channels fill less than half of the lanes, all together."""
    m = Model([1, 4, 6, 6])
    y = m.node("Conv", [m.real, m.weight([4, 2, 3, 3])], kernel_shape=[3, 3], group=2)
    m.save(path, y, [1, 4, 4, 4], 0.1)


def coarse_bias(path):
    """A bias whose steps in the sum are larger than those of the result."""
    m = Model([1, 4, 4, 4], 0.5, 0)
    weight = m.weight([6, 4, 1, 1], 1.0, -1, 2)
    bias = m.constant((m.random.random(6) * 3).astype("f4"))
    y = m.node("Conv", [m.real, weight, bias], kernel_shape=[1, 1])
    m.save(path, y, [1, 6, 4, 4], 0.05)


def average_of_256(path):
    """A window of more elements than a field counts."""
    m = Model([1, 5, 16, 16])
    m.save(path, m.node("GlobalAveragePool", [m.real]), [1, 5, 1, 1], 0.02)


def average_of_400(path):
    m = Model([1, 5, 20, 20])
    y = m.node("ReduceMean", [m.real], axes=[2, 3])
    m.save(path, y, [1, 5, 1, 1], 0.02)


def two_zero_points(path):
    """One image of few channels, read with two zero points: each has bytes of its own behind the last pixel."""
    m = Model([1, 3, 6, 6])
    first = m.node("Conv", [m.real, m.weight([4, 3, 3, 3])], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    other = m.node("Conv", [m.dequantise("x", 0.05, -90), m.weight([4, 3, 3, 3])], kernel_shape=[3, 3],
                   pads=[1, 1, 1, 1])
    first, other = (m.node("QuantizeLinear", [real, m.constant(numpy.asarray(0.2, "f4")),
                                              m.constant(numpy.asarray(0, "i1"))]) for real in (first, other))
    y = m.node("Concat", [m.dequantise(first, 0.2), m.dequantise(other, 0.2)], axis=1)
    m.save(path, y, [1, 8, 6, 6], 0.2)


def taps_beyond_the_image(path):
    """Most taps of each kernel read nothing but padding: of the first all but the centre, of the second, whose windows
    begin off the image, the first and the last column, and the padding that is left is less than none."""
    m = Model([1, 16, 4, 4], zero=-5)
    y = m.node("Conv", [m.real, m.weight([8, 16, 3, 3])], kernel_shape=[3, 3], dilations=[24, 36],
               pads=[24, 36, 24, 36])
    inner = m.node("QuantizeLinear", [y, m.constant(numpy.asarray(0.1, "f4")), m.constant(numpy.asarray(2, "i1"))])
    y = m.node("Conv", [m.dequantise(inner, 0.1, 2), m.weight([6, 4, 1, 3])], kernel_shape=[1, 3], group=2,
               dilations=[1, 24], strides=[1, 2], pads=[0, 23, 0, 24])
    m.save(path, y, [1, 6, 4, 2], 0.1)


def rows_of_padding(path):
    """Two images; a kernel of one row, and rows of padding behind the last that it reads."""
    m = Model([2, 2, 4, 10])
    y = m.node("Conv", [m.real, m.weight([8, 2, 1, 2])], kernel_shape=[1, 2], pads=[0, 0, 1, 0])
    m.save(path, y, [2, 8, 5, 9], 0.2)


def pool_of_three_dimensions(path):
    """A maximum that is quantised behind the second of the two pools that it is made of."""
    m = Model([1, 12, 4, 6, 5])
    y = m.node("MaxPool", [m.real], kernel_shape=[2, 3, 2], strides=[2, 1, 1], pads=[0, 1, 0, 0, 1, 1])
    m.save(path, y, [1, 12, 2, 6, 5], 0.05, 3)


def pixel_that_fills_an_image(path):
    """An average over the image, interpolated to its size, beside a convolution of it."""
    m = Model([1, 20, 4, 4])
    mean = m.node("QuantizeLinear", [m.node("GlobalAveragePool", [m.real]), m.constant(numpy.asarray(0.02, "f4")),
                                     m.constant(numpy.asarray(-4, "i1"))])
    wide = m.node("Resize", [m.dequantise(mean, 0.02, -4), "", m.constant(numpy.asarray([1, 1, 4, 4], "f4"))],
                  mode="linear", coordinate_transformation_mode="half_pixel")
    first, other = (m.node("QuantizeLinear", [real, m.constant(numpy.asarray(0.02, "f4")),
                                              m.constant(numpy.asarray(-4, "i1"))])
                    for real in (wide, m.node("Conv", [m.real, m.weight([9, 20, 1, 1])], kernel_shape=[1, 1])))
    y = m.node("Concat", [m.dequantise(first, 0.02, -4), m.dequantise(other, 0.02, -4)], axis=1)
    y = m.node("Conv", [m.dequantise(m.node("QuantizeLinear", [y, m.constant(numpy.asarray(0.02, "f4")),
                                                               m.constant(numpy.asarray(-4, "i1"))]), 0.02, -4),
                        m.weight([8, 29, 1, 1])], kernel_shape=[1, 1])
    m.save(path, y, [1, 8, 4, 4], 0.1)


def main():
    for make in (column_tiles, sums_of_many_products, few_channels_in_groups, coarse_bias, average_of_256,
                 average_of_400, two_zero_points, taps_beyond_the_image, rows_of_padding,
                 pool_of_three_dimensions, pixel_that_fills_an_image):
        make(os.path.join(sys.argv[1], make.__name__ + ".onnx"))


main()
