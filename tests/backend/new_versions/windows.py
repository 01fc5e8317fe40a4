# SPDX-License-Identifier: Apache-2.0
"""Convolutions and pools, by sums over all positions of a window."""

import itertools

import numpy as np

from case import BF16, ints


def padded(x, pads, value):
    rank = len(pads) // 2
    return np.pad(x, [(0, 0), (0, 0)] + [(pads[i], pads[i + rank]) for i in range(rank)], constant_values=value)


def windows(extents, kernel, strides, dilations, ceil=False):
    """Each output position with the positions that its window reads; of padded extents."""
    counts = []
    for extent, k, s, d in zip(extents, kernel, strides, dilations):
        free = extent - (k - 1) * d - 1
        counts.append((-(-free // s) if ceil else free // s) + 1)
    for out in itertools.product(*map(range, counts)):
        yield out, [
            tuple(o * s + t * d for o, s, t, d in zip(out, strides, tap, dilations))
            for tap in itertools.product(*map(range, kernel))
        ]


def convolution(x, w, b, strides, pads, dilations, group):
    x, w = padded(x.astype(np.float64), pads, 0), w.astype(np.float64)
    places = list(windows(x.shape[2:], w.shape[2:], strides, dilations))
    out = np.zeros((x.shape[0], w.shape[0], *[n + 1 for n in places[-1][0]]))
    size, filters = w.shape[1], w.shape[0] // group
    for (n, f), (place, taps) in itertools.product(np.ndindex(out.shape[:2]), places):
        first = f // filters * size
        for tap, kernel in zip(taps, np.ndindex(w.shape[2:])):
            out[(n, f, *place)] += sum(x[(n, first + c, *tap)] * w[(f, c, *kernel)] for c in range(size))
    return out if b is None else out + b.astype(np.float64).reshape(1, -1, *[1] * (w.ndim - 2))


def transposed(x, w, b, strides, pads, output_padding, group):
    x, w = x.astype(np.float64), w.astype(np.float64)
    rank, filters, size = w.ndim - 2, w.shape[1], x.shape[1] // group
    full = [(x.shape[2 + i] - 1) * strides[i] + w.shape[2 + i] + output_padding[i] for i in range(rank)]
    out = np.zeros((x.shape[0], filters * group, *full))
    for n, c in np.ndindex(x.shape[:2]):
        for place in np.ndindex(x.shape[2:]):
            for f in range(filters):
                for tap in np.ndindex(w.shape[2:]):
                    to = tuple(p * s + t for p, s, t in zip(place, strides, tap))
                    out[(n, c // size * filters + f, *to)] += x[(n, c, *place)] * w[(c, f, *tap)]
    cut = tuple(slice(pads[i], full[i] - pads[i + rank]) for i in range(rank))
    return out[(slice(None), slice(None), *cut)] + b.astype(np.float64).reshape(1, -1, *[1] * rank)


def pool(x, function, kernel, strides, pads, dilations, ceil=False):
    """`function` of a window's values, of which those in the padding are not a number."""
    x = padded(x.astype(np.float64), pads, np.nan)
    extents = x.shape[2:]
    places = list(windows(extents, kernel, strides, dilations, ceil))
    out = np.zeros((*x.shape[:2], *[n + 1 for n in places[-1][0]]))
    for plane in np.ndindex(x.shape[:2]):
        for place, taps in places:
            inside = [t for t in taps if all(p < e for p, e in zip(t, extents))]
            out[(*plane, *place)] = function(np.array([x[(*plane, *t)] for t in inside]))
    return out


def add_to(cases):
    products(cases)
    pools(cases)
    regions(cases)
    deformed(cases)
    image = cases.normal(1, 8, 9, key="col2im")
    out = np.zeros((1, 2, 4, 6))
    positions = [(i, j) for i in range(3) for j in range(3)]
    for c, (ti, tj) in itertools.product(range(2), np.ndindex(2, 2)):
        for block, (i, j) in enumerate(positions):
            out[0, c, i + ti, 2 * j + tj] += image[0, c * 4 + ti * 2 + tj, block]
    cases.add("Col2Im", 18, [image, ints(4, 6), ints(2, 2)], [out.astype(np.float32)], strides=[1, 2])
    out = np.zeros((1, 2, 7, 4))
    for c, (ti, tj) in itertools.product(range(2), np.ndindex(2, 2)):
        for block, (i, j) in enumerate((i, j) for i in range(5) for j in range(3)):
            out[0, c, i + 2 * ti, j + tj] += (block + 1) * (c * 4 + ti * 2 + tj + 1)
    blocks = np.outer(np.arange(1, 9), np.arange(1, 16)).astype(np.float32)[None]
    cases.add(
        "Col2Im",
        18,
        [blocks, ints(5, 4), ints(2, 2)],
        [out[:, :, 1:6].astype(np.float32)],
        "dilated",
        dilations=[2, 1],
        pads=[1, 0, 1, 0],
    )


def products(cases):
    for rank, strides, pads, dilations, group in (
        (1, [2], [1, 0], [1], 1),
        (2, [1, 2], [1, 0, 1, 1], [2, 1], 2),
        (3, [1, 2, 1], [0, 1, 0, 0, 1, 1], [1, 1, 1], 1),
    ):
        x, w = cases.normal(1, 4, *[5, 4, 3][:rank], key="x"), cases.normal(4, 4 // group, *[2] * rank, key="w")
        b = cases.normal(4, key="b")
        for dtype, form in ((np.float32, ""), (BF16, "_bf16"))[: 2 if rank == 2 else 1]:
            given = [a.astype(dtype) for a in (x, w, b)]
            out = convolution(*given, strides, pads, dilations, group).astype(dtype)
            cases.add(
                "Conv", 22, given, [out], f"{rank}d{form}", strides=strides, pads=pads, dilations=dilations, group=group
            )
        x, w = cases.normal(1, 4, *[3, 2, 2][:rank], key="x"), cases.normal(4, 2, *[3, 2, 2][:rank], key="w")
        b = cases.normal(2 * group, key="b")
        more = [s - 1 for s in strides]
        out = transposed(x, w, b, strides, pads, more, group).astype(np.float32)
        cases.add(
            "ConvTranspose",
            22,
            [x, w, b],
            [out],
            f"{rank}d",
            strides=strides,
            pads=pads,
            output_padding=more,
            group=group,
        )


def pools(cases):
    x = cases.normal(1, 2, 5, 6, key="pool")
    window = dict(kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1], dilations=[1, 2])
    numbers = (window["kernel_shape"], window["strides"], window["pads"], window["dilations"])
    average = lambda values: np.nanmean(values)  # what lies in the padding does not count
    whole = lambda values: np.nansum(values) / len(values)
    for version in (19, 22):
        cases.add("AveragePool", version, [x], [pool(x, average, *numbers).astype(np.float32)], "dilated", **window)
        cases.add(
            "AveragePool",
            version,
            [x],
            [pool(x, whole, *numbers).astype(np.float32)],
            "padding_counts",
            count_include_pad=1,
            **window,
        )
    plain = dict(kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    out = pool(x, average, [2, 2], [2, 2], [0] * 4, [1, 1], True).astype(np.float32)
    cases.add("AveragePool", 22, [x], [out], "ceil", **plain)
    out = pool(x.astype(BF16), average, *numbers).astype(BF16)
    cases.add("AveragePool", 22, [x.astype(BF16)], [out], "bf16", **window)
    line, volume = cases.normal(1, 2, 7, key="line"), cases.normal(1, 1, 3, 4, 3, key="volume")
    cases.add(
        "AveragePool",
        22,
        [line],
        [pool(line, average, [3], [2], [1, 1], [1]).astype(np.float32)],
        "1d",
        kernel_shape=[3],
        strides=[2],
        pads=[1, 1],
    )
    cases.add(
        "MaxPool",
        22,
        [volume],
        [pool(volume, np.nanmax, [2] * 3, [1] * 3, [0] * 6, [1] * 3).astype(np.float32)],
        "3d",
        kernel_shape=[2] * 3,
    )
    cases.add("MaxPool", 22, [x], [pool(x, np.nanmax, *numbers).astype(np.float32)], "dilated", **window)
    given = x.astype(BF16)
    cases.add("MaxPool", 22, [given], [pool(given, np.nanmax, *numbers).astype(BF16)], "bf16", **window)
    given = (16 * x).astype(np.int8)
    out = pool(given, np.nanmax, [2, 2], [2, 2], [0] * 4, [1, 1], True).astype(np.int8)
    cases.add("MaxPool", 22, [given], [out], "i8_ceil", **plain)
    values, places = maxima(x)
    cases.add("MaxPool", 22, [x], [values, places], "indices", kernel_shape=[2, 2], strides=[2, 2])
    scattered = np.zeros(x.shape, np.float32)
    scattered.reshape(-1)[places.reshape(-1)] = values.reshape(-1)
    cases.add("MaxUnpool", 22, [values, places, ints(*x.shape)], [scattered], kernel_shape=[2, 2], strides=[2, 2])
    for version in (18, 22):
        norm = lambda values: np.nansum(np.abs(values) ** 3) ** (1 / 3)
        cases.add("LpPool", version, [x], [pool(x, norm, *numbers).astype(np.float32)], "dilated", p=3, **window)
        norm = lambda values: np.sqrt(np.nansum(values**2))
        out = pool(x, norm, [2, 2], [2, 2], [0] * 4, [1, 1], True).astype(np.float32)
        cases.add("LpPool", version, [x], [out], "ceil", **plain)
    x64 = x.astype(np.float64)
    cases.add("GlobalAveragePool", 22, [x], [x64.mean((2, 3), keepdims=True).astype(np.float32)])
    cases.add("GlobalMaxPool", 22, [x], [x.max((2, 3), keepdims=True)])
    cases.add("GlobalMaxPool", 22, [x.astype(BF16)], [x.astype(BF16).max((2, 3), keepdims=True)], "bf16")
    norm = (np.abs(x64) ** 3).sum((2, 3), keepdims=True) ** (1 / 3)
    cases.add("GlobalLpPool", 22, [x], [norm.astype(np.float32)], p=3)


def maxima(x):
    """Values and flat places of the maxima of 2x2 windows that do not overlap."""
    shape = (*x.shape[:2], x.shape[2] // 2, x.shape[3] // 2)
    values, places = np.zeros(shape, np.float32), np.zeros(shape, np.int64)
    for n, c, i, j in np.ndindex(shape):
        block = x[n, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        k = int(block.argmax())
        values[n, c, i, j] = block.max()
        places[n, c, i, j] = np.ravel_multi_index((n, c, 2 * i + k // 2, 2 * j + k % 2), x.shape)
    return values, places


def bilinear(image, y, x):
    """Of an image that is zero outside of its pixels."""
    total, top, left = 0.0, int(np.floor(y)), int(np.floor(x))
    for i, j in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        if 0 <= i < image.shape[0] and 0 <= j < image.shape[1]:
            total += float(image[i, j]) * (1 - abs(y - i)) * (1 - abs(x - j))
    return total


def clamped(image, y, x):
    """As RoiAlign samples: one pixel beyond the edge repeats it, further out is zero."""
    if not (-1 <= y <= image.shape[0] and -1 <= x <= image.shape[1]):
        return 0.0
    return bilinear(image, np.clip(y, 0, image.shape[0] - 1), np.clip(x, 0, image.shape[1] - 1))


def regions(cases):
    x = cases.normal(2, 2, 6, 7, key="roi")
    boxes, batch = np.array([[0.5, 1, 5, 4.5], [2, 0, 6, 5]], np.float32), ints(0, 1)
    for form, half, mode in (("half_pixel", 0.5, "avg"), ("output_half_pixel", 0.0, "avg")):
        out = np.zeros((2, 2, 2, 3))
        for r, c, i, j in np.ndindex(out.shape):
            x1, y1, x2, y2 = boxes[r].astype(np.float64) * 0.75 - half
            height, width = y2 - y1, x2 - x1
            if not half:
                height, width = max(height, 1), max(width, 1)
            samples = [
                clamped(x[batch[r], c], y1 + height / 2 * (i + (a + 0.5) / 2), x1 + width / 3 * (j + (b + 0.5) / 2))
                for a, b in np.ndindex(2, 2)
            ]
            out[r, c, i, j] = np.mean(samples)
        cases.add(
            "RoiAlign",
            22,
            [x, boxes, batch],
            [out.astype(np.float32)],
            form,
            output_height=2,
            output_width=3,
            sampling_ratio=2,
            spatial_scale=0.75,
            coordinate_transformation_mode=form,
            mode=mode,
        )
    boxes = np.array([[0, 1, 1, 5, 4], [1, 2, 0, 6, 5]], np.float32)
    out = np.zeros((2, 2, 2, 2))
    for r, c, i, j in np.ndindex(out.shape):
        n, x1, y1, x2, y2 = boxes[r].astype(int)
        height, width = y2 - y1 + 1, x2 - x1 + 1
        rows = slice(y1 + i * height // 2, y1 + -(-(i + 1) * height // 2))
        columns = slice(x1 + j * width // 2, x1 + -(-(j + 1) * width // 2))
        out[r, c, i, j] = x[n, c, rows, columns].max()
    cases.add("MaxRoiPool", 22, [x, boxes], [out.astype(np.float32)], pooled_shape=[2, 2])


def deformed(cases):
    x, w = cases.normal(1, 2, 4, 4, key="dx"), cases.normal(2, 2, 2, 2, key="dw")
    offset, b = 0.6 * cases.normal(1, 8, 3, 3, key="do"), cases.normal(2, key="db")
    mask = cases.random("dm").uniform(0, 1, (1, 4, 3, 3)).astype(np.float32)
    for version, form, bias, weight in ((19, "", None, None), (22, "", None, None), (22, "mask", b, mask)):
        out = np.zeros((1, 2, 3, 3))
        for f, i, j in np.ndindex(2, 3, 3):
            for c, (ti, tj) in itertools.product(range(2), np.ndindex(2, 2)):
                k = ti * 2 + tj
                value = bilinear(x[0, c], i + ti + offset[0, 2 * k, i, j], j + tj + offset[0, 2 * k + 1, i, j])
                out[0, f, i, j] += w[f, c, ti, tj] * value * (1 if weight is None else weight[0, k, i, j])
        if bias is not None:
            out += bias.reshape(1, 2, 1, 1)
        given = [x, w, offset.astype(np.float32)] + ([bias, weight] if bias is not None else [])
        cases.add("DeformConv", version, given, [out.astype(np.float32)], form, kernel_shape=[2, 2])
