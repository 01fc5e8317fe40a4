#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A file says what it is to every reader: no paths of one machine, no pages that are not here, no notes to oneself."""
import re

import style
from style import Finding

FORBIDDEN = [
    (r"/(root|home/\w+|work)/", "a path of one machine"),
    (r"shared/(design|prototypes|style|hooks)", "a page that is not part of the project"),
    (r"\b(decisions|accelerator|cycle-model|toolchain|COMMON)\.md\b", "a page that is not part of the project"),
    (r"(?i)\b(issue|pull request|PR) #?\d+\b", "the number of an issue; say what matters about it"),
    (r"(?i)\b(assistants?|language model|prompts?ed by|claude|anthropic|copilot)\b", "who wrote this"),
    (r"(?i)\b(this|a|an earlier|the last|previous|next) session\b", "how this was written"),
    (r"\b(TODO|FIXME|HACK)\b", "a note to oneself; do it, or say in the text what is not supported"),
]
# The checks and their tests spell the words out; the licence is not ours to edit.
EXEMPT = ("tests/style/", "LICENSE")


def check(root):
    found = []
    for path in style.files(root):
        if path.startswith(EXEMPT):
            continue
        for number, line in enumerate(style.lines(root, path), 1):
            for pattern, what in FORBIDDEN:
                match = re.search(pattern, line)
                if match:
                    found.append(Finding(path, number, f"'{match[0]}' is {what}; remove it"))
    return found


if __name__ == "__main__":
    style.main(check, __doc__.splitlines()[0])
