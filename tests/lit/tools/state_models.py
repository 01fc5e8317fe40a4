# SPDX-License-Identifier: Apache-2.0
"""Decoders whose past is no state: state_models.py MODEL FOLDER writes MODEL changed in one place each into FOLDER."""
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def concat(model, name):
    return next(node for node in model.graph.node if node.output[0] == name)


def drop_input(model, name, value):
    """The input becomes a constant: the model does not read it any more."""
    for i, given in enumerate(model.graph.input):
        if given.name == name:
            del model.graph.input[i]
    model.graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, [1, len(value)], value))


def new_first(model):
    inputs = concat(model, "present.key").input
    inputs[:] = [inputs[1], inputs[0]]


def shorter_too(model):
    new = concat(model, "present.key").input[1]
    model.graph.node.append(helper.make_node("Concat", ["past.more", new], ["present.more"], axis=1))
    model.graph.input.append(helper.make_tensor_value_info("past.more", TensorProto.FLOAT, [1, 5, 16]))
    model.graph.output.append(helper.make_tensor_value_info("present.more", TensorProto.FLOAT, [1, 6, 16]))


def reader(model, name):
    return next(node for node in model.graph.node if name in node.input and node.op_type == "QuantizeLinear")


def read_twice(model, scale):
    """The keys are read by another quantiser, too, of which an output is made."""
    ends = [helper.make_tensor("more_scale", TensorProto.FLOAT, [], [scale]),
            helper.make_tensor("more_zero", TensorProto.INT8, [], [1])]
    model.graph.initializer.extend(ends)
    model.graph.node.append(helper.make_node("QuantizeLinear", ["present.key", "more_scale", "more_zero"], ["more"]))
    model.graph.output.append(helper.make_tensor_value_info("more", TensorProto.INT8, [1, "past + new", 16]))


def read_whole(model):
    """The keys are an output as they are, under another name."""
    model.graph.node.append(helper.make_node("Identity", ["present.key"], ["keys"]))
    model.graph.output.append(helper.make_tensor_value_info("keys", TensorProto.FLOAT, [1, "past + new", 16]))


def read_turned(model):
    """The keys are transposed before they are quantised."""
    quantiser = reader(model, "present.key")
    transpose = helper.make_node("Transpose", ["present.key"], ["turned"], perm=[0, 2, 1])
    back = helper.make_node("Transpose", [quantiser.output[0] + "_t"], [quantiser.output[0]], perm=[0, 2, 1])
    quantiser.input[0] = "turned"
    quantiser.output[0] += "_t"
    at = list(model.graph.node).index(quantiser)
    model.graph.node.insert(at + 1, back)
    model.graph.node.insert(at, transpose)


def batches(model):
    for tensor in [*model.graph.input, *model.graph.output]:
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"


CHANGES = {
    "batches": batches,
    "no_mask": lambda model: drop_input(model, "attention_mask", [1] * 8),
    "no_positions": lambda model: drop_input(model, "position_ids", [7]),
    "position": lambda model: model.graph.input.append(
        helper.make_tensor_value_info("position", TensorProto.INT64, [1])),
    "new_first": new_first,
    "shorter": shorter_too,
    "again": lambda model: read_twice(model, 0.05),
    "other": lambda model: read_twice(model, 0.04),
    "whole": read_whole,
    "turned": read_turned,
}


def main():
    for name, change in CHANGES.items():
        model = onnx.load(sys.argv[1])
        change(model)
        onnx.save(model, os.path.join(sys.argv[2], f"{name}.onnx"))
    # A mask that is read and hides nothing.
    model = onnx.load(sys.argv[1])
    for tensor in model.graph.initializer:
        value = numpy_helper.to_array(tensor)
        if value.shape == () and value == np.float32(-1e9):
            tensor.CopyFrom(helper.make_tensor(tensor.name, TensorProto.FLOAT, [], [0.0]))
    onnx.save(model, os.path.join(sys.argv[2], "deaf.onnx"))


if __name__ == "__main__":
    main()
