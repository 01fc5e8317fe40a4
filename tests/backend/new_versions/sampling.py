# SPDX-License-Identifier: Apache-2.0
"""Operators that read between pixels: grids, samples of grids, resizing."""

import itertools

import numpy as np

from case import BF16, ints


def centres(count, align):
    return np.linspace(-1, 1, count) if align else (2 * np.arange(count) + 1) / count - 1


def affine_grid(theta, extents, align):
    axes = np.meshgrid(*[centres(n, align) for n in extents], indexing="ij")
    points = np.stack([*reversed(axes), np.ones(extents)], -1)  # x is the last axis
    return np.einsum("nij,...j->n...i", theta.astype(np.float64), points)


def reflected(p, low, high):
    """`p` mirrored at both ends until it lies between them."""
    if low == high:
        return low
    offset = np.abs(p - low) % (2 * (high - low))
    return low + min(offset, 2 * (high - low) - offset)


def pixel(image, place, padding, align):
    ends = []
    for p, n in zip(place, image.shape):
        if padding == "border":
            p = min(max(p, 0), n - 1)
        elif padding == "reflection":
            p = reflected(p, *((0, n - 1) if align else (-0.5, n - 0.5)))
        elif not 0 <= p < n:
            return 0.0
        ends.append(int(np.clip(p, 0, n - 1)))
    return float(image[tuple(ends)])


def cubic(t, a=-0.75):
    t = abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0


def hat(t):
    return max(0.0, 1 - abs(t))


def grid_sample(x, grid, mode, padding, align):
    rank = x.ndim - 2
    out = np.zeros((x.shape[0], x.shape[1], *grid.shape[1:-1]))
    for n, place in itertools.product(range(x.shape[0]), np.ndindex(grid.shape[1:-1])):
        at = []
        for g, extent in zip(grid[(n, *place)].astype(np.float64)[::-1], x.shape[2:]):
            p = (g + 1) / 2 * (extent - 1) if align else ((g + 1) * extent - 1) / 2
            if mode == "nearest":
                p = np.rint(p)
            if padding == "border":
                p = np.clip(p, 0, extent - 1)
            elif padding == "reflection" and mode != "cubic":
                p = reflected(p, *((0, extent - 1) if align else (-0.5, extent - 0.5)))
            at.append(p)
        for c in range(x.shape[1]):
            if mode == "nearest":
                out[(n, c, *place)] = pixel(x[n, c], at, padding, align)
                continue
            kernel, reach = (cubic, (-1, 0, 1, 2)) if mode == "cubic" else (hat, (0, 1))
            total = 0.0
            for taps in itertools.product(reach, repeat=rank):
                where = [np.floor(p) + t for p, t in zip(at, taps)]
                total += np.prod([kernel(p - w) for p, w in zip(at, where)]) * pixel(x[n, c], where, padding, align)
            out[(n, c, *place)] = total
    return out


def add_to(cases):
    theta = cases.normal(2, 2, 3, key="theta")
    for align in (0, 1):
        grid = affine_grid(theta, (3, 4), align).astype(np.float32)
        cases.add("AffineGrid", 20, [theta, ints(2, 1, 3, 4)], [grid], f"2d_{align}", align_corners=align)
    theta = cases.normal(1, 3, 4, key="theta")
    cases.add(
        "AffineGrid", 20, [theta, ints(1, 1, 2, 3, 2)], [affine_grid(theta, (2, 3, 2), 0).astype(np.float32)], "3d"
    )
    x = cases.normal(1, 2, 3, 4, key="image")
    grid = cases.random("grid").uniform(-1.2, 1.2, (1, 2, 3, 2)).astype(np.float32)
    volume = cases.normal(1, 1, 2, 3, 3, key="volume")
    grid3 = cases.random("grid3").uniform(-1.2, 1.2, (1, 2, 1, 2, 3)).astype(np.float32)
    for version in (20, 22):
        for mode, padding, align in (
            ("linear", "zeros", 0),
            ("nearest", "border", 0),
            ("cubic", "zeros", 1),
            ("linear", "reflection", 0),
        ):
            out = grid_sample(x, grid, mode, padding, align).astype(np.float32)
            cases.add(
                "GridSample",
                version,
                [x, grid],
                [out],
                f"{mode}_{padding}",
                mode=mode,
                padding_mode=padding,
                align_corners=align,
            )
        for mode, padding, align in (("linear", "zeros", 1), ("nearest", "zeros", 0), ("linear", "border", 0)):
            out = grid_sample(volume, grid3, mode, padding, align).astype(np.float32)
            cases.add(
                "GridSample",
                version,
                [volume, grid3],
                [out],
                f"3d_{mode}_{padding}",
                mode=mode,
                padding_mode=padding,
                align_corners=align,
            )
    given, where = x.astype(BF16), grid.astype(BF16)
    cases.add(
        "GridSample",
        22,
        [given, where.astype(np.float32)],
        [grid_sample(given, where, "linear", "zeros", 0).astype(BF16)],
        "bf16",
        mode="linear",
    )
    resizes(cases)


def resized(x, axis, size, scale, mode, transform, antialias=False, a=-0.75):
    """One axis of `x` at `size` places; `scale` is output by input."""
    extent, x = x.shape[axis], np.moveaxis(x, axis, -1)
    out = np.zeros((*x.shape[:-1], size))
    for i in range(size):
        at = transform(i, scale, extent, size)
        if mode == "nearest":
            k = int(np.ceil(at - 0.5))  # round_prefer_floor
            out[..., i] = x[..., min(max(k, 0), extent - 1)]
            continue
        kernel, reach = (hat, 1) if mode == "linear" else (lambda t: cubic(t, a), 2)
        stretch = min(scale, 1) if antialias else 1
        taps = np.arange(int(np.floor(at - reach / stretch)) - 1, int(np.ceil(at + reach / stretch)) + 2)
        weights = np.array([kernel((t - at) * stretch) for t in taps])
        out[..., i] = x[..., np.clip(taps, 0, extent - 1)] @ (weights / weights.sum())
    return np.moveaxis(out, -1, axis)


def half_pixel(i, scale, extent, size):
    return (i + 0.5) / scale - 0.5


def half_pixel_symmetric(i, scale, extent, size):
    offset = extent / 2 * (1 - size / (scale * extent))
    return offset + half_pixel(i, scale, extent, size)


def align_corners(i, scale, extent, size):
    return i * (extent - 1) / (size - 1)


def asymmetric(i, scale, extent, size):
    return i / scale


def both(x, sizes, scales, *rest, **options):
    for axis, (size, scale) in enumerate(zip(sizes, scales)):
        x = resized(x, axis + 2, size, scale, *rest, **options)
    return x.astype(np.float32)


def resizes(cases):
    x = cases.normal(1, 1, 4, 6, key="resize")
    x64 = x.astype(np.float64)
    for version in (18, 19):
        for mode in ("linear", "cubic"):
            scales = np.array([0.6, 0.55], np.float32)
            sizes = [int(np.floor(n * s)) for n, s in zip((4, 6), scales.astype(np.float64))]
            out = both(x64, sizes, scales.astype(np.float64), mode, half_pixel, antialias=True)
            cases.add(
                "Resize", version, [x, None, scales], [out], f"antialias_{mode}", mode=mode, antialias=1, axes=[2, 3]
            )
        out = both(x64, (6, 9), (1.5, 1.5), "linear", half_pixel)
        cases.add(
            "Resize",
            version,
            [x, None, None, ints(7, 9)],
            [out],
            "not_larger",
            mode="linear",
            axes=[2, 3],
            keep_aspect_ratio_policy="not_larger",
        )
        out = both(x64, (7, 11), (1.75, 1.75), "nearest", half_pixel)
        cases.add(
            "Resize",
            version,
            [x, None, None, ints(7, 9)],
            [out],
            "not_smaller",
            mode="nearest",
            axes=[2, 3],
            keep_aspect_ratio_policy="not_smaller",
        )
        out = np.moveaxis(resized(x64, 3, 4, 4 / 6, "cubic", align_corners, a=-0.5), 3, 3).astype(np.float32)
        cases.add(
            "Resize",
            version,
            [x, None, None, ints(4)],
            [out],
            "cubic_a",
            mode="cubic",
            axes=[3],
            cubic_coeff_a=-0.5,
            coordinate_transformation_mode="align_corners",
        )
        given = np.rint(8 * x).astype(np.int8)
        out = both(given, (8, 12), (2, 2), "nearest", asymmetric).astype(np.int8)
        cases.add(
            "Resize",
            version,
            [given, None, np.array([1, 1, 2, 2], np.float32)],
            [out],
            "i8",
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
        )
    scales = np.array([2.3, 1.4], np.float32)
    sizes = [int(np.floor(n * s)) for n, s in zip((4, 6), scales.astype(np.float64))]
    out = both(x64, sizes, scales.astype(np.float64), "linear", half_pixel_symmetric)
    cases.add(
        "Resize",
        19,
        [x, None, scales],
        [out],
        "symmetric",
        mode="linear",
        axes=[2, 3],
        coordinate_transformation_mode="half_pixel_symmetric",
    )
