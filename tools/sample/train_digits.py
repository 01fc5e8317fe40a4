#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the sample network on real handwritten digits and writes it as float and as int8 (QDQ) ONNX.

The network has what small vision networks have: a convolution with one input channel, a depthwise and a 1x1
convolution, a residual block, max and global average pooling and two fully connected layers. Its files are committed,
so nobody needs to run this; it exists so that anybody can. It needs Debian's python3-torch, python3-onnx, python3-numpy
and the file digits.csv.gz of Debian's python3-sklearn (UCI handwritten digits, CC BY 4.0), which need not be installed:

    apt-get download python3-sklearn && dpkg -x python3-sklearn_*.deb unpacked
    tools/sample/train_digits.py unpacked/usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz tools/sample
"""
import gzip
import pathlib
import sys

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

SEED = 7
EPOCHS = 150


def load(path):
    table = np.loadtxt(gzip.open(path), delimiter=",", dtype=np.float32)
    images = (table[:, :64] / 16.0).reshape(-1, 1, 8, 8).astype(np.float32)
    labels = table[:, 64].astype(np.int64)
    order = np.random.default_rng(SEED).permutation(len(images))
    train, test = order[:1397], order[1397:]
    return images[train], labels[train], images[test], labels[test]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.depth = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.point = nn.Conv2d(16, 32, 1)
        self.res1 = nn.Conv2d(32, 32, 3, padding=1)
        self.res2 = nn.Conv2d(32, 32, 3, padding=1)
        self.fc1 = nn.Linear(32, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        relu = torch.relu
        x = relu(self.stem(x))
        x = relu(self.depth(x))
        x = torch.max_pool2d(relu(self.point(x)), 2)
        x = relu(x + self.res2(relu(self.res1(x))))
        x = x.mean(dim=(2, 3))
        return self.fc2(relu(self.fc1(x)))


def train(net, images, labels):
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(48):
            noisy = (x[batch] + 0.1 * torch.randn(len(batch), 1, 8, 8)).clamp(0, 1)
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(net(noisy), y[batch], label_smoothing=0.1)
            loss.backward()
            optimiser.step()
        schedule.step()


class Graph:
    """Collects nodes and initialisers; `quantised` decides whether each activation passes through Q and DQ."""

    def __init__(self, ranges):
        self.ranges = ranges  # None: float
        self.nodes, self.constants, self.scales = [], [], {}

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def activation(self, value):
        """Q and DQ with the calibrated range of `value`."""
        if self.ranges is None:
            return value
        low, high = min(0.0, self.ranges[value][0]), max(0.0, self.ranges[value][1])
        scale = np.float32((high - low) / 255.0)
        zero = np.int8(np.clip(np.round(-128 - low / scale), -128, 127))
        s, z = self.constant(value + "_scale", np.array(scale)), self.constant(value + "_zero", np.array(zero))
        self.node("QuantizeLinear", [value, s, z], value + "_q")
        result = self.node("DequantizeLinear", [value + "_q", s, z], value + "_dq")
        self.scales[result] = scale
        return result

    def layer(self, op, source, name, weight, bias, **attributes):
        if self.ranges is None:
            operands = [self.constant(name + "_w", weight), self.constant(name + "_b", bias)]
        else:
            scale = (np.abs(weight.reshape(len(weight), -1)).max(axis=1) / 127.0).astype(np.float32)
            shaped = scale.reshape(-1, *[1] * (weight.ndim - 1))
            wq = np.clip(np.round(weight / shaped), -127, 127).astype(np.int8)
            bias_scale = (scale * self.scales[source]).astype(np.float32)
            bq = np.round(bias / bias_scale).astype(np.int32)
            operands = [self.dequantised(name + "_w", wq, scale), self.dequantised(name + "_b", bq, bias_scale)]
        return self.node(op, [source] + operands, name, **attributes)

    def dequantised(self, name, array, scale):
        zero = np.zeros(len(scale), array.dtype)
        inputs = [self.constant(name + "_q", array), self.constant(name + "_scale", scale),
                  self.constant(name + "_zero", zero)]
        return self.node("DequantizeLinear", inputs, name, axis=0)


def build(net, ranges, name):
    p = {k: v.detach().numpy() for k, v in net.state_dict().items()}
    g = Graph(ranges)

    def conv(source, layer, **attributes):
        return g.layer("Conv", source, layer, p[layer + ".weight"], p[layer + ".bias"], **attributes)

    def relu(source):
        return g.activation(g.node("Relu", [source], source + "_relu"))

    x = g.activation("image")
    x = relu(conv(x, "stem", pads=[1] * 4))
    x = relu(conv(x, "depth", pads=[1] * 4, group=16))
    x = relu(conv(x, "point"))
    x = g.activation(g.node("MaxPool", [x], "pool", kernel_shape=[2, 2], strides=[2, 2]))
    y = relu(conv(x, "res1", pads=[1] * 4))
    y = g.activation(conv(y, "res2", pads=[1] * 4))
    x = relu(g.node("Add", [x, y], "add"))
    x = g.activation(g.node("GlobalAveragePool", [x], "mean"))
    x = g.node("Flatten", [x], "flat", axis=1)
    if ranges is not None:
        g.scales["flat"] = g.scales["mean_dq"]
    x = relu(g.layer("Gemm", x, "fc1", p["fc1.weight"], p["fc1.bias"], transB=1))
    x = g.layer("Gemm", x, "fc2", p["fc2.weight"], p["fc2.bias"], transB=1)
    g.node("Identity", [g.activation(x)], "logits")
    graph = helper.make_graph(g.nodes, name,
                              [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 10])], g.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="tilewright sample")
    model.ir_version = 7
    onnx.checker.check_model(model)
    return model


def calibrate(net, images):
    """Range of every activation over the training images, under the names used in build()."""
    seen = {}

    def note(name, value):
        seen[name] = (float(value.min()), float(value.max()))
        return value

    relu = torch.relu
    with torch.no_grad():
        x = note("image", torch.from_numpy(images))
        x = note("stem_relu", relu(net.stem(x)))
        x = note("depth_relu", relu(net.depth(x)))
        x = note("point_relu", relu(net.point(x)))
        seen["pool"] = seen["point_relu"]
        x = torch.max_pool2d(x, 2)
        y = note("res1_relu", relu(net.res1(x)))
        y = note("res2", net.res2(y))
        x = note("add_relu", relu(x + y))
        x = note("mean", x.mean(dim=(2, 3)))
        x = note("fc1_relu", relu(net.fc1(x)))
        note("fc2", net.fc2(x))
    return seen


def main():
    source, target = sys.argv[1], pathlib.Path(sys.argv[2])
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    train_x, train_y, test_x, test_y = load(source)
    net = Net()
    train(net, train_x, train_y)
    net.eval()
    with torch.no_grad():
        hits = (net(torch.from_numpy(test_x)).argmax(1).numpy() == test_y).sum()
    print(f"float: {hits} of {len(test_y)} test images")
    onnx.save(build(net, None, "digits_float"), str(target / "digits_float.onnx"))
    onnx.save(build(net, calibrate(net, train_x), "digits_int8"), str(target / "digits_int8.onnx"))
    np.savez_compressed(target / "digits_test.npz", image=test_x, label=test_y.astype(np.int32))


if __name__ == "__main__":
    main()
