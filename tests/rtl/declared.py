#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No name of a SystemVerilog module is used before its declaration: Verilator and Yosys take it, the standard and other
tools do not. (scripts/slang.sh asks one of those; it is not in Debian.)
"""
import re
import sys
from pathlib import Path

import mutants

MODULE = re.compile(r"\b(module|package)\s+\w+.*?\bend\1\b", re.S)
DECLARED = re.compile(
    r"\b(?:(?:input|output|localparam|parameter|automatic|static|typedef)\s+)*"
    r"(?:wire|logic|int|genvar|bit|byte|reg|enum\s[^;]*?\}|\w+_e|\w+_t)\s*(?:signed\s|unsigned\s)?\s*"
    r"((?:\[[^\]]*\]\s*)*)(\w+)(?=([^;)]*))")
FUNCTION = re.compile(r"\bfunction\b.*?\bendfunction\b", re.S)  # may be called above it, has names of its own
ENUMERATED = re.compile(r"\benum\b[^{]*\{([^}]*)\}")
NAME = re.compile(r"(?<![\w'.$:])([A-Za-z_]\w*)\b(?!::)|(?<=[\s(])\.(\w+)(?=\s*[,)])")


def declarations(text):
    """{name: where it is first declared}."""
    found = {}

    def declare(name, place):
        if name not in found or place < found[name]:
            found[name] = place

    for match in DECLARED.finditer(text):
        declare(match[2], match.start(2))
        place = match.end(2)
        rest = match[3]
        # More names of a list: behind commas outside brackets.
        depth = 0
        for i, letter in enumerate(rest):
            depth += (letter in "([{") - (letter in ")]}")
            if letter == "," and depth == 0:
                name = re.match(r",\s*(?!input\b|output\b|parameter\b|localparam\b)(\w+)", rest[i:])
                if not name:
                    break
                declare(name[1], place + i + name.start(1))
    for match in ENUMERATED.finditer(text):
        for name in re.finditer(r"\w+", match[1]):
            declare(name[0], match.start(1) + name.start())
    return found


def early_uses(text):
    """(line, name, line of its declaration) of the first use of each name that comes before it."""
    code = mutants.without_comments(text)
    code = FUNCTION.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), code)
    result = []
    for module in MODULE.finditer(code):
        declared = declarations(module[0])
        seen = set()
        for match in NAME.finditer(module[0]):
            name = match[1] or match[2]
            if name not in declared or name in seen:
                continue
            seen.add(name)
            place = match.start(1) if match[1] else match.start(2)
            if place < declared[name]:
                line = [code.count("\n", 0, module.start() + at) + 1 for at in (place, declared[name])]
                result.append((line[0], name, line[1]))
    return result


def main():
    failed = False
    for path in map(Path, sys.argv[1:]):
        for line, name, declared in early_uses(path.read_text()):
            print(f"error: {path}:{line}: '{name}' is used before line {declared} declares it: declare it above")
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
