# SPDX-License-Identifier: Apache-2.0
"""Quantisers: per tensor, per axis, in blocks; the types that versions added."""

import numpy as np
from onnx import helper

from case import BF16, F4E2M1, F8E4M3, F8E4M3UZ, F8E5M2, F8E5M2UZ, F8E8M0, INT2, INT4, UINT4, ints

LIMITS = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "uint16": (0, 65535),
    "int4": (-8, 7),
    "uint4": (0, 15),
    "int2": (-2, 1),
}


def quantised(x, scale, zero, dtype):
    low, high = LIMITS[np.dtype(dtype).name]
    return np.clip(np.rint(x.astype(np.float32) / scale) + zero, low, high).astype(np.int32).astype(dtype)


NARROW = ((19, F8E4M3), (19, F8E4M3UZ), (19, F8E5M2), (19, F8E5M2UZ), (23, F4E2M1))


def short(dtype):
    return dtype.name.replace("float", "f").replace("_", "")


def every_number(dtype):
    """All that the bits of a type mean."""
    return np.arange(16 if dtype == F4E2M1 else 256, dtype=np.uint8).view(dtype)


def borders(dtype):
    """All numbers of a type, what lies halfway between neighbours, and float32's neighbours of both."""
    numbers = np.unique(every_number(dtype).astype(np.float32))
    numbers = numbers[np.isfinite(numbers)]
    numbers = np.append(numbers, 2 * numbers[-1] - numbers[-2])  # as if there were one more
    halfway = (numbers[1:] + numbers[:-1]) / 2
    both = np.concatenate([numbers, halfway, [0.0, -0.0, 1e-45, -1e-30, 3e38, -3e38]]).astype(np.float32)
    return np.concatenate([both, np.nextafter(both, np.float32(np.inf)), np.nextafter(both, np.float32(-np.inf))])


def rounded(x, dtype, saturate):
    largest = np.abs(every_number(dtype).astype(np.float32))
    largest = largest[np.isfinite(largest)].max()
    return (np.clip(x, -largest, largest) if saturate else x).astype(dtype)


def narrow_floats(cases):
    to = helper.np_dtype_to_tensor_dtype
    x = cases.normal(4, 6, key="narrow")
    scales = np.array([0.5, 2, 0.125, 0.25], np.float32)
    for version, dtype in NARROW:
        given = borders(dtype)
        if dtype != F4E2M1:  # which has neither
            given = np.concatenate([given, np.array([np.inf, -np.inf, np.nan], np.float32)])
        cases.add("Cast", version, [given], [rounded(given, dtype, True)], f"to_{short(dtype)}", to=to(dtype))
        if dtype != F4E2M1:
            made = rounded(given, dtype, False)
            cases.add("Cast", version, [given], [made], f"to_{short(dtype)}_beyond", to=to(dtype), saturate=0)
        numbers = every_number(dtype)
        back = numbers.astype(np.float32)
        cases.add("Cast", version, [numbers], [back], f"from_{short(dtype)}", to=to(np.dtype(np.float32)))
        for at, of in ((version, "axis"), (23 if dtype == F4E2M1 else 21, "blocks")):
            scale, spread = (scales, scales[:, None]) if of == "axis" else (
                scales.reshape(2, 2).repeat(2, 0), scales.reshape(2, 2).repeat(2, 0).repeat(3, 1))
            along = dict(axis=0) if of == "axis" else dict(axis=1, block_size=3)
            q = rounded(x / spread, dtype, True)
            zero = np.zeros(scale.shape, dtype)
            cases.add("QuantizeLinear", at, [x, scale, zero], [q], f"{of}_{short(dtype)}", **along)
            back = (q.astype(np.float32) * spread).astype(np.float32)
            cases.add("DequantizeLinear", at, [q, scale], [back], f"{of}_{short(dtype)}", **along)
    q = rounded(x / np.float32(0.5), F8E5M2, True)
    cases.add("QuantizeLinear", 21, [x, np.float32(0.5)], [q], "output_f8", output_dtype=to(F8E5M2))
    numbers = every_number(F8E8M0)
    cases.add("Cast", 24, [numbers], [numbers.astype(np.float32)], "from_f8e8m0fnu", to=to(np.dtype(np.float32)))
    numbers = every_number(F8E5M2)
    cases.add("IsInf", 20, [numbers], [np.isinf(numbers.astype(np.float32))], "f8e5m2")


def add_to(cases):
    narrow_floats(cases)
    x = (4 * cases.normal(2, 4, key="q")).astype(np.float32)
    scale = np.float32(0.0625)
    for version in (19, 21, 23, 24, 25):
        for dtype, form, zero in ((np.uint8, "", 100), (np.int8, "i8", -5)):
            q = quantised(x, scale, zero, dtype)
            cases.add("QuantizeLinear", version, [x, scale, dtype(zero)], [q], form)
            back = ((q.astype(np.float32) - zero) * scale).astype(np.float32)
            cases.add("DequantizeLinear", version, [q, scale, dtype(zero)], [back], form)
    scales = np.array([0.125, 0.5], np.float32)
    for version, dtype, form in (
        (21, np.int16, "i16"),
        (21, np.uint16, "u16"),
        (21, INT4, "i4"),
        (21, UINT4, "u4"),
        (25, INT2, "i2"),
    ):
        zeros = np.array([0, 1], np.int32)
        q = quantised(x, scales[:, None], zeros[:, None], dtype)
        cases.add("QuantizeLinear", version, [x, scales, zeros.astype(dtype)], [q], form, axis=0)
        back = (q.astype(np.float32) - zeros[:, None]) * scales[:, None]
        cases.add(
            "DequantizeLinear", version, [q, scales, zeros.astype(dtype)], [back.astype(np.float32)], form, axis=0
        )
    for version, dtype, form in ((19, F8E4M3, "f8e4m3fn"), (19, F8E5M2, "f8e5m2"), (23, F4E2M1, "f4e2m1")):
        q = np.clip(x / np.float32(2), -6, 6).astype(dtype)
        cases.add("QuantizeLinear", version, [np.clip(x, -12, 12), np.float32(2), np.zeros((), dtype)], [q], form)
        cases.add("DequantizeLinear", version, [q, np.float32(2)], [q.astype(np.float32) * 2], form)
    blocks = np.array([[0.125, 0.25], [0.5, 0.0625]], np.float32)
    spread, zeros = blocks.repeat(2, 1), np.array([[1, -2], [0, 3]], np.int8)
    q = quantised(x, spread, zeros.repeat(2, 1), np.int8)
    back = ((q.astype(np.float32) - zeros.repeat(2, 1)) * spread).astype(np.float32)
    for version in (21, 23):
        cases.add("QuantizeLinear", version, [x, blocks, zeros], [q], "blocks", axis=1, block_size=2)
        cases.add("DequantizeLinear", version, [q, blocks, zeros], [back], "blocks", axis=1, block_size=2)
    q = quantised(x, spread, 0, INT4)
    cases.add(
        "DequantizeLinear",
        21,
        [q, blocks],
        [(q.astype(np.float32) * spread).astype(np.float32)],
        "blocks_i4",
        axis=1,
        block_size=2,
    )
    cases.add(
        "QuantizeLinear",
        21,
        [x, scale],
        [quantised(x, scale, 0, np.int8)],
        "output_dtype",
        output_dtype=helper.np_dtype_to_tensor_dtype(np.dtype(np.int8)),
    )
    for version, dtype, form in ((19, np.float16, "f16"), (19, BF16, "bf16")):
        given, step = x.astype(dtype), dtype(0.0625) if dtype == np.float16 else np.array(0.0625, dtype)
        q = quantised(given, np.float32(step), 0, np.int8)
        cases.add("QuantizeLinear", version, [given, step, np.int8(0)], [q], form)
        cases.add(
            "DequantizeLinear",
            version,
            [q, step, np.int8(0)],
            [(q.astype(np.float32) * np.float32(step)).astype(dtype)],
            form,
        )
    a = cases.random("qmm").integers(0, 256, (2, 3)).astype(np.uint8)
    b = cases.random("qmmb").integers(-128, 128, (3, 2)).astype(np.int8)
    total = (a.astype(np.int64) - 110) @ b.astype(np.int64)
    out = quantised(total * np.float32(0.0125 * 0.02), np.float32(0.25), 90, np.uint8)
    cases.add(
        "QLinearMatMul",
        21,
        [a, np.float32(0.0125), np.uint8(110), b, np.float32(0.02), np.int8(0), np.float32(0.25), np.uint8(90)],
        [out],
    )
    half = [np.float16(v) for v in (0.0125, 0.02, 0.25)]
    factor = np.float32(half[0]) * np.float32(half[1]) / np.float32(half[2])
    out = np.clip(np.rint(total * factor) + 90, 0, 255).astype(np.uint8)
    cases.add(
        "QLinearMatMul", 21, [a, half[0], np.uint8(110), b, half[1], np.int8(0), half[2], np.uint8(90)], [out], "f16"
    )
