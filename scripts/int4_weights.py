#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What weights of four bits with a scale for each group would cost in accuracy: the matrices of a float model, rounded
so, beside the model itself and the same with eight bits for each column. Scales of groups are float16, or whole
multiples of the column's scale with which seven steps fit into int8. Needs numpy, onnx and onnxruntime.

    python3 scripts/int4_weights.py model.onnx [--prompts 20]
"""
import argparse

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper


MOST_TIMES = 18  # 7 * 18 = 126


def rounded(weights, bits, group, is_whole):
    """[K, N], a scale for each `group` rows of a column (0: all of them): symmetric, half to even."""
    rows, columns = weights.shape
    group = group or rows
    padded = np.zeros((-(-rows // group) * group, columns), np.float32)
    padded[:rows] = weights
    parts = padded.reshape(-1, group, columns)
    most = 2 ** (bits - 1) - 1
    scale = np.abs(parts).max(axis=1, keepdims=True) / most
    scale[scale == 0] = 1
    if is_whole:
        column = scale.max(axis=0, keepdims=True) / MOST_TIMES
        scale = np.clip(np.ceil(scale / column), 1, MOST_TIMES) * column
    else:
        scale = scale.astype(np.float16).astype(np.float32)
    steps = np.clip(np.rint(parts / scale), -most, most)
    return (steps * scale).reshape(padded.shape)[:rows]


def changed(path, bits, group, is_whole=False):
    """The model with all its constant matrices rounded, and how many elements those have."""
    model, count = onnx.load(path), 0
    read = {name for node in model.graph.node if node.op_type in ("MatMul", "Gemm") for name in node.input[1:2]}
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if tensor.name in read and array.ndim == 2 and array.dtype == np.float32:
            count += array.size
            if bits:
                tensor.CopyFrom(numpy_helper.from_array(rounded(array, bits, group, is_whole), tensor.name))
    return model, count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--words", type=int, default=1000)
    a = parser.parse_args()
    model, count = changed(a.model, 0, 0)
    sessions = {"float": onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])}
    for bits, group, is_whole in ((8, 0, False), (4, 0, False), (4, 128, False), (4, 32, False), (4, 16, False),
                                  (4, 128, True), (4, 32, True), (4, 16, True)):
        made, _ = changed(a.model, bits, group, is_whole)
        name = f"int{bits}, " + (f"groups of {group}" if group else "columns") + (", whole" if is_whole else "")
        sessions[name] = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    ids = sessions["float"].get_inputs()[0]
    random = np.random.default_rng(1)
    prompts = [random.integers(0, a.words, ids.shape) for _ in range(a.prompts)]
    logits = {name: np.concatenate([session.run(None, {ids.name: p})[0].reshape(-1, a.words) for p in prompts])
              for name, session in sessions.items()}
    print(f"{count:,} weights, {len(logits['float'])} positions")
    for name, values in logits.items():
        same = (values.argmax(1) == logits["float"].argmax(1)).mean()
        spread = np.sqrt(((values - logits["float"]) ** 2).mean())
        print(f"{name:28} correlation {np.corrcoef(values.ravel(), logits['float'].ravel())[0, 1]:.5f}, "
              f"same argmax {100 * same:.1f} %, root of mean square {spread:.4f}")


if __name__ == "__main__":
    main()
