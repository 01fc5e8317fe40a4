#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes contrib.zip: cases for the operators of com.microsoft that ONNX Runtime's optimiser and quantiser make of
transformers and recurrent layers, each a model and its tensors (a SequenceProto: inputs, then outputs, under the
model's names). The answers are ONNX Runtime's, without optimisation. Needs numpy, onnx and onnxruntime from PyPI.

usage: make.py: the archive is written beside this folder"""

import pathlib
import zipfile
import zlib

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

DOMAIN = "com.microsoft"


class Cases:
    def __init__(self):
        self.files = {}

    def add(self, op, form, inputs, outputs, constants=(), domain=DOMAIN, **attributes):
        """One node. An input may be None: absent. `constants`: positions of inputs that the model holds; `outputs`:
        which of its results are asked for."""
        name = f"{op.lower()}_{form}"
        assert f"{name}/model.onnx" not in self.files, name
        names = [f"x{i}" if array is not None else "" for i, array in enumerate(inputs)]
        results = [f"y{i}" if i in outputs else "" for i in range(max(outputs) + 1)]
        arrays = {n: np.asarray(a) for n, a in zip(names, inputs) if a is not None}
        held = {f"x{i}" for i in constants}
        node = helper.make_node(op, names, results, domain=domain, **attributes)
        graph = helper.make_graph(
            [node], name, [info(n, a) for n, a in arrays.items() if n not in held],
            [onnx.ValueInfoProto(name=n) for n in results if n],
            [numpy_helper.from_array(a, n) for n, a in arrays.items() if n in held])
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="", ir_version=8)
        given = {n: a for n, a in arrays.items() if n not in held}
        answers = answers_of(model, given)
        model.graph.ClearField("output")
        model.graph.output.extend(info(n, a) for n, a in answers.items())
        tensors = onnx.SequenceProto(
            elem_type=onnx.SequenceProto.TENSOR,
            tensor_values=[numpy_helper.from_array(a, n) for n, a in {**given, **answers}.items()])
        self.files[f"{name}/model.onnx"] = model.SerializeToString(deterministic=True)
        self.files[f"{name}/tensors.pb"] = tensors.SerializeToString(deterministic=True)


def info(name, array):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def answers_of(model, given):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, given)))


def normal(*shape, key=""):
    return np.random.default_rng(zlib.crc32(repr((shape, key)).encode())).standard_normal(shape).astype(np.float32)


def integers(low, high, *shape, dtype=np.int64):
    return np.random.default_rng(zlib.crc32(repr((low, high, shape)).encode())).integers(low, high, shape, dtype)


def attention(cases):
    x, w, b = normal(2, 3, 8), normal(8, 24), normal(24)
    some = np.array([[1, 1, 0], [1, 1, 1]], np.int32)
    cases.add("Attention", "plain", [x, w, b], [0], [1, 2], num_heads=2)
    cases.add("Attention", "no_bias", [x, w], [0], [1], num_heads=4)
    cases.add("Attention", "scale", [x, w, b], [0], [1, 2], num_heads=2, scale=0.25)
    cases.add("Attention", "mask", [x, w, b, some], [0], [1, 2], num_heads=2)
    cases.add("Attention", "mask_filter", [x, w, b, some], [0], [1, 2], num_heads=2, mask_filter_value=-2.0)
    cases.add("Attention", "ends", [x, w, b, np.array([2, 3], np.int32)], [0], [1, 2], num_heads=2)
    cases.add("Attention", "starts_and_ends", [x, w, b, np.array([2, 3, 0, 1], np.int32)], [0], [1, 2], num_heads=2)
    cases.add("Attention", "mask_of_pairs", [x, w, b, np.tril(np.ones((2, 3, 3), np.int32))], [0], [1, 2], num_heads=2)
    cases.add("Attention", "unidirectional", [x, w, b], [0], [1, 2], num_heads=2, unidirectional=1)
    cases.add("Attention", "unequal", [x, normal(8, 20), normal(20)], [0], [1, 2], num_heads=2,
              qkv_hidden_sizes=[8, 8, 4])
    cases.add("Attention", "past", [x, w, b, None, normal(2, 2, 2, 5, 4)], [0, 1], [1, 2], num_heads=2,
              unidirectional=1)
    cases.add("Attention", "bias", [x, w, b, None, None, normal(1, 2, 3, 3)], [0], [1, 2], num_heads=2)


def quantised_attention(cases):
    x = integers(0, 256, 2, 3, 8, dtype=np.uint8)
    w = integers(-128, 128, 8, 24, dtype=np.int8)
    b, one = normal(24), np.float32(0.02)
    each = np.abs(normal(24)) * np.float32(0.01) + np.float32(0.005)
    cases.add("QAttention", "plain", [x, w, b, one, np.float32(0.01), None, np.uint8(128), np.int8(0)], [0],
              [1, 2, 3, 4, 6, 7], num_heads=2)
    cases.add("QAttention", "each_column",
              [x, w, b, one, each, None, np.uint8(120), integers(-3, 4, 24, dtype=np.int8)], [0], [1, 2, 3, 4, 6, 7],
              num_heads=2)
    cases.add("QAttention", "mask",
              [x, w, b, one, np.float32(0.01), np.array([[1, 1, 0], [1, 1, 1]], np.int32), np.uint8(128), np.int8(0)],
              [0], [1, 2, 3, 4, 6, 7], num_heads=2)
    cases.add("QAttention", "past",
              [x, w, b, one, np.float32(0.01), None, np.uint8(128), np.int8(0), normal(2, 2, 2, 5, 4)], [0, 1],
              [1, 2, 3, 4, 6, 7], num_heads=2, unidirectional=1)


def multi_head_attention(cases):
    op, q, k, v = "MultiHeadAttention", normal(2, 3, 8), normal(2, 5, 8), normal(2, 5, 12)
    cases.add(op, "plain", [q, k, v], [0], num_heads=2)
    cases.add(op, "bias", [q, k, v, normal(28)], [0], [3], num_heads=2)
    cases.add(op, "scale", [q, k, v], [0], num_heads=4, scale=0.3)
    cases.add(op, "mask", [q, k, v, None, np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]], np.int32)], [0], num_heads=2)
    cases.add(op, "ends", [q, k, v, None, np.array([4, 2], np.int32)], [0], num_heads=2)
    cases.add(op, "scores", [q, k, v, None, None, normal(2, 2, 3, 5)], [0], num_heads=2)
    same = normal(2, 3, 8, key="same")
    cases.add(op, "past", [q, same, same, None, None, None, normal(2, 2, 4, 4), normal(2, 2, 4, 4, key=1)],
              [0, 1, 2], num_heads=2)
    cases.add(op, "unidirectional", [q, same, same], [0], num_heads=2, unidirectional=1)


def group_query_attention(cases):
    op, q, k, v = "GroupQueryAttention", normal(2, 3, 64), normal(2, 3, 32), normal(2, 3, 32, key=1)
    cosines, sines = np.cos(normal(16, 8)), np.sin(normal(16, 8))

    def lengths(total):
        return [np.full(2, total - 1, np.int32), np.int32(total)]

    heads = {"num_heads": 4, "kv_num_heads": 2}
    past = [normal(2, 2, 5, 16), normal(2, 2, 5, 16, key=1)]
    cases.add(op, "plain", [q, k, v, None, None, *lengths(3)], [0, 1, 2], [5, 6], **heads)
    cases.add(op, "packed", [normal(2, 3, 128), None, None, None, None, *lengths(3)], [0, 1, 2], [5, 6], **heads)
    cases.add(op, "rotary", [q, k, v, None, None, *lengths(3), cosines, sines], [0, 1, 2], [5, 6], do_rotary=1, **heads)
    cases.add(op, "interleaved", [q, k, v, None, None, *lengths(3), cosines, sines], [0, 1, 2], [5, 6], do_rotary=1,
              rotary_interleaved=1, **heads)
    cases.add(op, "softcap", [q, k, v, None, None, *lengths(3)], [0, 1, 2], [5, 6], softcap=2.0, scale=0.7, **heads)
    cases.add(op, "window", [q, k, v, None, None, *lengths(3)], [0, 1, 2], [5, 6], local_window_size=2, **heads)
    one = [part[:, :1] for part in (q, k, v)]
    cases.add(op, "past", [*one, *past, *lengths(6), cosines, sines], [0, 1, 2], [5, 6], do_rotary=1, **heads)


def rotary_embedding(cases):
    op, x = "RotaryEmbedding", normal(2, 3, 16)
    cosines, sines = np.cos(normal(10, 4)), np.sin(normal(10, 4))
    cases.add(op, "first", [x, np.array([2], np.int64), cosines, sines], [0], [2, 3])
    cases.add(op, "each", [x, integers(0, 10, 2, 3), cosines, sines], [0], [2, 3])
    cases.add(op, "interleaved", [x, integers(0, 10, 2, 3), cosines, sines], [0], [2, 3], interleaved=1)
    cases.add(op, "part", [normal(2, 3, 24), integers(0, 10, 2, 3), cosines, sines], [0], [2, 3], num_heads=2,
              rotary_embedding_dim=8)
    cases.add(op, "four_dimensions", [normal(2, 2, 3, 8), integers(0, 10, 2, 3), cosines, sines], [0], [2, 3])


def embedding(cases):
    op, words, segments = "EmbedLayerNormalization", integers(0, 7, 2, 3).astype(np.int32), np.array(
        [[0, 0, 1], [0, 1, 1]], np.int32)
    tables = [normal(7, 8), normal(4, 8), normal(2, 8)]
    gamma, beta = normal(8), normal(8, key=1)
    cases.add(op, "plain", [words, segments, *tables, gamma, beta], [0, 1], [2, 3, 4, 5, 6], epsilon=1e-5)
    cases.add(op, "mask", [words, segments, *tables, gamma, beta, np.array([[1, 1, 0], [1, 1, 1]], np.int32)], [0, 1],
              [2, 3, 4, 5, 6])
    cases.add(op, "no_segments", [words, None, *tables[:2], None, gamma, beta], [0, 1, 2], [2, 3, 5, 6])
    cases.add(op, "positions",
              [words, segments, *tables, gamma, beta, None, np.array([[1, 0, 3], [2, 2, 0]], np.int32)], [0, 1],
              [2, 3, 4, 5, 6])


def norms_and_functions(cases):
    x, skip, gamma, beta, bias = normal(2, 3, 8), normal(2, 3, 8, key=1), normal(8), normal(8, key=1), normal(8, key=2)
    cases.add("SkipLayerNormalization", "plain", [x, skip, gamma, beta], [0], [2, 3], epsilon=1e-5)
    cases.add("SkipLayerNormalization", "bias", [x, skip, gamma, beta, bias], [0, 3], [2, 3, 4])
    cases.add("SkipSimplifiedLayerNormalization", "plain", [x, skip, gamma], [0], [2], epsilon=1e-5)
    cases.add("SkipSimplifiedLayerNormalization", "bias", [x, skip, gamma, bias], [0, 3], [2, 3])
    for form, axis, scale in (("last", -1, gamma), ("two", 1, normal(*x.shape[1:]))):
        cases.add("SimplifiedLayerNormalization", form, [x, scale], [0, 1], [1], domain="", axis=axis, epsilon=1e-5)
    cases.add("BiasGelu", "plain", [x, bias], [0], [1])
    cases.add("FastGelu", "plain", [x], [0])
    cases.add("FastGelu", "bias", [x, bias], [0], [1])
    cases.add("Gelu", "plain", [x], [0])
    cases.add("QuickGelu", "plain", [x], [0])
    cases.add("QuickGelu", "alpha", [x], [0], alpha=0.5)


def products(cases):
    x, w, b = normal(1, 3, 6, 6), normal(4, 3, 3, 3), normal(4)
    cases.add("FusedConv", "relu", [x, w, b], [0], [1, 2], activation="Relu")
    cases.add("FusedConv", "clip", [x, w, b], [0], [1, 2], activation="Clip", activation_params=[-0.5, 1.5])
    cases.add("FusedConv", "leaky", [x, w, b], [0], [1, 2], activation="LeakyRelu", activation_params=[0.2],
              pads=[1, 1, 1, 1], strides=[2, 2])
    cases.add("FusedConv", "sum", [x, w, b, normal(1, 4, 4, 4)], [0], [1, 2], activation="Relu")
    cases.add("FusedGemm", "relu", [normal(3, 5), normal(5, 4), b], [0], [1, 2], activation="Relu", alpha=0.5, beta=2.0)
    cases.add("FusedGemm", "leaky", [normal(5, 3), normal(4, 5), b], [0], [1, 2], activation="LeakyRelu",
              activation_alpha=0.3, transA=1, transB=1)
    cases.add("FusedMatMul", "alpha", [normal(2, 3, 5), normal(2, 5, 4)], [0], alpha=0.5)
    cases.add("FusedMatMul", "turned", [normal(2, 5, 3), normal(2, 4, 5)], [0], transA=1, transB=1)


def recurrent(cases):
    op, steps, batch, inputs, hidden = "DynamicQuantizeLSTM", 4, 1, 5, 3
    x = normal(steps, batch, inputs)

    def weights(count, dtype, zero):
        low, high = (0, 256) if dtype is np.uint8 else (-128, 128)
        return [integers(low, high, count, inputs, 4 * hidden, dtype=dtype),
                integers(low, high, count, hidden, 4 * hidden, dtype=dtype),
                normal(count, 8 * hidden)], [
                    np.full(count, 0.01, np.float32), np.full(count, zero, dtype),
                    np.full(count, 0.012, np.float32), np.full(count, zero, dtype)]

    constants = [1, 2, 3, 8, 9, 10, 11]
    w, q = weights(1, np.int8, 0)
    cases.add(op, "forward", [x, *w, None, None, None, None, *q], [0, 1, 2], constants, hidden_size=hidden)
    w, q = weights(1, np.uint8, 130)
    cases.add(op, "uint8", [x, *w, None, None, None, None, *q], [0, 1, 2], constants, hidden_size=hidden)
    w, q = weights(2, np.int8, 0)
    cases.add(op, "bidirectional",
              [x, *w, None, normal(2, batch, hidden), normal(2, batch, hidden, key=1), None, *q], [0, 1, 2], constants,
              hidden_size=hidden, direction="bidirectional")


def main():
    onnxruntime.set_default_logger_severity(3)
    cases = Cases()
    for part in (attention, quantised_attention, multi_head_attention, group_query_attention, rotary_embedding,
                 embedding, norms_and_functions, products, recurrent):
        part(cases)
    path = pathlib.Path(__file__).resolve().parent.parent / "contrib.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(cases.files.items()):
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    print(f"{path.name}: {len(cases.files) // 2} cases, {path.stat().st_size} bytes, ONNX Runtime "
          f"{onnxruntime.__version__}")


if __name__ == "__main__":
    main()
