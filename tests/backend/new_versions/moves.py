# SPDX-License-Identifier: Apache-2.0
"""Operators that move values or say something of a shape."""

import numpy as np
from onnx import helper, numpy_helper

from case import BF16, F8E4M3, F8E5M2, INT2, INT4, MOVED_TYPES, UINT4, ints

LATER = (21, 23, 24, 25)
ALL = (19, *LATER)


def small(version, *shape, is_whole=False):
    """Values that every element type has, in float32 and, where that is bfloat16 or int4 or all are asked for
    (`is_whole`), in the type that the version added."""
    values = np.resize(np.array([1, 0, -1, 1, -2, 0, 1, -1], np.float32), shape)
    if MOVED_TYPES[version].name.startswith("float8_e8m0"):
        values = np.exp2(values)  # it has powers of two only
    yield values, ""
    if is_whole or version in (20, 21):
        yield values.astype(MOVED_TYPES[version]), MOVED_TYPES[version].name.replace("float", "f").replace("_", "")


def add_to(cases):
    for version in ALL:
        for x, form in small(version, 2, 3, is_whole=True):
            cases.add("Identity", version, [x], [x], form)
        for x, form in small(version, 2, 3):
            cases.add("Reshape", version, [x, ints(3, -1)], [x.reshape(3, 2)], form)
            cases.add("Shape", version, [x], [ints(3)], form, start=-1)
            cases.add("Size", version, [x], [np.array(6, np.int64)], form)
            value = numpy_helper.from_array(x, "value")
            cases.add_graph("Constant", version, [helper.make_node("Constant", [], ["y0"], value=value)], [], [x], form)
    for version in LATER:
        for x, form in small(version, 2, 1, 3):
            cases.add("Flatten", version, [x], [x.reshape(2, 3)], form, axis=-2)
            cases.add("Squeeze", version, [x, ints(-2)], [x.reshape(2, 3)], form)
            cases.add("Unsqueeze", version, [x, ints(0, -1)], [x.reshape(1, 2, 1, 3, 1)], form)
            cases.add("Transpose", version, [x], [x.transpose(2, 0, 1)], form, perm=[2, 0, 1])
        for x, form in small(version, 2, 3):
            padded = np.zeros((3, 5), x.dtype)
            padded[:] = x[0, 1]
            padded[1:, 1:4] = x
            cases.add("Pad", version, [x, ints(1, 1, 0, 1), x[0, 1].reshape(())], [padded], form)
    for version in (20, *LATER):
        for x, form in small(version, 1):
            cases.add(
                "ConstantOfShape",
                version,
                [ints(2, 3)],
                [np.full((2, 3), x[0])],
                form,
                value=numpy_helper.from_array(x, "value"),
            )
    pads(cases)
    casts(cases)
    rest(cases)


def pads(cases):
    x = cases.normal(2, 3, 4, key="pad")
    for version in (18, 19):
        out = np.pad(x, ((0, 0), (1, 0), (2, 1)), constant_values=0.5)
        cases.add("Pad", version, [x, ints(1, 2, 0, 1), np.float32(0.5), ints(1, -1)], [out], "axes")
    for version in (18, 19):
        for mode in ("reflect", "edge"):
            out = np.pad(x, ((0, 0), (1, 2), (2, 1)), mode=mode)
            cases.add("Pad", version, [x, ints(0, 1, 2, 0, 2, 1)], [out], mode, mode=mode)
    for version in (19, 21):
        out = np.pad(x, ((1, 0), (4, 2), (2, 5)), mode="wrap")
        cases.add("Pad", version, [x, ints(1, 4, 2, 0, 2, 5)], [out], "wrap", mode="wrap")
    out = x[:, 1:, :-1]
    cases.add("Pad", 18, [x, ints(0, -1, 0, 0, 0, -1)], [out], "crop")


def casts(cases):
    x = np.array([[-3.6, -1.5, 0.4], [0.5, 1.5, 300.7]], np.float32)
    forms = [
        (19, np.int32, ""),
        (19, F8E4M3, "f8e4m3fn"),
        (19, F8E5M2, "f8e5m2"),
        (21, np.uint8, "u8"),
        (23, np.float16, "f16"),
        (24, BF16, "bf16"),
        (25, np.bool_, "bool"),
    ]
    for version, dtype, form in forms:
        given = np.clip(x, -3, 200) if dtype == np.uint8 else x
        given = np.abs(given) if dtype == np.uint8 else given
        made = np.trunc(given).astype(dtype) if np.issubdtype(dtype, np.integer) else given.astype(dtype)
        if dtype == F8E4M3:
            made = np.clip(given, -448, 448).astype(dtype)
        cases.add("Cast", version, [given], [made], form, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
        cases.add("CastLike", version, [given, np.zeros(1, dtype)], [made], form)
    x = np.array([-8, -3, 0, 5, 7], np.int8)
    cases.add("Cast", 21, [x], [x.astype(INT4)], "to_i4", to=helper.np_dtype_to_tensor_dtype(INT4))
    cases.add(
        "Cast",
        21,
        [x.astype(INT4)],
        [x.astype(np.float32)],
        "from_i4",
        to=helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)),
    )
    x = np.array([0, 3, 9, 15], np.uint8)
    cases.add(
        "Cast",
        21,
        [x.astype(UINT4)],
        [x.astype(np.int32)],
        "from_u4",
        to=helper.np_dtype_to_tensor_dtype(np.dtype(np.int32)),
    )
    x = np.array([-2, -1, 0, 1], np.int8)
    cases.add(
        "Cast",
        25,
        [x.astype(INT2)],
        [x.astype(np.float32)],
        "from_i2",
        to=helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)),
    )


def rest(cases):
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    cases.add("CenterCropPad", 18, [x, ints(2, 7)], [np.pad(x[:2], ((0, 0), (1, 2)))])
    cases.add("CenterCropPad", 18, [x, ints(1)], [x[:, 1:2]], "axes", axes=[-1])
    x = np.arange(14, dtype=np.float32).reshape(7, 2)
    cases.add("Split", 18, [x], [x[:3], x[3:6], x[6:]], "num_outputs", num_outputs=3)
    cases.add("Split", 18, [x, ints(1, 6)], [x[:1], x[1:]], "sizes")
    eye = np.eye(3, 4, 1)
    cases.add("EyeLike", 22, [np.zeros((3, 4), np.float32)], [eye.astype(np.float32)], k=1)
    cases.add(
        "EyeLike",
        22,
        [np.zeros((3, 4), np.float32)],
        [eye.astype(BF16)],
        "bf16",
        k=1,
        dtype=helper.np_dtype_to_tensor_dtype(BF16),
    )
    scatters(cases)
    top_k(cases)


def scatters(cases):
    data, updates = cases.normal(3, 4, key="data"), cases.normal(2, 4, key="updates")
    indices = np.array([[0, 1, 2, 0], [0, 1, 0, 2]], np.int64)
    functions = {"none": lambda a, b: b, "add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
    for kind, function in functions.items():
        rows = indices if kind != "none" else np.array([[0, 1, 2, 0], [1, 2, 0, 2]], np.int64)  # each place once
        out = data.copy()
        for i, j in np.ndindex(2, 4):
            out[rows[i, j], j] = function(out[rows[i, j], j], updates[i, j])
        cases.add("ScatterElements", 18, [data, rows, updates], [out], kind, axis=0, reduction=kind)
        places = np.array([[2], [0]] if kind == "none" else [[2], [2]], np.int64)
        out = data.copy()
        for i in range(2):
            out[places[i, 0]] = function(out[places[i, 0]], updates[i])
        cases.add("ScatterND", 18, [data, places, updates], [out], kind, reduction=kind)
    cache, update = cases.normal(2, 4, 3, key="cache"), cases.normal(2, 2, 3, key="update")
    for mode, starts in (("linear", [1, 2]), ("circular", [3, 2])):
        out = cache.copy()
        for batch, start in enumerate(starts):
            for i in range(2):
                out[batch, (start + i) % 4] = update[batch, i]
        cases.add("TensorScatter", 24, [cache, update, ints(*starts)], [out], mode, axis=1, mode=mode)
    out = cache.copy()
    out[:, :2] = update
    cases.add("TensorScatter", 24, [cache, update], [out], "start", axis=1)


def top_k(cases):
    x = cases.random("topk").permutation(12).reshape(3, 4)
    for dtype, form in ((np.float32, ""), (BF16, "bf16")):
        order = np.argsort(-x, axis=1)[:, :2]
        given = x.astype(dtype)
        cases.add("TopK", 24, [given, ints(2)], [np.take_along_axis(given, order, 1), order], form)
    order = np.argsort(x, axis=0)[:2]
    cases.add(
        "TopK",
        24,
        [x.astype(np.int64), ints(2)],
        [np.take_along_axis(x, order, 0).astype(np.int64), order],
        "smallest",
        axis=0,
        largest=0,
    )
