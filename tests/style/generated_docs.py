# SPDX-License-Identifier: Apache-2.0
"""The pages of docs/reference and the command that writes each: add a row when a page is added.

A row is (page, option, command). The command runs in the source root, its first word is a program of build/bin, or the
full path of one, and what it prints is the page. `option` is the CMake option that must be on for the program to exist,
or None.
"""

TBLGEN = ["tw-tblgen", "isa/tables/tw/Tw.td", "-I", "isa/tables"]

PAGES = [
    ("docs/reference/isa.md", None, [*TBLGEN, "-gen-md-isa"]),
    ("docs/reference/registers.md", None, [*TBLGEN, "-gen-md-registers"]),
    ("docs/reference/config.md", None, [*TBLGEN, "-gen-md-config"]),
    ("docs/reference/faults.md", None, [*TBLGEN, "-gen-md-faults"]),
    ("docs/reference/tools.md", "TW_BUILD_COMPILER", ["tilewright", "--reference"]),
    ("docs/reference/passes.md", "TW_BUILD_COMPILER",
     ["/usr/lib/llvm-19/bin/mlir-tblgen", "-gen-pass-doc", "ir/include/tw/ir/Passes.td", "-I", "ir/include",
      "-I", "/usr/lib/llvm-19/include"]),
    ("docs/reference/onnx-ops.md", "TW_BUILD_COMPILER", ["tw-import", "--operators"]),
]
