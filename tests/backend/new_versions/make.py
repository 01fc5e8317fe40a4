#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes new_versions.zip: cases for every operator version from opset 18 to 25, each a model and its tensors (a
SequenceProto: inputs, then outputs, under the model's names). Answers come from the definitions written here with
numpy; --check says what ONNX's reference and ONNX Runtime make of them. Needs numpy and onnx 1.20 or later from PyPI,
for --check onnxruntime too.

usage: make.py [--check] [--folder FOLDER]: the archive is written beside this folder; FOLDER gets the cases as files"""

import argparse
import pathlib
import warnings
import zipfile

import numpy as np
import onnx
from onnx import numpy_helper

import attention
import moves
import norms
import pointwise
import quantisation
import recurrent
import sampling
import windows
from case import Cases

NEW = range(18, 26)
# Versions without a case: what they do is not asked of a compiler of static graphs.
LEFT_OUT = {
    "Bernoulli": "random",
    "Multinomial": "random",
    "RandomNormal": "random",
    "RandomNormalLike": "random",
    "RandomUniform": "random",
    "RandomUniformLike": "random",
    "RegexFullMatch": "string",
    "StringConcat": "string",
    "StringSplit": "string",
    "OptionalGetElement": "optional",
    "OptionalHasElement": "optional",
    "SplitToSequence": "sequence",
    "ImageDecoder": "image files",
}


def make():
    cases = Cases()
    for module in (pointwise, moves, windows, norms, quantisation, sampling, recurrent, attention):
        module.add_to(cases)
    return cases


def missing(cases):
    """Operator versions that no case has."""
    there = {
        (node.op_type, model.opset_import[0].version) for model in cases.models.values() for node in model.graph.node
    }
    wanted = {
        (s.name, s.since_version)
        for s in onnx.defs.get_all_schemas_with_history()
        if s.domain == "" and s.since_version in NEW and s.name not in LEFT_OUT
    }
    return sorted(wanted - there)


def files(cases):
    for name, model in sorted(cases.models.items()):
        yield f"{name}/model.onnx", model.SerializeToString(deterministic=True)
        tensors = onnx.SequenceProto(elem_type=onnx.SequenceProto.TENSOR, tensor_values=sum(cases.tensors[name], []))
        yield f"{name}/tensors.pb", tensors.SerializeToString(deterministic=True)


def differs(got, want):
    """What is wrong, or empty; the tolerance of the backend suite, one step of the type where that is coarser."""
    if got.dtype == np.uint8 and want.dtype.name.startswith("float8"):
        got = got.view(want.dtype)  # as ONNX Runtime hands them out
    if got.shape != want.shape or got.dtype != want.dtype:
        return f"{got.dtype}{list(got.shape)} for {want.dtype}{list(want.shape)}"
    coarse = {"bfloat16": 2.0**-7, "float16": 2.0**-10}.get(want.dtype.name, 1e-3)
    if want.dtype.kind in "iub":
        return "" if (got == want).all() else "values"
    got, want = got.astype(np.float64), want.astype(np.float64)
    return (
        ""
        if np.allclose(got, want, rtol=max(coarse, 1e-3), atol=1e-6, equal_nan=True)
        else f"by {np.nanmax(np.abs(got - want)):.3g}"
    )


def check(cases):
    import onnxruntime
    from onnx.reference import ReferenceEvaluator

    def runtime(model, inputs):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, inputs)

    for title, run in (
        ("onnx's reference", lambda m, i: ReferenceEvaluator(m).run(None, i)),
        ("ONNX Runtime", runtime),
    ):
        good, other, silent = 0, [], []
        for name, model in cases.models.items():
            inputs, outputs = ([numpy_helper.to_array(t) for t in tensors] for tensors in cases.tensors[name])
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    results = run(model, {t.name: a for t, a in zip(cases.tensors[name][0], inputs)})
            except Exception as error:  # of every kind: it has no such operator, type or form
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                silent.append(f"{name} ({reason[:90]})")
                continue
            wrong = [d for d in map(differs, map(np.asarray, results), outputs) if d]
            good += not wrong
            other += [f"{name}: {', '.join(wrong)}"] if wrong else []
        print(f"{title}: {good} of {len(cases.models)} agree, {len(other)} differ, {len(silent)} it does not run")
        for line in other:
            print(f"  differs {line}")
        for line in silent:
            print(f"  no run  {line}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--folder", type=pathlib.Path)
    options = parser.parse_args()
    cases = make()
    for name, model in cases.models.items():
        if not name.startswith("groupnormalization_18"):  # deprecated, which the checker does not let pass
            onnx.checker.check_model(model)
    for op, version in missing(cases):
        print(f"no case: {op} {version}")
    archive = pathlib.Path(__file__).resolve().parent.parent / "new_versions.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in files(cases):
            target.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
            if options.folder:
                path = options.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    print(f"{len(cases.models)} cases, {archive.stat().st_size} bytes")
    if options.check:
        check(cases)


if __name__ == "__main__":
    main()
