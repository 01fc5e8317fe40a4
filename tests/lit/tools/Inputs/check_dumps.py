#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the tensors that verify dumped, and turns those of one model into recordings: equal, far off, too short."""
import os
import sys

import numpy


def load(*parts):
    with numpy.load(os.path.join(*parts)) as archive:
        return dict(archive)


def main():
    folder = sys.argv[1]
    whole, some = load(folder, "all", "reference.npz"), load(folder, "some", "reference.npz")
    assert {"stem", "depth", "point", "pool"} <= set(whole)
    assert set(some) == {"depth", "point", "pool"}
    for name, tensor in some.items():
        assert numpy.array_equal(tensor, whole[name]), name
        assert numpy.array_equal(tensor, load(folder, "some", "cycle.npz")[name]), name
    inputs = load(folder, "some", "inputs.npz")
    assert any(numpy.array_equal(tensor, whole["stem"]) for tensor in inputs.values())
    for device in "functional", "cycle":
        for name, tensor in load(folder, "all", device + ".npz").items():
            assert numpy.array_equal(tensor, whole[name]), (device, name)

    layers = load(folder, "fc", "reference.npz")
    layer = next(tensor for tensor in layers.values() if tensor.dtype == numpy.int8 and tensor.shape == (2, 10))
    recording = {"input_tflite": load(folder, "fc", "inputs.npz")["x"][None], "L00_FC_tflm": layer[None].copy()}
    numpy.savez(os.path.join(folder, "same.npz"), **recording)
    numpy.savez(os.path.join(folder, "short.npz"), **{**recording, "L00_FC_tflm": layer[None, :1]})
    first = recording["L00_FC_tflm"].reshape(-1)
    first[0] = first[0] - 2 if first[0] > 0 else first[0] + 2
    numpy.savez(os.path.join(folder, "far.npz"), **recording)


main()
