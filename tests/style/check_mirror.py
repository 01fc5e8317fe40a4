#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each source of the compiler has a test of its name, or stands in a list with what tests it instead.

The test of <dir>/lib/.../X.cpp is XTest.cpp anywhere in tests/unit/<dir>; that of a pass or a tool may be
tests/lit/<dir>/x.mlir. An entry of the list that nothing needs is an error, too: the list only gets shorter.
"""
import posixpath
import re

import style
from style import Finding

DIRECTORIES = ("ir", "tensorize", "codegen")

# A source, or a folder of them (with a stroke behind it): what tests it instead.
ELSEWHERE = {
    "ir/lib/definition/": "DefinitionTest; judges every case of tests/backend and tests/differential",
    "ir/lib/interpreter/": "InterpreterTest and NumericsTest; compared with the definition by tests/backend",
    "ir/lib/linalg/": "HostCodeTest runs the loops of every operator against the interpreter",
    "ir/lib/onnx/": "by what models say, not by file: tests/unit/ir/Onnx*Test.cpp, OperatorsTest; tests/backend",
    "ir/lib/padding/": "PaddingTest: what each rule refuses, and random graphs that are run for both sizes",
    "ir/lib/transforms/FuseFunctions.cpp": "FusionTest: functions of one value",
    "ir/lib/transforms/FuseProducts.cpp": "FusionTest: products of any form, zeros around an image",
    "ir/lib/transforms/Quantized.cpp": "what several passes ask: FusionTest, tests/lit/ir/fuse-qdq.mlir",
    "ir/lib/transforms/WideBias.cpp": "tests/lit/ir/fuse-qdq-wide-bias.mlir",
    "ir/lib/Constants.cpp": "BlocksTest and FormsTest of codegen read and make them; tests/lit/ir/fold-constants.mlir",
    "ir/lib/GraphDialect.cpp": "every test that parses the dialect",
    "ir/lib/GraphFolds.cpp": "tests/lit/ir/simplify.mlir",
    "ir/lib/GraphOps.cpp": "tests/lit/ir/ops-errors.mlir",
    "ir/lib/LibraryFunctions.cpp": "a list: tests/e2e/LibraryTest.cpp runs every row",
    "ir/lib/Macs.cpp": "BlocksTest of codegen counts them",
    "ir/lib/PassCounts.cpp": "tests/lit/tools/compile.test prints them",
    "ir/lib/Pipeline.cpp": "the order of the passes: tests/e2e",
    "ir/lib/QuantOps.cpp": "FusionTest: WideSumTest",
    "ir/lib/Register.cpp": "every test that parses the dialect",
    "ir/lib/Shapes.cpp": "tests/lit/ir/ops-errors.mlir; tests/backend",
    "ir/lib/QuantisedState.cpp": "tests/lit/tools/state.test",
    "ir/lib/State.cpp": "tests/lit/tools/state.test",
    "ir/lib/Tensor.cpp": "NumericsTest; every test that compares tensors",
    "tensorize/lib/linalg/PrintBlocks.cpp": "prints only: tests/lit/tensorize",
    "tensorize/lib/schedule/PrintSchedule.cpp": "ScheduleTextTest prints and reads",
    "tensorize/lib/schedule/ReadSchedule.cpp": "ScheduleTextTest prints and reads",
    "codegen/lib/Executor.cpp": "two names: ChooseTest reads both",
    "codegen/lib/gpu/": "tests/gpu executes the kernels of every operator; MappingTest of it",
    "codegen/lib/host/DerivedBuffers.cpp": "HostCodeTest: constants computed of others; tests/gpu shares them",
    "codegen/lib/host/Memory.cpp": "HostCodeTest and tests/gpu: scratch memory and buffers of every operator",
}


def lit_name(source):
    """FuseQdq -> fuse-qdq"""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", source).lower()


def has_test(source, directory, units, lits):
    name = posixpath.basename(source)[:-len(".cpp")]
    return f"{name}Test.cpp" in units[directory] or any(
        re.fullmatch(re.escape(lit_name(name)) + r"(-.+)?\.mlir", lit) for lit in lits[directory])


def findings(root, elsewhere):
    paths = style.files(root)
    units, lits = ({directory: {posixpath.basename(path) for path in paths
                                if path.startswith(f"tests/{suite}/{directory}/")} for directory in DIRECTORIES}
                   for suite in ("unit", "lit"))
    untested = {}
    for path in paths:
        directory = path.split("/")[0]
        if directory in DIRECTORIES and path.startswith(f"{directory}/lib/") and path.endswith(".cpp"):
            if not has_test(path, directory, units, lits):
                untested[path] = directory
    for path, directory in untested.items():
        if not any(path == entry or (entry.endswith("/") and path.startswith(entry)) for entry in elsewhere):
            name = posixpath.basename(path)[:-len(".cpp")]
            yield Finding(path, 1, f"has no tests/unit/{directory}/**/{name}Test.cpp; write it, or add the source to "
                                   "ELSEWHERE of tests/style/check_mirror.py with what tests it")
    for entry in elsewhere:
        if not any(path == entry or (entry.endswith("/") and path.startswith(entry)) for path in untested):
            yield Finding("tests/style/check_mirror.py", 1,
                          f"'{entry}' of ELSEWHERE is gone or has a test of its name; take it out")


def check(root, elsewhere=None):
    return list(findings(root, ELSEWHERE if elsewhere is None else elsewhere))


if __name__ == "__main__":
    style.main(check, __doc__.splitlines()[0])
