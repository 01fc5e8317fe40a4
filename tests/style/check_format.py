#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""C and C++ are as clang-format-19 writes them; other sources have no trailing blanks, tabs or lines over 120 columns.

A table (.td) may have longer lines: one row is one line.

To repair: git ls-files '*.h' '*.c' '*.cpp' | xargs clang-format-19 -i
"""
import re
import subprocess

import style
from style import Finding

FORMATTED = (".c", ".cpp", ".h")
TEXT = (".td", ".sv", ".svh", ".py", ".sh", ".cmake", "CMakeLists.txt")
TABLE = (".td",)
COLUMNS = 120


def check_clang_format(root, paths):
    if not paths:
        return
    result = subprocess.run(["clang-format-19", "--dry-run", "-Werror", "--ferror-limit=1", *paths],
                            cwd=root, capture_output=True, text=True)
    reported = False
    for match in re.finditer(r"^(\S+?):(\d+):\d+: error: (.*)$", result.stderr, re.MULTILINE):
        reported = True
        yield Finding(match[1], int(match[2]), f"{match[3]}; run clang-format-19 -i {match[1]}")
    if result.returncode and not reported:
        yield Finding(".clang-format", 1, f"clang-format-19 failed: {result.stderr.strip()}")


def check_text(root, path):
    for number, line in enumerate(style.lines(root, path), 1):
        if line != line.rstrip():
            yield Finding(path, number, "trailing blanks; remove them")
        if "\t" in line:
            yield Finding(path, number, "tab; use spaces")
        if len(line) > COLUMNS and not path.endswith(TABLE):
            yield Finding(path, number, f"{len(line)} columns, the limit is {COLUMNS}; wrap the line")


def check(root):
    paths = style.files(root)
    found = list(check_clang_format(root, [path for path in paths if path.endswith(FORMATTED)]))
    for path in paths:
        if path.endswith(TEXT):
            found += check_text(root, path)
    return found


if __name__ == "__main__":
    style.main(check, __doc__.splitlines()[0])
