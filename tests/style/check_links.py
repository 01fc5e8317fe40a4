#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every path that a document names exists: links, and back-quoted paths that begin with a directory of ours.

`a/{b,c}.cpp` names two files and `a/*.td` at least one. A path with <placeholders> or ... and one in build/ is not
looked for, and fenced blocks are not read.
"""
import glob
import os
import re

import style
from style import Finding

ROOTS = ("isa", "ir", "tensorize", "codegen", "simulator", "rtl", "drivers", "tools", "tests", "docs", "cmake",
         "scripts", ".ci")
LINK = re.compile(r"\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([^`\s]+)`")


def expand(path):
    """All paths that a path with {a,b} stands for."""
    match = re.search(r"\{([^{}]*)\}", path)
    if not match:
        return [path]
    return [name for part in match[1].split(",") for name in expand(path[:match.start()] + part + path[match.end():])]


def named_paths(page, line):
    """The paths, relative to the root, that one line of a page names."""
    for match in LINK.finditer(line):
        target = match[1].split("#")[0]
        if target and not re.match(r"\w+:", target):
            yield os.path.normpath(os.path.join(os.path.dirname(page), target))
    for match in QUOTED.finditer(line):
        path = match[1].rstrip(":")
        if "/" in path and path.split("/")[0] in ROOTS and not re.search(r"[<>]|\.\.\.", path):
            yield from expand(path)


def check(root):
    found = []
    for page in style.files(root):
        if not page.endswith(".md"):
            continue
        fenced = False
        for number, line in enumerate(style.lines(root, page), 1):
            if line.lstrip().startswith("```"):
                fenced = not fenced
            if fenced:
                continue
            for path in named_paths(page, line):
                if not glob.glob(os.path.join(root, path)):
                    found.append(Finding(page, number, f"'{path}' does not exist; correct the page"))
    return found


if __name__ == "__main__":
    style.main(check, __doc__.splitlines()[0])
