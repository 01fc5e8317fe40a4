#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The recipes of CONTRIBUTING.md are true: one that names a patch of tests/recipes is what this patch does.

The patch applies to the tree; it touches no file that the recipe does not name, and every place that the recipe names,
but for those that its head excuses: a line "Not touched: `place`: why". scripts/recipes.sh builds and tests the result.
"""
import os
import re
import subprocess

import style
from check_links import named_paths
from style import Finding

PAGE = "CONTRIBUTING.md"
FOLDER = "tests/recipes/"
HEADING = re.compile(r"\*\*An? .*\*\*")
FILE = re.compile(r"^diff --git a/(\S+) b/(\S+)$", re.MULTILINE)
EXCUSE = re.compile(r"^Not touched: `([^`]+)`: \S", re.MULTILINE)


def recipes(root):
    """(line, places that it names) of each recipe: from its bold heading to the next one, or to the next title."""
    if not os.path.exists(os.path.join(root, PAGE)):
        return
    start, places = 0, []
    for number, line in enumerate(style.lines(root, PAGE) + ["#"], 1):
        if start and (HEADING.match(line) or line.startswith("#")):
            yield start, places
            start, places = 0, []
        if HEADING.match(line):
            start = number
        if start:
            places += named_paths(PAGE, line)


def is_inside(path, place):
    return path == place or path.startswith(place.rstrip("/") + "/")


def check_patch(root, line, patch, places):
    """The findings of one recipe and its patch."""
    with open(os.path.join(root, patch), encoding="utf-8") as stream:
        text = stream.read()
    result = subprocess.run(["git", "apply", "--check", "-C1", os.path.abspath(os.path.join(root, patch))], cwd=root,
                            capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    if result.returncode:
        yield Finding(patch, 1, f"does not apply: {result.stderr.splitlines()[0]}; write it anew for the tree as it is")
    touched = [name for _, name in FILE.findall(text)]
    excused = EXCUSE.findall(text)
    for name in touched:
        if not any(is_inside(name, place) for place in places):
            yield Finding(PAGE, line, f"the recipe does not name '{name}', which {patch} has to touch; name it")
    for place in places:
        is_touched = any(is_inside(name, place) for name in touched)
        if not is_touched and place not in excused:
            yield Finding(patch, 1, f"does not touch '{place}', which the recipe names; touch or excuse it")
        if is_touched and place in excused:
            yield Finding(patch, 1, f"touches '{place}' and excuses that it does not; strike the line")
    for place in excused:
        if place not in places:
            yield Finding(patch, 1, f"excuses '{place}', which the recipe does not name; strike the line")


def check(root):
    found, used = [], set()
    for line, places in recipes(root):
        patches = [place for place in places if place.startswith(FOLDER)]
        used.update(patches)
        for patch in patches:
            if os.path.exists(os.path.join(root, patch)): # else check_links says so
                found += check_patch(root, line, patch, [place for place in places if place != patch])
    for name in style.files(root):
        if name.startswith(FOLDER) and name.endswith(".patch") and name not in used:
            found.append(Finding(name, 1, f"no recipe of {PAGE} names it; name or remove it"))
    return found


if __name__ == "__main__":
    style.main(check, __doc__.splitlines()[0])
