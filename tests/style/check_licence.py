#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every source file names the licence in its first line (the second after #!)."""
import os

import style
from style import Finding

LICENCE = "SPDX-License-Identifier: Apache-2.0"
EXTENSIONS = {".c", ".cpp", ".h", ".def", ".td", ".sv", ".svh", ".v", ".vlt", ".ys", ".py", ".sh", ".cmake", ".mlir",
              ".test", ".yaml", ".in", ".s"}


def is_source(path, text):
    return (os.path.splitext(path)[1] in EXTENSIONS or os.path.basename(path) == "CMakeLists.txt"
            or (text and text[0].startswith("#!")))


def check(root):
    found = []
    for path in style.files(root):
        text = style.lines(root, path)
        if not is_source(path, text) or "/Inputs/" in path:
            continue
        line = 1 if text and text[0].startswith("#!") else 0
        if len(text) <= line or LICENCE not in text[line]:
            found.append(Finding(path, line + 1, f"does not name the licence; begin with '{LICENCE}' in a comment"))
    return found


if __name__ == "__main__":
    style.main(check, __doc__.splitlines()[0])
