# SPDX-License-Identifier: Apache-2.0
"""Recurrent networks, step by step; and what runs graphs: If, Loop, Scan."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from case import BF16, MOVED_TYPES, info, ints


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn(x, w, r, b, h):
    size = h.shape[-1]
    for t in range(len(x)):
        h = np.tanh(x[t] @ w.T + h @ r.T + b[:size] + b[size:])
        yield h, None


def gru(x, w, r, b, h, linear_before_reset):
    size = h.shape[-1]
    part = lambda m, k: m[k * size : (k + 1) * size]
    for t in range(len(x)):
        gate = [x[t] @ part(w, k).T + part(b, k) for k in range(3)]
        z, reset = [sigmoid(gate[k] + h @ part(r, k).T + part(b, k + 3)) for k in range(2)]
        if linear_before_reset:
            new = np.tanh(gate[2] + reset * (h @ part(r, 2).T + part(b, 5)))
        else:
            new = np.tanh(gate[2] + (reset * h) @ part(r, 2).T + part(b, 5))
        h = (1 - z) * new + z * h
        yield h, None


def lstm(x, w, r, b, h, c, peephole):
    size = h.shape[-1]
    for t in range(len(x)):
        i, o, f, g = np.split(x[t] @ w.T + h @ r.T + b[: 4 * size] + b[4 * size :], 4, axis=-1)
        pi, po, pf = np.split(peephole, 3)
        c, old = sigmoid(f + pf * c) * c + sigmoid(i + pi * c) * np.tanh(g), c
        h = sigmoid(o + po * c) * np.tanh(c)
        yield h, c


def directions(step, x, count, *parameters):
    """All outputs, the last ones, and the last cells; direction 1 goes backwards."""
    whole, last, cells = [], [], []
    for d in range(count):
        states = list(step(x[::-1] if d else x, *[p[d] for p in parameters]))
        hidden = np.stack([h for h, _ in states])
        whole.append(hidden[::-1] if d else hidden)
        last.append(states[-1][0])
        cells.append(states[-1][1])
    return np.stack(whole, 1), np.stack(last), cells


def add_to(cases):
    size, batch, steps, inputs = 3, 2, 3, 2
    for op, gates, form in (
        ("RNN", 1, ""),
        ("RNN", 1, "both"),
        ("GRU", 3, ""),
        ("GRU", 3, "linear"),
        ("LSTM", 4, ""),
        ("LSTM", 4, "both"),
        ("LSTM", 4, "bf16"),
    ):
        count = 2 if form == "both" else 1
        given = [
            0.7 * cases.normal(*shape, key=(op, form))
            for shape in (
                (steps, batch, inputs),
                (count, gates * size, inputs),
                (count, gates * size, size),
                (count, 2 * gates * size),
                (count, batch, size),
            )
        ]
        attributes = {"hidden_size": size, **({"direction": "bidirectional"} if count == 2 else {})}
        dtype = BF16 if form == "bf16" else np.float32
        given = [g.astype(dtype) for g in given]
        x, w, r, b, h = [g.astype(np.float64) for g in given]
        if op == "LSTM":
            c = (0.7 * cases.normal(count, batch, size, key="cell")).astype(dtype)
            p = (0.7 * cases.normal(count, 3 * size, key="peephole")).astype(dtype)
            whole, last, cells = directions(lstm, x, count, w, r, b, h, c.astype(np.float64), p.astype(np.float64))
            tensors = [given[0], given[1], given[2], given[3], None, given[4], c, p]
            answers = [whole, last, np.stack(cells)]
        else:
            rest = (([1],) if form == "linear" else ([0],)) if op == "GRU" else ()
            whole, last, _ = directions({"RNN": rnn, "GRU": gru}[op], x, count, w, r, b, h, *rest)
            if form == "linear":
                attributes["linear_before_reset"] = 1
            tensors, answers = [given[0], given[1], given[2], given[3], None, given[4]], [whole, last]
        cases.add(op, 22, tensors, [a.astype(dtype) for a in answers], form, **attributes)
    for version in (19, 21, 23, 24, 25):
        graphs(cases, version)


def graphs(cases, version):
    x = cases.normal(2, 3, key="graph")
    vector = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape)
    branch = lambda op, name: helper.make_graph([helper.make_node(op, ["x1"], [name])], name, [], [vector(name)])
    node = helper.make_node("If", ["x0"], ["y0"], then_branch=branch("Neg", "t"), else_branch=branch("Abs", "e"))
    for flag in (True, False):
        cases.add_graph("If", version, [node], [np.array(flag), x], [-x if flag else np.abs(x)], str(flag).lower())
    moved = np.array([1, 0, 1], np.float32).astype(MOVED_TYPES[version])
    constant = lambda name, array: helper.make_graph(
        [helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array, name))],
        name,
        [],
        [info(name, array)],
    )
    node = helper.make_node(
        "If", ["x0"], ["y0"], then_branch=constant("t", moved), else_branch=constant("e", moved[::-1].copy())
    )
    cases.add_graph("If", version, [node], [np.array(True)], [moved], "type")

    scalar = lambda name, kind: helper.make_tensor_value_info(name, kind, [])
    body = helper.make_graph(
        [
            helper.make_node("Add", ["state", "x2"], ["next"]),
            helper.make_node("Identity", ["go"], ["goes"]),
            helper.make_node("Mul", ["next", "next"], ["square"]),
        ],
        "body",
        [scalar("i", TensorProto.INT64), scalar("go", TensorProto.BOOL), vector("state")],
        [scalar("goes", TensorProto.BOOL), vector("next"), vector("square")],
    )
    node = helper.make_node("Loop", ["x0", "", "x1"], ["y0", "y1"], body=body)
    step = cases.normal(2, 3, key="step")
    states = [x + step, x + step + step, x + step + step + step]
    cases.add_graph(
        "Loop", version, [node], [np.array(3, np.int64), x, step], [states[-1], np.stack([s * s for s in states])]
    )

    row = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [3])
    body = helper.make_graph(
        [helper.make_node("Add", ["sum", "element"], ["total"]), helper.make_node("Identity", ["total"], ["kept"])],
        "body",
        [row("sum"), row("element")],
        [row("total"), row("kept")],
    )
    node = helper.make_node("Scan", ["x0", "x1"], ["y0", "y1"], body=body, num_scan_inputs=1, scan_input_directions=[1])
    start = cases.normal(3, key="start")
    sums = [start + x[1], start + x[1] + x[0]]
    cases.add_graph("Scan", version, [node], [start, x], [sums[-1], np.stack(sums)])
