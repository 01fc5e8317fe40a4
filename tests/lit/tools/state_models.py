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
