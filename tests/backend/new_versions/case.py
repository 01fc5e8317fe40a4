# SPDX-License-Identifier: Apache-2.0
"""What a case of new_versions is: one node, its inputs, and the answers by the operator's definition."""

import zlib

import numpy as np
import onnx
from onnx import helper, numpy_helper

BF16 = helper.tensor_dtype_to_np_dtype(onnx.TensorProto.BFLOAT16)
INT4 = helper.tensor_dtype_to_np_dtype(onnx.TensorProto.INT4)
UINT4 = helper.tensor_dtype_to_np_dtype(onnx.TensorProto.UINT4)
INT2 = helper.tensor_dtype_to_np_dtype(onnx.TensorProto.INT2)
F8E4M3 = helper.tensor_dtype_to_np_dtype(onnx.TensorProto.FLOAT8E4M3FN)
F8E4M3UZ = helper.tensor_dtype_to_np_dtype(onnx.TensorProto.FLOAT8E4M3FNUZ)
F8E5M2UZ = helper.tensor_dtype_to_np_dtype(onnx.TensorProto.FLOAT8E5M2FNUZ)
F8E5M2 = helper.tensor_dtype_to_np_dtype(onnx.TensorProto.FLOAT8E5M2)
F8E8M0 = helper.tensor_dtype_to_np_dtype(onnx.TensorProto.FLOAT8E8M0)
F4E2M1 = helper.tensor_dtype_to_np_dtype(onnx.TensorProto.FLOAT4E2M1)

# What each of these versions added to operators that only move data: a type whose values the case must keep.
MOVED_TYPES = {19: F8E4M3, 20: BF16, 21: INT4, 23: F4E2M1, 24: F8E8M0, 25: INT2}


def ints(*values):
    return np.array(values, np.int64)


class Cases:
    """All cases by name, in the order in which they were added."""

    def __init__(self):
        self.models, self.tensors = {}, {}

    def random(self, *key):
        """A generator of numbers that only `key` decides: adding a case changes no other."""
        return np.random.default_rng(zlib.crc32(repr(key).encode()))

    def normal(self, *shape, key="", dtype=np.float32):
        return self.random("normal", shape, key).standard_normal(shape).astype(dtype)

    def add(self, op, version, inputs, outputs, form="", **attributes):
        """One node of `op`. An input may be None: absent. `form` tells cases of one version apart."""
        names = [f"x{i}" if array is not None else "" for i, array in enumerate(inputs)]
        results = [f"y{i}" if array is not None else "" for i, array in enumerate(outputs)]
        node = helper.make_node(op, names, results, **attributes)
        self.add_graph(op, version, [node], inputs, outputs, form)

    def add_graph(self, op, version, nodes, inputs, outputs, form="", initializers=()):
        """Nodes that read x0, x1 ... and make y0, y1 ..."""
        name = f"{op.lower()}_{version}" + (f"_{form}" if form else "")
        assert name not in self.models, name
        given = [(f"x{i}", np.asarray(a)) for i, a in enumerate(inputs) if a is not None]
        made = [(f"y{i}", np.asarray(a)) for i, a in enumerate(outputs) if a is not None]
        graph = helper.make_graph(nodes, name, [info(*g) for g in given], [info(*m) for m in made], list(initializers))
        opset = helper.make_opsetid("", version)
        model = helper.make_model(
            graph, opset_imports=[opset], producer_name="", ir_version=helper.find_min_ir_version_for([opset])
        )
        self.models[name] = model
        self.tensors[name] = (
            [numpy_helper.from_array(a, n) for n, a in given],
            [numpy_helper.from_array(a, n) for n, a in made],
        )


def info(name, array):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
