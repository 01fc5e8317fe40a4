# SPDX-License-Identifier: Apache-2.0
"""Writes ONNX models that must be refused: bad_models.py FOLDER. Encoded by hand, so it needs no ONNX package."""
import os
import sys


def varint(value):
    data = b""
    while value >= 0x80:
        data, value = data + bytes([value & 0x7F | 0x80]), value >> 7
    return data + bytes([value])


def field(number, value):
    """A field of a protobuf message: bytes, text, or a number."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def value_info(name, dims, element=1):
    shape = b"".join(field(1, field(2 if isinstance(dim, str) else 1, dim)) for dim in dims)
    return field(1, name) + field(2, field(1, field(1, element) + field(2, shape)))


def model(operator="Relu", opset=13, dims=(2, 4), element=1):
    node = field(1, "x") + field(2, "y") + field(3, "first") + field(4, operator)
    graph = (field(1, node) + field(2, "g") + field(11, value_info("x", dims, element))
             + field(12, value_info("y", dims, element)))
    return field(1, 7) + field(7, graph) + field(8, field(1, "") + field(2, opset))


def reshape(length=2):
    """x [2, 4] to the graph input "shape"."""
    node = field(1, "x") + field(1, "shape") + field(2, "y") + field(3, "first") + field(4, "Reshape")
    graph = (field(1, node) + field(2, "g") + field(11, value_info("x", (2, 4)))
             + field(11, value_info("shape", (length,), 7)) + field(12, value_info("y", (4, 2))))
    return field(1, 7) + field(7, graph) + field(8, field(1, "") + field(2, 13))


def external():
    """x + w, with w in a file outside the folder."""
    node = field(1, "x") + field(1, "w") + field(2, "y") + field(3, "first") + field(4, "Add")
    weight = (field(1, 4) + field(2, 1) + field(8, "w") + field(13, field(1, "location") + field(2, "../w.bin"))
              + field(14, 1))
    graph = (field(1, node) + field(2, "g") + field(5, weight) + field(11, value_info("x", (2, 4)))
             + field(12, value_info("y", (2, 4))))
    return field(1, 7) + field(7, graph) + field(8, field(1, "") + field(2, 13))


def main():
    good = model()
    models = {
        "good": good,
        "empty": b"",
        "text": b"this is no model " * 50,
        "cut": good[: len(good) * 2 // 3],
        "corrupt": good[:20] + bytes(byte ^ 0xFF for byte in good[20:40]) + good[40:],
        "operator": model(operator="SequenceLength"),
        "opset": model(opset=99),
        "dimension": model(dims=("batch", 4)),
        "negative": model(dims=(2, (1 << 64) - 2)),
        "huge": model(dims=(1 << 40, 1 << 40)),
        "string": model(element=8),
        "tflite": b"\x1c\0\0\0TFL3" + bytes(64),
        "external": external(),
        "known": reshape(),
        "loose": reshape(length="n"),
        "deep": model(dims=(1,) * 9),
    }
    for name, data in models.items():
        with open(os.path.join(sys.argv[1], name + ".onnx"), "wb") as stream:
            stream.write(data)


if __name__ == "__main__":
    main()
