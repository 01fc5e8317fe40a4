# SPDX-License-Identifier: Apache-2.0
"""What the style checks share: the list of files, reading them, and reporting.

Every check is a function `check(root) -> list of Finding`, with `main(check)` below as its command line. A check prints
one line per finding, `path:line: what is wrong; what to do`, and exits with 1 if there is any.
"""
import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


def tracked_files(root):
    """What git lists (tracked, and new but not ignored), or None where there is no git or no repository of ours."""
    if not os.path.exists(os.path.join(root, ".git")):
        return None
    try:
        listing = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                 check=True, capture_output=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return [name for name in listing.decode().split("\0") if name and os.path.isfile(os.path.join(root, name))]


def files(root):
    """The files of the tree relative to root, sorted. Without git (an unpacked archive) the folder is walked, build
    folders apart."""
    found = tracked_files(root)
    if found is None:
        found = []
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if not re.match(r"build|\.git$|__pycache__$", name)]
            found += [os.path.relpath(os.path.join(folder, name), root) for name in names if name != ".git"]
    return sorted(set(found))


def lines(root, path):
    """The lines of a text file without their ends; none for a binary file."""
    with open(os.path.join(root, path), "rb") as stream:
        data = stream.read()
    if b"\0" in data:
        return []
    return data.decode("utf-8", errors="replace").splitlines()


def main(check, description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", default=os.path.join(os.path.dirname(__file__), "..", ".."), help="the source tree")
    root = os.path.abspath(parser.parse_args().root)
    findings = check(root)
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} finding(s)")
    sys.exit(1 if findings else 0)
