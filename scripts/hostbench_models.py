# SPDX-License-Identifier: Apache-2.0
"""The networks of hostbench.py: float graphs with weights of a fixed seed, batch norm folded as exporters do, and their
int8 forms by onnxruntime.quantization."""
import logging
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """A graph of one input and one output that is built node by node; each method returns a tensor's name."""

    def __init__(self, name, shape):
        self.name, self.shape = name, shape
        self.random = np.random.default_rng(1)
        self.nodes, self.weights, self.count = [], [], 0
        self.channels = {"input": shape[1]}

    def constant(self, array):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def node(self, kind, inputs, channels, **attributes):
        self.count += 1
        output = f"{kind.lower()}{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        self.channels[output] = channels
        return output

    def conv(self, x, filters, kernel=1, stride=1, group=1, gain=1.0):
        """Weights of such a size that values neither grow nor vanish through a relu."""
        inputs = self.channels[x] // group
        scale = gain * np.sqrt(2 / (inputs * kernel * kernel))
        weights = self.random.normal(0, scale, (filters, inputs, kernel, kernel))
        bias = self.random.normal(0, 0.1, filters)
        return self.node("Conv", [x, self.constant(weights), self.constant(bias)], filters,
                         kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4, group=group)

    def relu(self, x):
        return self.node("Relu", [x], self.channels[x])

    def relu6(self, x):
        return self.node("Clip", [x, self.constant(0), self.constant(6)], self.channels[x])

    def add(self, x, y):
        return self.node("Add", [x, y], self.channels[x])

    def depthwise(self, x, stride):
        return self.conv(x, self.channels[x], 3, stride, self.channels[x])

    def classifier(self, x, classes):
        channels = self.channels[x]
        x = self.node("GlobalAveragePool", [x], channels)
        x = self.node("Flatten", [x], channels)
        weights = self.random.normal(0, np.sqrt(1 / channels), (classes, channels))
        return self.node("Gemm", [x, self.constant(weights), self.constant(np.zeros(classes))], classes, transB=1)

    def model(self, output):
        graph = helper.make_graph(
            self.nodes, self.name, [helper.make_tensor_value_info("input", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, self.channels[output]])], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        return model


def resnet50():
    g = Graph("resnet50", [1, 3, 224, 224])
    x = g.relu(g.conv("input", 64, 7, 2))
    x = g.node("MaxPool", [x], 64, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stage, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            y = g.relu(g.conv(x, width))
            y = g.relu(g.conv(y, width, 3, stride))
            y = g.conv(y, 4 * width, gain=0.3)
            x = g.relu(g.add(y, x if block else g.conv(x, 4 * width, 1, stride)))
    return g.model(g.classifier(x, 1000))


def mobilenet_v2():
    g = Graph("mobilenet_v2", [1, 3, 224, 224])
    x = g.relu6(g.conv("input", 32, 3, 2))
    for expansion, filters, blocks, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                               (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
        for block in range(blocks):
            y = x if expansion == 1 else g.relu6(g.conv(x, expansion * g.channels[x]))
            y = g.relu6(g.depthwise(y, 1 if block else stride))
            y = g.conv(y, filters, gain=0.5)
            x = g.add(x, y) if block else y
    return g.model(g.classifier(g.relu6(g.conv(x, 1280)), 1000))


def mobilenet_v1():
    g = Graph("mobilenet_v1", [1, 3, 224, 224])
    x = g.relu6(g.conv("input", 32, 3, 2))
    for filters, stride in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + 5 * [(512, 1)] + [
            (1024, 2), (1024, 1)]:
        x = g.relu6(g.conv(g.relu6(g.depthwise(x, stride)), filters))
    return g.model(g.classifier(x, 1000))


def resnet8():
    g = Graph("resnet8", [1, 3, 32, 32])
    x = g.relu(g.conv("input", 16, 3))
    for filters, stride in [(16, 1), (32, 2), (64, 2)]:
        y = g.conv(g.relu(g.conv(x, filters, 3, stride)), filters, 3, gain=0.5)
        x = g.relu(g.add(y, x if stride == 1 else g.conv(x, filters, 1, stride)))
    return g.model(g.classifier(x, 10))


def digits():
    """The project's own sample, trained."""
    return onnx.load(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools/sample/digits_float.onnx"))


# In the order of the table.
NETWORKS = {"resnet50": resnet50, "mobilenet_v2": mobilenet_v2, "mobilenet_v1": mobilenet_v1, "resnet8": resnet8,
            "digits": digits}


def input_of(model, seed):
    """A dictionary of random inputs."""
    random = np.random.default_rng(seed)
    return {i.name: random.uniform(-1, 1, [d.dim_value for d in i.type.tensor_type.shape.dim]).astype(np.float32)
            for i in model.graph.input}


def quantise(source, target, activations):
    """int8 QDQ: weights symmetric int8 of each channel, activations int8 or uint8 (`activations`: QuantType)."""
    from onnxruntime import quantization

    logging.getLogger().setLevel(logging.ERROR)  # it advises a pass that these graphs do not need

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self.inputs = iter([input_of(onnx.load(source), seed) for seed in range(2)])

        def get_next(self):
            return next(self.inputs, None)

    quantization.quantize_static(
        source, target, Reader(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
        activation_type=activations, weight_type=quantization.QuantType.QInt8,
        extra_options={"WeightSymmetric": True})
