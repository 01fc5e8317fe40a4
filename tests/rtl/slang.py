#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the design by slang, which holds SystemVerilog to the letter of its standard where simulators are lenient.

Prints what slang says; an error is a failure. pyslang comes from PyPI: scripts/slang.sh.
"""
import argparse
import pathlib
import shlex
import sys

import pyslang.driver


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--top", required=True)
    parser.add_argument("sources", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    driver = pyslang.driver.Driver()
    driver.addStandardArgs()
    command = ["slang", "--top", arguments.top, *map(str, arguments.sources)]
    if not (driver.parseCommandLine(shlex.join(command)) and driver.processOptions() and driver.parseAllSources()):
        sys.exit(1)
    compilation = driver.createCompilation()
    is_good = driver.reportParseDiags()
    driver.reportCompilation(compilation, False)
    is_good = driver.reportDiagnostics(False) and is_good
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
