#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The committed pages of docs/reference are what the tools print today, and each has a row in generated_docs.py.

To refresh them: python3 tests/style/check_generated_docs.py --bin build/bin --update
"""
import argparse
import difflib
import os
import subprocess
import sys

import generated_docs
import style
from style import Finding

FOLDER = "docs/reference"


def check_page(root, bin_folder, page, command, update):
    program = os.path.join(bin_folder, command[0])
    if not os.path.exists(program):
        return Finding(page, 1, f"needs '{program}', which is not built; build all")
    result = subprocess.run([program, *command[1:]], cwd=root, capture_output=True)
    if result.returncode:
        return Finding(page, 1, f"'{' '.join(command)}' failed: {result.stderr.decode(errors='replace').strip()}")
    path = os.path.join(root, page)
    if update:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(result.stdout)
        return None
    if not os.path.exists(path):
        return Finding(page, 1, "is in generated_docs.py but not in the tree; run with --update")
    committed = style.lines(root, page)
    fresh = result.stdout.decode(errors="replace").splitlines()
    if committed == fresh:
        return None
    for line in difflib.unified_diff(committed, fresh, "committed", "generated", lineterm="", n=1):
        print(line)
    return Finding(page, 1, f"differs from what '{' '.join(command)}' prints; run with --update and commit")


def check(root, bin_folder, pages, off=(), update=False):
    found = []
    for page, feature, command in pages:
        if feature in off:
            continue
        finding = check_page(root, bin_folder, page, command, update)
        if finding:
            found.append(finding)
    known = {page for page, _, _ in pages}
    for path in style.files(root):
        if path.startswith(FOLDER + "/") and path not in known:
            found.append(Finding(path, 1, "is not in tests/style/generated_docs.py; name the command that writes it"))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=os.path.join(os.path.dirname(__file__), "..", ".."), help="the source tree")
    parser.add_argument("--bin", required=True, help="the folder of the built programs")
    parser.add_argument("--off", action="append", default=[], help="a CMake option that is off")
    parser.add_argument("--update", action="store_true", help="write the pages instead of comparing them")
    arguments = parser.parse_args()
    findings = check(os.path.abspath(arguments.root), os.path.abspath(arguments.bin), generated_docs.PAGES,
                     arguments.off, arguments.update)
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
