# SPDX-License-Identifier: Apache-2.0
"""Attention with what its versions added, and rotary embedding."""

import numpy as np

from case import ints


def attention(q, k, v, allowed=None, bias=None, scale=None, softcap=0.0):
    """Of (batch, heads, tokens, size); keys of fewer heads are shared. Rows that see nothing are zero."""
    q, k, v = (a.astype(np.float64) for a in (q, k, v))
    share = q.shape[1] // k.shape[1]
    k, v = k.repeat(share, 1), v.repeat(share, 1)
    scores = q @ k.swapaxes(2, 3) * (1 / np.sqrt(q.shape[3]) if scale is None else scale)
    if softcap:
        scores = softcap * np.tanh(scores / softcap)
    if bias is not None:
        scores = scores + bias
    seen = np.broadcast_to(True if allowed is None else allowed, scores.shape)
    weights = np.where(seen, np.exp(scores - scores.max(-1, keepdims=True)), 0)
    total = weights.sum(-1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > 0) @ v


def causal(queries, keys, offset=0):
    return np.arange(keys)[None, :] <= np.arange(queries)[:, None] + offset


def heads(x, count):
    return x.reshape(x.shape[0], x.shape[1], count, -1).swapaxes(1, 2)


def joined(x):
    return x.swapaxes(1, 2).reshape(x.shape[0], x.shape[2], -1).astype(np.float32)


def rotated(x, cosine, sine, interleaved, size):
    """Of (batch, heads, tokens, head size); angles of (batch, tokens, half)."""
    x = x.astype(np.float64)
    front, back = x[..., :size], x[..., size:]
    first, second = (front[..., ::2], front[..., 1::2]) if interleaved else np.split(front, 2, -1)
    c, s = cosine[:, None].astype(np.float64), sine[:, None].astype(np.float64)
    a, b = first * c - second * s, first * s + second * c
    front = np.stack([a, b], -1).reshape(front.shape) if interleaved else np.concatenate([a, b], -1)
    return np.concatenate([front, back], -1).astype(np.float32)


def add_to(cases):
    q, k, v = cases.normal(2, 2, 3, 4, key="q"), cases.normal(2, 2, 5, 4, key="k"), cases.normal(2, 2, 5, 3, key="v")
    f32 = lambda a: a.astype(np.float32)
    for version in (23, 24, 25):
        cases.add("Attention", version, [q, k, v], [f32(attention(q, k, v))])
        mask = cases.normal(3, 5, key="mask")
        cases.add(
            "Attention", version, [q, k, v, mask], [f32(attention(q, k, v, bias=mask, scale=0.3))], "bias", scale=0.3
        )
        flags = np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 0], [1, 0, 1, 1, 1]], bool)
        cases.add("Attention", version, [q, k, v, flags], [f32(attention(q, k, v, flags))], "mask")
        cases.add("Attention", version, [q, q, q], [f32(attention(q, q, q, causal(3, 3)))], "causal", is_causal=1)
        cases.add("Attention", version, [q, k, v], [f32(attention(q, k, v, softcap=0.5))], "softcap", softcap=0.5)
        flat = [cases.normal(2, 3, 8, key="fq"), cases.normal(2, 5, 4, key="fk"), cases.normal(2, 5, 4, key="fv")]
        out = joined(attention(heads(flat[0], 4), heads(flat[1], 2), heads(flat[2], 2)))
        cases.add("Attention", version, flat, [out], "grouped", q_num_heads=4, kv_num_heads=2)
        past_k, past_v = cases.normal(2, 2, 2, 4, key="pk"), cases.normal(2, 2, 2, 3, key="pv")
        whole_k, whole_v = np.concatenate([past_k, k], 2), np.concatenate([past_v, v], 2)
        cases.add(
            "Attention",
            version,
            [q, k, v, None, past_k, past_v],
            [f32(attention(q, whole_k, whole_v)), whole_k, whole_v],
            "past",
        )
    known = ints(5, 3)
    allowed = np.arange(5)[None, None, None] < known.reshape(2, 1, 1, 1)
    for version in (24, 25):
        cases.add(
            "Attention", version, [q, k, v, None, None, None, known], [f32(attention(q, k, v, allowed))], "nonpad"
        )
    positions, keys = np.arange(3)[:, None], np.arange(5)[None]
    window = (keys >= positions - 1) & (keys <= positions + 2)
    cases.add(
        "Attention", 25, [q, k, v], [f32(attention(q, k, v, window))], "window", left_window_size=1, right_window_size=2
    )

    x = cases.normal(2, 2, 3, 4, key="rotary")
    angles = cases.random("angles").uniform(0, 3, (6, 2))
    cosine, sine = f32(np.cos(angles)), f32(np.sin(angles))
    where = np.array([[0, 1, 2], [3, 4, 5]], np.int64)
    for flag, form in ((0, ""), (1, "interleaved")):
        out = rotated(x, cosine[where], sine[where], flag, 4)
        cases.add("RotaryEmbedding", 23, [x, cosine, sine, where], [out], form, interleaved=flag)
    out = rotated(x, cosine[where][..., :1], sine[where][..., :1], 0, 2)
    cases.add(
        "RotaryEmbedding",
        23,
        [x, cosine[:, :1].copy(), sine[:, :1].copy(), where],
        [out],
        "partial",
        rotary_embedding_dim=2,
    )
    flat = cases.normal(2, 3, 8, key="flat")
    out = joined(rotated(heads(flat, 2), cosine[where], sine[where], 0, 4))
    cases.add("RotaryEmbedding", 23, [flat, cosine[where], sine[where]], [out], "flat", num_heads=2)
