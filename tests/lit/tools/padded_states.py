# SPDX-License-Identifier: Apache-2.0
"""Runs of a decoder that are filled up. padded_states.py --ids PACKAGE WHOLE continues prompts of each length by both;
padded_states.py --steps MODEL FOLDER compares packages that read 1 to 4 ids at once with one that reads 4, and writes
there inputs that are refused and the model with a past that is float32 where it is read."""
import json
import os
import subprocess
import sys

import numpy as np
import onnx


def generated(file, prompt, steps):
    command = ["tilewright", "generate", file, "--prompt-ids", ",".join(map(str, prompt)), "--steps", str(steps),
               "--json"] + (["-c", "tw8"] if file.endswith(".onnx") else [])
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["ids"]


def compare_ids(package, whole):
    rng = np.random.RandomState(2)
    for length in range(1, 8):
        prompt = [int(i) for i in rng.randint(0, 12, length)]
        mine, theirs = (generated(file, prompt, min(4, 9 - length)) for file in (package, whole))
        if mine != theirs:
            sys.exit(f"prompt {prompt}: {mine} and {theirs}")


def inputs(ids, position, rows, shown=None):
    count = len(ids)
    mask = np.zeros((1, rows), np.int64)
    mask[0, max(rows - count - position, 0):] = 1
    if shown is not None:
        mask[0] = shown
    return {"ids": np.array([ids]), "position_ids": np.arange(position, position + count)[None], "attention_mask": mask,
            "position": np.array([position])}


def run(folder, package, values):
    path, output = os.path.join(folder, "in.npz"), os.path.join(folder, "out.npy")
    np.savez(path, **values)
    subprocess.run(["tilewright", "run", package, "--input", path, "--output", output], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return np.load(output)


def drop_quantisers(model, made_by):
    """Who reads the result of such a node through a quantiser reads it as it is."""
    source = {output: node for node in model.graph.node for output in node.output}
    for node in list(model.graph.node):
        quantiser = source.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        if quantiser is None or quantiser.op_type != "QuantizeLinear" or not made_by(source[quantiser.input[0]]):
            continue
        for reader in model.graph.node:
            for i, name in enumerate(reader.input):
                if name == node.output[0]:
                    reader.input[i] = quantiser.input[0]
        model.graph.node.remove(node)
        model.graph.node.remove(quantiser)


def compare_steps(model, folder):
    for count in (1, 2, 3, 4):
        exact = os.path.join(folder, f"exact{count}.npk")
        dims = f"new={count}", "past=4", f"past + new={4 + count}"
        subprocess.run(["tilewright", "compile", model, "-c", "tw8", *(word for dim in dims for word in ("--dim", dim)),
                        "--state", "known", "-o", exact], check=True, stdout=subprocess.DEVNULL)
        values = inputs([3, 6, 4, 11][:count], 0, 4 + count)
        mine, theirs = run(folder, os.path.join(folder, "two.npk"), values), run(folder, exact, values)
        if mine.tobytes() != theirs.tobytes():
            sys.exit(f"{count} ids: {mine} and {theirs}")
    np.savez(os.path.join(folder, "mixed.npz"), **inputs([3, 6, 4], 0, 8))
    np.savez(os.path.join(folder, "hidden.npz"), **inputs([3, 6, 4], 2, 7, [0, 0, 1, 1, 0, 1, 1]))
    np.savez(os.path.join(folder, "far.npz"), **inputs([3, 6, 4], 5, 7))
    made = onnx.load(model)
    drop_quantisers(made, lambda node: node.op_type == "Concat")
    drop_quantisers(made, lambda node: node.op_type == "MatMul" and "transpose" in node.input[1])
    onnx.save(made, os.path.join(folder, "float.onnx"))


if __name__ == "__main__":
    if sys.argv[1] == "--ids":
        compare_ids(sys.argv[2], sys.argv[3])
    else:
        compare_steps(sys.argv[2], sys.argv[3])
