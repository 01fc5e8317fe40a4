#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ids that a model of sequences generates on each device, and what ONNX Runtime makes of the same ids.

Each prompt is continued as far as the model has positions, greedily. The ids must be equal on all devices; fed the same
ids, ONNX Runtime's largest logit must be the same id on --least of the steps. Needs PyPI's onnxruntime.
"""
import argparse
import json
import random
import subprocess
import sys

import numpy as np
import onnxruntime


def generated(arguments, device, prompt, steps):
    command = [arguments.tilewright, "generate", arguments.model, "--prompt-ids", ",".join(map(str, prompt)), "--steps",
               str(steps), "--device", device, "--config", arguments.config, "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--tilewright", default="build/bin/tilewright")
    parser.add_argument("--config", default="tw16")
    parser.add_argument("--devices", default="reference,functional,cycle,rtl")
    parser.add_argument("--prompts", type=int, default=4, help="how many, of one to eight ids")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=0.98)
    arguments = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(arguments.model, options)
    (ids,), rng = session.get_inputs(), random.Random(arguments.seed)
    positions, same, steps, failed = ids.shape[1], 0, 0, False
    for number in range(arguments.prompts):
        size = session.get_outputs()[0].shape[2]
        prompt = [rng.randrange(size) for _ in range(1 if number == 0 else rng.randrange(1, 9))]
        count = positions - len(prompt) + 1
        results = {device: generated(arguments, device, prompt, count)["ids"]
                   for device in arguments.devices.split(",")}
        whole = prompt + next(iter(results.values()))
        equal = all(result == whole[len(prompt):] for result in results.values())
        failed |= not equal
        (logits,) = session.run(None, {ids.name: np.array([whole[:positions]])})[:1]
        agreeing = int(np.sum(np.argmax(logits[0, len(prompt) - 1:], axis=1) == whole[len(prompt):]))
        same, steps = same + agreeing, steps + count
        print(f"prompt of {len(prompt)}, {count} steps: {'equal' if equal else 'DIFFERENT'} on {', '.join(results)}; "
              f"ONNX Runtime agrees on {agreeing}")
    print(f"ONNX Runtime agrees on {same} of {steps} steps, {100 * same / steps:.2f} %")
    sys.exit(failed or same < arguments.least * steps)


if __name__ == "__main__":
    main()
