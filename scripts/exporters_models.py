# SPDX-License-Identifier: Apache-2.0
"""The networks of exporters.py as today's tools write them: each through both exporters of torch, in float and in the
three forms of ONNX Runtime's quantiser. Architectures of torchvision and a few of our own; random weights of a fixed
seed, batch norms with the statistics of random inputs, small images: what is tested is the form of the files.

usage: exporters_models.py FOLDER [NETWORK ...]: makes FOLDER/<network>.<exporter>.<form>.onnx, those that are there are
left; what cannot be made is said and left out."""

import logging
import pathlib
import sys
import traceback

import numpy as np
import onnx
import torch
import torchvision
from torch import nn

EXPORTERS = ("legacy", "dynamo")
FORMS = ("float", "qdq", "qoperator", "dynamic")
LEGACY_OPSET = 17  # the newest that most guides name; the other exporter chooses its own


class Yolo(nn.Module):
    """Two heads on a backbone of split blocks, boxes decoded in the graph as detectors are exported."""

    class Block(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.first = conv_silu(inputs, outputs, 1)
            self.inner = nn.Sequential(
                conv_silu(outputs // 2, outputs // 2, 3), conv_silu(outputs // 2, outputs // 2, 3)
            )
            self.last = conv_silu(outputs + outputs // 2, outputs, 1)

        def forward(self, x):
            parts = list(self.first(x).chunk(2, 1))
            parts.append(parts[-1] + self.inner(parts[-1]))
            return self.last(torch.cat(parts, 1))

    class Pyramid(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.first, self.last = conv_silu(channels, channels // 2, 1), conv_silu(channels * 2, channels, 1)
            self.pool = nn.MaxPool2d(5, 1, 2)

        def forward(self, x):
            parts = [self.first(x)]
            for _ in range(3):
                parts.append(self.pool(parts[-1]))
            return self.last(torch.cat(parts, 1))

    def __init__(self, classes=4):
        super().__init__()
        self.stem = nn.Sequential(conv_silu(3, 16, 3, 2), conv_silu(16, 32, 3, 2), Yolo.Block(32, 32))
        self.fine = nn.Sequential(conv_silu(32, 64, 3, 2), Yolo.Block(64, 64))
        self.coarse = nn.Sequential(conv_silu(64, 128, 3, 2), Yolo.Block(128, 128), Yolo.Pyramid(128))
        self.up, self.merge = nn.Upsample(scale_factor=2, mode="nearest"), Yolo.Block(192, 64)
        self.heads = nn.ModuleList([nn.Conv2d(64, 5 + classes, 1), nn.Conv2d(128, 5 + classes, 1)])
        self.strides = (8, 16)

    def forward(self, x):
        fine = self.fine(self.stem(x))
        coarse = self.coarse(fine)
        found = []
        for head, features, stride in zip(
            self.heads, (self.merge(torch.cat([self.up(coarse), fine], 1)), coarse), self.strides
        ):
            y = head(features)
            rows, columns = y.shape[2:]
            grid = torch.stack(torch.meshgrid(torch.arange(columns), torch.arange(rows), indexing="xy"), 0).float()
            centre = (torch.sigmoid(y[:, :2]) * 2 - 0.5 + grid) * stride
            size = (torch.sigmoid(y[:, 2:4]) * 2) ** 2 * stride
            found.append(torch.cat([centre, size, torch.sigmoid(y[:, 4:])], 1).flatten(2))
        return torch.cat(found, 2).transpose(1, 2)


class UNet(nn.Module):
    """Transposed convolutions up, what was cropped away on the way down beside them."""

    def __init__(self, width=16, classes=3):
        super().__init__()
        self.down = nn.ModuleList([double_conv(3, width), double_conv(width, 2 * width)])
        self.pool, self.bottom = nn.MaxPool2d(2), double_conv(2 * width, 4 * width)
        self.up = nn.ModuleList(
            [nn.ConvTranspose2d(4 * width, 2 * width, 2, 2), nn.ConvTranspose2d(2 * width, width, 2, 2)]
        )
        self.merge = nn.ModuleList([double_conv(4 * width, 2 * width), double_conv(2 * width, width)])
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        kept = []
        for block in self.down:
            kept.append(block(x))
            x = self.pool(kept[-1])
        x = self.bottom(x)
        for up, block in zip(self.up, self.merge):
            x = block(torch.cat([kept.pop(), up(x)], 1))
        return self.head(x)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(20, 32, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(64, 8)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class Deeplab(nn.Module):
    """The dictionary of torchvision's segmenters as one tensor."""

    def __init__(self):
        super().__init__()
        self.net = torchvision.models.segmentation.deeplabv3_mobilenet_v3_large(
            weights=None, weights_backbone=None, num_classes=5
        )

    def forward(self, x):
        return self.net(x)["out"]


def conv_silu(inputs, outputs, kernel, stride=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.SiLU()
    )


def double_conv(inputs, outputs):
    parts = []
    for channels in (inputs, outputs):
        parts += [nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*parts)


def audio():
    parts = []
    for inputs, outputs, kernel in ((1, 16, 9), (16, 32, 5), (32, 64, 3)):
        parts += [
            nn.Conv1d(inputs, outputs, kernel, stride=2, padding=kernel // 2),
            nn.BatchNorm1d(outputs),
            nn.ReLU(),
            nn.MaxPool1d(2),
        ]
    return nn.Sequential(
        *parts,
        nn.Conv1d(64, 64, 3, padding=2, dilation=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


def vgg11():
    """Its pool to 7x7 repeats values of small images, which no exporter writes: here 2x2 stay as they are."""
    net = torchvision.models.vgg11(weights=None, num_classes=10)
    net.avgpool = nn.AdaptiveAvgPool2d(2)
    net.classifier[0] = nn.Linear(512 * 4, 512)
    net.classifier[3] = nn.Linear(512, 512)
    net.classifier[6] = nn.Linear(512, 10)
    return net


zoo = torchvision.models
NETWORKS = {
    "resnet18": (lambda: zoo.resnet18(weights=None, num_classes=100), (1, 3, 64, 64)),
    "mobilenet_v3_small": (lambda: zoo.mobilenet_v3_small(weights=None, num_classes=100), (1, 3, 64, 64)),
    "efficientnet_b0": (lambda: zoo.efficientnet_b0(weights=None, num_classes=100), (1, 3, 64, 64)),
    "shufflenet_v2": (lambda: zoo.shufflenet_v2_x1_0(weights=None, num_classes=100), (1, 3, 64, 64)),
    "densenet121": (lambda: zoo.densenet121(weights=None, num_classes=100), (1, 3, 64, 64)),
    "inception_v3": (
        lambda: zoo.inception_v3(weights=None, num_classes=100, aux_logits=False, init_weights=False),
        (1, 3, 96, 96),
    ),
    "squeezenet": (lambda: zoo.squeezenet1_1(weights=None, num_classes=100), (1, 3, 64, 64)),
    "vgg11": (vgg11, (1, 3, 64, 64)),
    "yolo": (Yolo, (1, 3, 96, 96)),
    "deeplab": (Deeplab, (1, 3, 64, 64)),
    "unet": (UNet, (1, 3, 64, 64)),
    "lstm": (Recurrent, (1, 16, 20)),
    "audio": (audio, (1, 1, 1024)),
}


def network(name):
    """The module and its shape of input."""
    make, shape = NETWORKS[name]
    torch.manual_seed(1)
    module = make()
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = None  # the mean of all batches
    if norms:
        module.train()
        with torch.no_grad():
            for _ in range(2):
                module(torch.randn(8, *shape[1:]))
    return module.eval(), shape


def sample(name, seed):
    """An input of the network, the same for all its files."""
    return np.random.default_rng(seed).standard_normal(NETWORKS[name][1]).astype(np.float32)


def export(name, exporter, file):
    module, _ = network(name)
    example = (torch.from_numpy(sample(name, 0)),)
    names = dict(input_names=["input"], output_names=["output"])
    with torch.no_grad():
        if exporter == "legacy":
            torch.onnx.export(module, example, file, dynamo=False, opset_version=LEGACY_OPSET, **names)
        else:
            torch.onnx.export(module, example, file, dynamo=True, verbose=False, **names)


def quantise(name, form, source, file):
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self.inputs = iter([{"input": sample(name, seed)} for seed in range(4)])

        def get_next(self):
            return next(self.inputs, None)

    whole, prepared = file.removesuffix(".onnx") + ".whole", file.removesuffix(".onnx") + ".prepared"
    onnx.save(onnx.load(source), whole)  # the step before quantising loses weights in files of their own
    quant_pre_process(whole, prepared, skip_symbolic_shape=True)  # as ONNX Runtime's guide asks
    if form == "dynamic":
        quantization.quantize_dynamic(prepared, file)
    elif form == "qdq":
        quantization.quantize_static(
            prepared,
            file,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
        )
    else:
        quantization.quantize_static(prepared, file, Reader(), quant_format=quantization.QuantFormat.QOperator)
    for path in (whole, prepared):
        pathlib.Path(path).unlink()


def make(folder, name, exporter, form):
    """The file, or None and the reason."""
    file = pathlib.Path(folder) / f"{name}.{exporter}.{form}.onnx"
    if file.exists():
        return
    try:
        if form == "float":
            export(name, exporter, str(file))
        else:
            quantise(name, form, str(file.with_name(f"{name}.{exporter}.float.onnx")), str(file))
        print(f"{file.name}: made", flush=True)
    except Exception as error:  # whatever a foreign tool raises; the file is then absent and the table says so
        file.unlink(missing_ok=True)
        print(
            f"{file.name}: not made: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            flush=True,
        )
        traceback.print_exc(limit=3)


def main():
    folder, names = sys.argv[1], sys.argv[2:] or list(NETWORKS)
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    logging.getLogger().setLevel(logging.ERROR)
    for form in FORMS:
        for exporter in EXPORTERS:
            for name in names:
                make(folder, name, exporter, form)


if __name__ == "__main__":
    main()
