# SPDX-License-Identifier: Apache-2.0
"""Functions of one or two numbers."""

import math

import numpy as np

from case import BF16, F8E4M3

ERF = np.vectorize(math.erf, otypes=[float])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.log1p(np.exp(x))


def mish(x):
    return x * np.tanh(softplus(x))


# Name, first version in question, definition of a float64 array, where it is asked, attributes.
FUNCTIONS = [
    ("Acos", 22, np.arccos, (-0.9, 0.9), {}),
    ("Acosh", 22, np.arccosh, (1.5, 8), {}),
    ("Asin", 22, np.arcsin, (-0.9, 0.9), {}),
    ("Asinh", 22, np.arcsinh, (-4, 4), {}),
    ("Atan", 22, np.arctan, (-4, 4), {}),
    ("Atanh", 22, np.arctanh, (-0.9, 0.9), {}),
    ("Cos", 22, np.cos, (-3, 3), {}),
    ("Cosh", 22, np.cosh, (-3, 3), {}),
    ("Sin", 22, np.sin, (-3, 3), {}),
    ("Sinh", 22, np.sinh, (-3, 3), {}),
    ("Tan", 22, np.tan, (-1.2, 1.2), {}),
    ("Elu", 22, lambda x: np.where(x < 0, 1.5 * np.expm1(x), x), (-3, 3), {"alpha": 1.5}),
    ("Selu", 22, lambda x: 1.05 * np.where(x <= 0, 1.7 * np.expm1(x), x), (-3, 3), {"alpha": 1.7, "gamma": 1.05}),
    ("Softplus", 22, softplus, (-4, 4), {}),
    ("Softsign", 22, lambda x: x / (1 + np.abs(x)), (-4, 4), {}),
    ("ThresholdedRelu", 22, lambda x: np.where(x > 0.75, x, 0), (-3, 3), {"alpha": 0.75}),
    ("HardSigmoid", 22, lambda x: np.clip(0.3 * x + 0.4, 0, 1), (-3, 3), {"alpha": 0.3, "beta": 0.4}),
    ("HardSwish", 22, lambda x: x * np.clip(x / 6 + 0.5, 0, 1), (-5, 5), {}),
    ("Mish", 18, mish, (-3, 3), {}),
    ("Mish", 22, mish, (-3, 3), {}),
    ("Round", 22, np.rint, (-4, 4), {}),
    ("Gelu", 20, lambda x: 0.5 * x * (1 + ERF(x / np.sqrt(2))), (-3, 3), {}),
    ("Swish", 24, lambda x: x * sigmoid(1.25 * x), (-3, 3), {"alpha": 1.25}),
]


def add_to(cases):
    for op, version, function, (low, high), attributes in FUNCTIONS:
        x = cases.random(op).uniform(low, high, (2, 3))
        for dtype, form in ((np.float32, ""), (BF16, "bf16")) if version == 22 else ((np.float32, ""),):
            given = x.astype(dtype)
            cases.add(op, version, [given], [function(given.astype(np.float64)).astype(dtype)], form, **attributes)
    x = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], np.float32)
    cases.add("Round", 22, [x], [np.array([-2, -2, -0.0, 0, 2, 2], np.float32)], "ties")
    x = cases.normal(2, 3, key="gelu")
    inner = np.sqrt(2 / np.pi) * (x.astype(np.float64) + 0.044715 * x.astype(np.float64) ** 3)
    cases.add("Gelu", 20, [x], [(0.5 * x * (1 + np.tanh(inner))).astype(np.float32)], "tanh", approximate="tanh")
    cases.add("Swish", 24, [x], [(x * sigmoid(x.astype(np.float64))).astype(np.float32)], "default")
    cases.add("Mish", 18, [x.astype(np.float64)], [mish(x.astype(np.float64))], "f64")

    odd = np.array([np.inf, -np.inf, np.nan, 1.5, -0.0], np.float32)
    for dtype, form in ((np.float32, ""), (np.float16, "f16"), (BF16, "bf16")):
        cases.add("IsInf", 20, [odd.astype(dtype)], [np.array([1, 1, 0, 0, 0], bool)], form)
    cases.add("IsInf", 20, [odd], [np.array([1, 0, 0, 0, 0], bool)], "positive", detect_negative=0)
    cases.add("IsNaN", 20, [odd], [np.array([0, 0, 1, 0, 0], bool)])
    cases.add("IsNaN", 20, [np.array([np.nan, 1, -2]).astype(F8E4M3)], [np.array([1, 0, 0], bool)], "f8e4m3fn")

    a, b = np.array([[1, 2], [3, -4]], np.int32), np.array([3, -4], np.int32)
    cases.add("Equal", 19, [a, b], [np.array([[0, 0], [1, 1]], bool)])
    a8, b8 = np.array([[12, 250], [7, 129]], np.uint8), np.array([[10], [3]], np.uint8)
    for name, function in (("And", np.bitwise_and), ("Or", np.bitwise_or), ("Xor", np.bitwise_xor)):
        cases.add(f"Bitwise{name}", 18, [a8, b8], [function(a8, b8)], "u8")
        cases.add(f"Bitwise{name}", 18, [a, b], [function(a, b)], "i32")
    cases.add("BitwiseNot", 18, [a8], [~a8], "u8")
    cases.add("BitwiseNot", 18, [a.astype(np.int64)], [~a.astype(np.int64)], "i64")
    x = cases.normal(2, 3, key="dropout")
    cases.add("Dropout", 22, [x, np.float32(0.5)], [x], "ratio")
    cases.add("Dropout", 22, [x], [x, np.ones((2, 3), bool)], "mask")
