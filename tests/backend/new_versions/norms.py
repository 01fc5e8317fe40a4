# SPDX-License-Identifier: Apache-2.0
"""Normalisations, reductions, losses, and linear algebra."""

import numpy as np

from case import BF16, ints


def standardised(x, axes, epsilon):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def add_to(cases):
    x = cases.normal(2, 4, 3, key="norm")
    x64 = x.astype(np.float64)
    scale, bias = cases.normal(4, key="scale"), cases.normal(4, key="bias")
    each = standardised(x64, (2,), 1e-2) * scale[:, None] + bias[:, None]
    cases.add("InstanceNormalization", 22, [x, scale, bias], [each.astype(np.float32)], epsilon=1e-2)
    groups = standardised(x64.reshape(2, 2, 6), (2,), 1e-5)
    out = groups * scale[:2, None] + bias[:2, None]
    cases.add(
        "GroupNormalization", 18, [x, scale[:2], bias[:2]], [out.reshape(2, 4, 3).astype(np.float32)], num_groups=2
    )
    out = groups.reshape(2, 4, 3) * scale[:, None] + bias[:, None]
    cases.add("GroupNormalization", 21, [x, scale, bias], [out.astype(np.float32)], num_groups=2)
    factor = cases.normal(3, key="factor")
    out = x64 / np.sqrt((x64**2).mean(-1, keepdims=True) + 1e-5) * factor
    cases.add("RMSNormalization", 23, [x, factor], [out.astype(np.float32)])
    factor = cases.normal(4, 3, key="factor")
    out = x64 / np.sqrt((x64**2).mean((1, 2), keepdims=True) + 1e-3) * factor
    cases.add("RMSNormalization", 23, [x, factor], [out.astype(np.float32)], "axis", axis=1, epsilon=1e-3)
    cases.add(
        "LpNormalization", 22, [x], [(x64 / np.abs(x64).sum(1, keepdims=True)).astype(np.float32)], "l1", axis=1, p=1
    )
    given = x.astype(BF16)
    out = given.astype(np.float64) / np.sqrt((given.astype(np.float64) ** 2).sum(-1, keepdims=True))
    cases.add("LpNormalization", 22, [given], [out.astype(BF16)], "bf16")
    reductions(cases, x)
    losses(cases)
    matrices = cases.normal(2, 3, 3, key="det")
    cases.add("Det", 22, [matrices], [np.linalg.det(matrices.astype(np.float64)).astype(np.float32)])
    transforms(cases)


REDUCTIONS = {
    "ReduceL1": lambda x, a, k: np.abs(x).sum(a, keepdims=k),
    "ReduceL2": lambda x, a, k: np.sqrt((x**2).sum(a, keepdims=k)),
    "ReduceLogSum": lambda x, a, k: np.log(x.sum(a, keepdims=k)),
    "ReduceLogSumExp": lambda x, a, k: np.log(np.exp(x).sum(a, keepdims=k)),
    "ReduceMax": lambda x, a, k: x.max(a, keepdims=k),
    "ReduceMean": lambda x, a, k: x.mean(a, keepdims=k),
    "ReduceMin": lambda x, a, k: x.min(a, keepdims=k),
    "ReduceProd": lambda x, a, k: x.prod(a, keepdims=k),
    "ReduceSumSquare": lambda x, a, k: (x**2).sum(a, keepdims=k),
}


def reductions(cases, x):
    for op, function in REDUCTIONS.items():
        given = np.abs(x) if op == "ReduceLogSum" else x
        exact = given.astype(np.float64)
        cases.add(op, 18, [given, ints(0, -1)], [function(exact, (0, 2), False).astype(np.float32)], keepdims=0)
        cases.add(op, 18, [given], [np.asarray(function(exact, None, True), np.float32)], "all")
        # No axis is reduced, and what the operator does to each element it still does.
        each = function(exact, (), True).astype(np.float32)
        cases.add(op, 18, [given, np.zeros(0, np.int64)], [each], "none", noop_with_empty_axes=1)
    flags = np.array([[1, 0, 1], [0, 0, 0]], bool)
    cases.add("ReduceMax", 20, [flags, ints(1)], [flags.any(1)], "bool", keepdims=0)
    cases.add("ReduceMin", 20, [flags, ints(0)], [flags.all(0, keepdims=True)], "bool")
    cases.add("ReduceMax", 20, [x, ints(1)], [x.max(1, keepdims=True)])
    cases.add(
        "ReduceMin", 20, [(8 * x).astype(np.int8), ints(1)], [(8 * x).astype(np.int8).min(1, keepdims=True)], "i8"
    )


def losses(cases):
    x, target = cases.normal(3, 4, 2, key="loss"), np.array([[0, 3], [2, 1], [1, 1]], np.int64)
    weight = np.array([0.5, 1, 1.5, 2], np.float32)
    picked = -np.take_along_axis(x.astype(np.float64), target[:, None], 1)[:, 0] * weight[target]
    cases.add(
        "NegativeLogLikelihoodLoss", 22, [x, target, weight], [np.float32(picked.sum() / weight[target].sum())], "mean"
    )
    cases.add(
        "NegativeLogLikelihoodLoss", 22, [x, target, weight], [picked.astype(np.float32)], "each", reduction="none"
    )
    kept = np.where(target == 1, 0, picked)
    cases.add(
        "NegativeLogLikelihoodLoss",
        22,
        [x, target, weight],
        [np.float32(kept.sum())],
        "ignore",
        reduction="sum",
        ignore_index=1,
    )


def pairs(z):
    return np.stack([z.real, z.imag], -1).astype(np.float32)


def transforms(cases):
    x = cases.normal(2, 5, 3, 1, key="dft")
    z = cases.normal(2, 5, 3, 2, key="dftc")
    complexes = z[..., 0] + 1j * z[..., 1]
    cases.add("DFT", 20, [x, None, np.array(1, np.int64)], [pairs(np.fft.fft(x[..., 0], axis=1))], "real")
    cases.add(
        "DFT",
        20,
        [x, np.array(8, np.int64), np.array(1, np.int64)],
        [pairs(np.fft.rfft(x[..., 0], 8, axis=1))],
        "onesided",
        onesided=1,
    )
    cases.add(
        "DFT", 20, [z, None, np.array(1, np.int64)], [pairs(np.fft.ifft(complexes, axis=1))], "inverse", inverse=1
    )
    cases.add("DFT", 20, [z], [pairs(np.fft.fft(complexes, axis=2))], "default_axis")
