#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Errors are Diags: place, text and reasons apart. In LLVM's errors they travel by tw/isa/DiagError.h and no other way.

Text that is made of an error and put into another one loses its place, and an error made of a text alone has none.
"""
import re

import style
from style import Finding

ADAPTOR = "isa/include/tw/isa/DiagError.h"
FORBIDDEN = [
    (r"\b(createStringError|StringError)\b", "use errorAt or errorOf of tw/isa/DiagError.h", ()),
    (r"\bllvm::(handleAllErrors|handleErrors|ErrorInfo)\b", "use diagsOf of tw/isa/DiagError.h", (ADAPTOR,)),
    # Tests print what they did not expect.
    (r"\btoString\((std::move\(\w+\)|[^()]*\.takeError\(\))", "use inside, because or diagOf of tw/isa/DiagError.h",
     ("tests/",)),
]
SOURCE = (".cpp", ".h")
# The checks and their tests spell the words out.
EXEMPT = ("tests/style/",)


def check(root):
    found = []
    for path in style.files(root):
        if not path.endswith(SOURCE) or path.startswith(EXEMPT):
            continue
        for number, line in enumerate(style.lines(root, path), 1):
            for pattern, instead, allowed in FORBIDDEN:
                match = re.search(pattern, line)
                if match and not path.startswith(allowed):
                    found.append(Finding(path, number, f"'{match[0]}' loses place and reasons; {instead}"))
    return found


if __name__ == "__main__":
    style.main(check, __doc__.splitlines()[0])
