#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From dumped inputs and reference: right.npz (inputs and outputs), wrong.npz (one output off by 25), outputs.npz."""
import os
import sys

import numpy

folder, inputs, reference, output = sys.argv[1:]
given = dict(numpy.load(inputs))
recorded = {output: numpy.load(reference)[output]}
wrong = recorded[output].copy()
flat = wrong.reshape(-1)
flat[3] = flat[3] - 25 if flat[3] > 0 else flat[3] + 25
numpy.savez(os.path.join(folder, "right.npz"), **given, **recorded)
numpy.savez(os.path.join(folder, "wrong.npz"), **given, **{output: wrong})
numpy.savez(os.path.join(folder, "outputs.npz"), **recorded)
