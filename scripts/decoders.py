#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A decoder with its past as state beside the same decoder over whole sequences: the same ids, one by one.

Writes a GPT-2-like network of random weights in two forms into --folder, whole.onnx (ids [1, C] to logits) and
step.onnx (new ids, the keys and values of those before, a mask and positions), quantised as statically quantised models
are, or float; compiles the second to a package with an entry for a prompt and one for a single id, and continues
prompts by both on each device. Needs numpy and onnx.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Decoder:
    def __init__(self, arguments, steps):
        self.arguments, self.steps, self.quantised = arguments, steps, not arguments.float
        self.nodes, self.constants, self.count = [], {}, 0
        self.random = np.random.RandomState(arguments.seed)  # the same weights in the same order in both forms

    def constant(self, value):
        value = np.asarray(value)
        key = (value.dtype.str, value.shape, value.tobytes())
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(value, f"c{len(self.constants)}")
        return self.constants[key].name

    def node(self, op, *inputs, output=None, **attributes):
        self.count += 1
        output = output or f"{op.lower()}{self.count}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def quantise(self, x, scale):
        if not self.quantised:
            return x
        ends = self.constant(np.float32(scale)), self.constant(np.int8(0))
        return self.node("DequantizeLinear", self.node("QuantizeLinear", x, *ends), *ends)

    def weights(self, *shape):
        values = self.random.randint(-127, 128, shape)
        scale = np.float32(1.7 / 127 / np.sqrt(shape[0]))
        if not self.quantised:
            return self.constant((values * scale).astype(np.float32))
        return self.node("DequantizeLinear", self.constant(values.astype(np.int8)), self.constant(scale),
                         self.constant(np.int8(0)))

    def norm(self, x):
        centred = self.node("Sub", x, self.node("ReduceMean", x, axes=[-1]))
        spread = self.node("ReduceMean", self.node("Mul", centred, centred), axes=[-1])
        return self.quantise(self.node("Div", centred, self.node("Sqrt", self.node(
            "Add", spread, self.constant(np.float32(1e-5))))), 0.03)

    def product(self, x, *shape, scale=0.03):
        return self.quantise(self.node("MatMul", x, self.weights(*shape)), scale)

    def heads(self, x):
        a = self.arguments
        split = self.node("Reshape", x, self.constant(np.array([1, -1, a.heads, a.size // a.heads], np.int64)))
        return self.node("Transpose", split, perm=[0, 2, 1, 3])

    def attention(self, x, layer, mask):
        a = self.arguments
        query, key, value = (self.heads(self.product(x, a.size, a.size)) for _ in range(3))
        if self.steps:
            for name, new in ("key", key), ("value", value):
                self.node("Concat", f"past_key_values.{layer}.{name}", new, axis=2, output=f"present.{layer}.{name}")
            key, value = f"present.{layer}.key", f"present.{layer}.value"
            key, value = self.quantise(key, 0.03), self.quantise(value, 0.03)
        scores = self.node("MatMul", query, self.node("Transpose", key, perm=[0, 1, 3, 2]))
        scores = self.node("Mul", self.quantise(scores, 0.15),
                           self.constant(np.float32(1 / np.sqrt(a.size // a.heads))))
        weights = self.quantise(self.node("Softmax", self.node("Add", scores, mask), axis=-1), 1 / 127)
        mixed = self.quantise(self.node("MatMul", weights, value), 0.03)
        joined = self.node("Reshape", self.node("Transpose", mixed, perm=[0, 2, 1, 3]),
                           self.constant(np.array([1, -1, a.size], np.int64)))
        return self.product(joined, a.size, a.size)

    def feed_forward(self, x):
        a = self.arguments
        wide = self.product(x, a.size, 4 * a.size)
        inner = self.node("Mul", self.constant(np.float32(0.7978846)), self.node("Add", wide, self.node(
            "Mul", self.constant(np.float32(0.044715)), self.node("Mul", wide, self.node("Mul", wide, wide)))))
        gate = self.node("Add", self.node("Tanh", inner), self.constant(np.float32(1)))
        curve = self.node("Mul", self.constant(np.float32(0.5)), self.node("Mul", wide, gate))
        return self.product(self.quantise(curve, 0.03), 4 * a.size, a.size)

    def mask(self):
        """Added to scores: each position sees those up to itself; in steps, of rows that there are."""
        a = self.arguments
        if not self.steps:
            return self.constant(np.triu(np.full((1, 1, a.positions, a.positions), -1e9, np.float32), 1))
        # Row i of the new ones stands at place past + i of the rows.
        zero, one = self.constant(np.int64(0)), self.constant(np.int64(1))
        rows = self.node("Range", zero, self.length("attention_mask", 1), one)
        first = self.node("Sub", self.length("attention_mask", 1), self.length("input_ids", 1))
        own = self.node("Add", first, self.node("Range", zero, self.length("input_ids", 1), one))
        ahead = self.node("Cast", self.node("Greater", self.node("Unsqueeze", rows, self.constant(np.array([0]))),
                                            self.node("Unsqueeze", own, self.constant(np.array([1])))),
                          to=TensorProto.FLOAT)
        present = self.node("Cast", "attention_mask", to=TensorProto.FLOAT)
        absent = self.node("Sub", self.constant(np.float32(1)), present)
        hidden = self.node("Mul", self.node("Max", ahead, absent), self.constant(np.float32(-1e9)))
        return self.node("Unsqueeze", hidden, self.constant(np.array([0, 1])))

    def length(self, name, axis):
        return self.node("Gather", self.node("Shape", name), self.constant(np.int64(axis)), axis=0)

    def model(self):
        a = self.arguments
        where = self.constant(self.random.randn(a.positions, a.size).astype(np.float32) * np.float32(0.5))
        tokens = self.constant(self.random.randn(a.vocabulary, a.size).astype(np.float32))
        where = self.node("Gather", where, "position_ids") if self.steps else where
        x = self.quantise(self.node("Add", self.node("Gather", tokens, "input_ids"), where), 0.04)
        mask = self.mask()
        for layer in range(a.layers):
            x = self.quantise(self.node("Add", x, self.attention(self.norm(x), layer, mask)), 0.05)
            x = self.quantise(self.node("Add", x, self.feed_forward(self.norm(x))), 0.06)
        self.node("Identity", self.product(self.norm(x), a.size, a.vocabulary, scale=0.06), output="logits")
        ids, real = TensorProto.INT64, TensorProto.FLOAT
        if self.steps:
            rows = [1, a.heads, "past", a.size // a.heads]
            inputs = {"input_ids": (ids, [1, "new"]), "attention_mask": (ids, [1, "past + new"]),
                      "position_ids": (ids, [1, "new"])}
            outputs = {"logits": (real, [1, "new", a.vocabulary])}
            for layer in range(a.layers):
                for name in ("key", "value"):
                    inputs[f"past_key_values.{layer}.{name}"] = (real, rows)
                    outputs[f"present.{layer}.{name}"] = (real, [1, a.heads, "past + new", a.size // a.heads])
        else:
            inputs = {"input_ids": (ids, [1, a.positions])}
            outputs = {"logits": (real, [1, a.positions, a.vocabulary])}
        graph = helper.make_graph(self.nodes, "decoder",
                                  [helper.make_tensor_value_info(name, *what) for name, what in inputs.items()],
                                  [helper.make_tensor_value_info(name, *what) for name, what in outputs.items()],
                                  list(self.constants.values()))
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        made.ir_version = 7
        return made


def generated(arguments, file, device, prompt, steps):
    command = [arguments.tilewright, "generate", file, "--prompt-ids", ",".join(map(str, prompt)), "--steps",
               str(steps), "--device", device, "--json"]
    command += ["--config", arguments.config] if file.endswith(".onnx") else []
    start = time.time()
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    return result, time.time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in {"layers": 2, "heads": 4, "size": 64, "vocabulary": 1000, "positions": 64, "prefill": 16,
                        "prompts": 3, "seed": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--float", action="store_true", help="no quantisers")
    parser.add_argument("--tilewright", default="build/bin/tilewright")
    parser.add_argument("--config", default="tw16")
    parser.add_argument("--devices", default="functional,cycle,rtl")
    parser.add_argument("--folder", default="build/decoders")
    a = parser.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    whole, step, package = (os.path.join(a.folder, name) for name in ("whole.onnx", "step.onnx", "step.npk"))
    onnx.save(Decoder(a, steps=False).model(), whole)
    onnx.save(Decoder(a, steps=True).model(), step)
    start = time.time()
    dims = f"new={a.prefill},1", f"past={a.positions - a.prefill},{a.positions - 1}", f"past + new={a.positions}"
    subprocess.run([a.tilewright, "compile", step, "--config", a.config, "--state", "known", "-o", package] +
                   [word for dim in dims for word in ("--dim", dim)], check=True, stdout=subprocess.DEVNULL)
    print(f"compiled in {time.time() - start:.1f} s, {os.path.getsize(package):,} bytes")
    rng, failed = random.Random(a.seed), False
    for number in range(a.prompts):
        length = 1 if number == 0 else rng.randrange(1, 2 * a.prefill + 1)
        prompt = [rng.randrange(a.vocabulary) for _ in range(length)]
        count = a.positions - len(prompt) + 1
        expected, seconds = generated(a, whole, "functional", prompt, count)
        for device in a.devices.split(","):
            result, own = generated(a, package, device, prompt, count)
            same = result["ids"] == expected["ids"]
            failed |= not same
            cycles = f", {result['cycles'] // result['runs']:,} cycles a run" if result["cycles"] else ""
            print(f"prompt of {len(prompt)}, {count} steps, {device}: {'equal' if same else 'DIFFERENT'}, "
                  f"{result['runs']} runs{cycles}, {own:.1f} s; whole: {expected['runs']} runs, {seconds:.1f} s")
    sys.exit(failed)


if __name__ == "__main__":
    main()
