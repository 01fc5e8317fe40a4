#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every header has the guard of its path; a public one opens with what it is for, who calls it, what it does not do.

That each public header compiles alone is the test style.headers_compile.
"""
import re

import style
from style import Finding

PUBLIC = re.compile(r"(.*/)?include/tw/(?P<rest>.+)\.h$")
COMMENT = re.compile(r"\s*(//|/?\*)\s*\S")


def words(name):
    """The two spellings of a file name inside a guard: RandomProgram -> RANDOMPROGRAM and RANDOM_PROGRAM."""
    plain = re.sub(r"\W", "_", name).upper()
    split = re.sub(r"\W", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).upper()
    return plain, split


def guard_pattern(path):
    public = PUBLIC.match(path)
    if public:
        return "TW_(%s|%s)_H" % words(public["rest"])
    # A private header: directory first, file name last, whatever folders between.
    parts = path[: -len(".h")].split("/")
    return r"TW_%s_(\w+_)?(%s|%s)_H" % ((words(parts[0])[0],) + words(parts[-1]))


def check_header(root, path):
    text = style.lines(root, path)
    pattern = guard_pattern(path)
    guard = None
    for number, line in enumerate(text, 1):
        match = re.match(r"\s*#\s*ifndef\s+(\w+)", line)
        if match:
            guard = match[1]
            if not re.fullmatch(pattern, guard):
                yield Finding(path, number, f"include guard is {guard}, expected {pattern}")
            elif number == len(text) or not re.match(rf"\s*#\s*define\s+{guard}\b", text[number]):
                yield Finding(path, number, f"#ifndef {guard} is not followed by its #define")
            break
        if re.match(r"\s*#\s*(pragma|include|define|if)", line):
            break
    if guard is None:
        yield Finding(path, 1, f"no include guard before the first directive, expected {pattern}")
    if PUBLIC.match(path):
        opening = 0
        for line in text[1:]:
            if not COMMENT.match(line):
                break
            opening += 1
        if opening < 3:
            yield Finding(path, 2, f"opens with {opening} comment line(s) after the licence, expected three: what it "
                                   "is for, who calls it, what it does not do")


def check(root):
    found = []
    for path in style.files(root):
        if path.endswith(".h"):
            found += check_header(root, path)
    return found


if __name__ == "__main__":
    style.main(check, __doc__.splitlines()[0])
