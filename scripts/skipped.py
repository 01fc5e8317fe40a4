# SPDX-License-Identifier: Apache-2.0
"""What the last run of CTest skipped, for the last lines of test.sh: how many tests, and why. Reads the log that CTest
keeps of every test's output: GoogleTest's skips are inside of tests that pass."""
import collections
import re
import sys

# GoogleTest: the place, then the reason. lit: a count. Others: a line of their own, see tests/README.md.
GTEST = re.compile(r"^\S+:\d+: Skipped\n(.*)$", re.MULTILINE)
LIT = re.compile(r"^ *Unsupported *: *(\d+)", re.MULTILINE)
OTHER = re.compile(r"^skipped: (.*)$", re.MULTILINE)


def skips(log):
    """Number of skipped tests by reason."""
    reasons = collections.Counter(GTEST.findall(log))
    reasons.update(OTHER.findall(log))
    for count in LIT.findall(log):
        reasons["lit tests of what was not built or is not there"] += int(count)
    return reasons


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        reasons = skips(file.read())
    for reason, count in sorted(reasons.items()):
        print(f"-- skipped: {count}: {reason}")
    if not reasons:
        print("-- skipped: nothing")


if __name__ == "__main__":
    main()
