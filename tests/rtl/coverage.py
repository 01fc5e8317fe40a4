#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Line and toggle coverage per module, of what verilator_coverage merged.

Instances of a module count as one, and so do the copies of an unrolled loop: a line, or one bit of a signal, is met
when one of them is. Exclusions (file, pattern, reason) name lines by a part of their text, bits of signals by name; one
that matches nothing missed is an error, so that none grows old. Fails below a floor.
"""
import argparse
import collections
import pathlib
import re
import sys

LINE_FLOOR = 95.0    # percent of every module
TOGGLE_FLOOR = 85.0  # percent of every control module
# What moves data: toggles of narrow signals are shown, but have no floor. Of the array's elements one counts: pe_probe.
DATA = {"tw_lane_pkg", "tw_rq", "tw_vx", "tw_acc", "tw_spm_banks", "tw_param", "tw_mx", "tw_compute"}
# Must be there: a probe that is bound to nothing would count nothing.
NEEDED = {"pe_probe.sv", "tw_array.sv"}


def read(path):
    """{(kind, file, line, what): count}"""
    counts = collections.Counter()
    for row in path.read_text(errors="replace").splitlines():
        if not (match := re.fullmatch(r"C '(.*)' (\d+)", row)):
            continue
        point = dict(part.split("\x02", 1) for part in match[1].split("\x01") if "\x02" in part)
        name = pathlib.Path(point["f"]).name
        kind = "toggle" if point["page"].startswith("v_toggle") else "line"
        what = point["o"] if kind == "toggle" else ""
        counts[kind, name, int(point["l"]), what] += int(match[2])
    return counts


class Exclusion:
    def __init__(self, place, text):
        kind, self.file, self.pattern, self.reason = (text.split(None, 3) + ["", "", "", ""])[:4]
        self.kind = kind
        self.matched = 0
        if kind not in ("line", "toggle") or not self.reason:
            sys.exit(f"error: {place}: is no exclusion: line|toggle, file, pattern, reason")

    def matches(self, kind, file, text):
        return kind == self.kind and self.file in (file, "*") and re.search(self.pattern, text) is not None


def read_exclusions(path):
    return [Exclusion(f"{path}:{number}", line) for number, line in enumerate(path.read_text().splitlines(), 1)
            if line.strip() and not line.startswith("#")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--exclusions", type=pathlib.Path, required=True)
    parser.add_argument("--sources", type=pathlib.Path, nargs="+",
                        default=[*pathlib.Path("rtl/core").glob("*.sv"), pathlib.Path("tests/rtl/tb/pe_probe.sv")])
    parser.add_argument("--missed", action="store_true", help="print what was missed, excluded or not")
    arguments = parser.parse_args()
    exclusions = read_exclusions(arguments.exclusions)
    texts = {path.name: path.read_text().splitlines() for path in arguments.sources}
    figures = collections.defaultdict(lambda: {"line": [0, 0, 0], "toggle": [0, 0, 0]})  # met, of, excluded
    missed = []
    for (kind, file, line, what), count in sorted(read(arguments.data).items()):
        if file not in texts:
            continue  # generated tables
        figure = figures[file][kind]
        text = what or texts[file][line - 1].strip()
        if count == 0:
            # Exclusions of lines also see the line before: a branch is named by its condition.
            context = text if what else " ".join(t.strip() for t in texts[file][max(line - 2, 0):line])
            if chosen := [e for e in exclusions if e.matches(kind, file, context)]:
                for exclusion in chosen:
                    exclusion.matched += 1
                figure[2] += 1
                if arguments.missed:
                    missed.append(f"excluded: {kind} {file}:{line}: {text}")
                continue
            missed.append(f"missed: {kind} {file}:{line}: {text}")
        figure[0] += count != 0
        figure[1] += 1
    failed = report(figures)
    for file in NEEDED - {file for file, kinds in figures.items() if kinds["toggle"][1]}:
        print(f"no toggle of {file} is counted")
        failed = True
    stale = [e for e in exclusions if not e.matched]
    for exclusion in stale:
        print(f"excludes nothing that was missed: {exclusion.kind} {exclusion.file} {exclusion.pattern}")
    if arguments.missed or failed:
        print("\n".join(missed))
    return 1 if failed or stale else 0


def report(figures):
    failed = False
    total = {"line": [0, 0, 0], "toggle": [0, 0, 0]}
    control = [0, 0]
    print(f"{'module':18} {'lines':>22} {'toggles':>22}")
    for file, kinds in sorted(figures.items()):
        name = file.removesuffix(".sv")
        cells = []
        for kind, floor in (("line", LINE_FLOOR), ("toggle", 0 if name in DATA else TOGGLE_FLOOR)):
            met, of, excluded = kinds[kind]
            percent = 100.0 * met / of if of else 100.0
            failed |= percent < floor
            cells.append(f"{met:5} of {of:5} {percent:6.1f} %" + ("!" if percent < floor else " "))
            for i, value in enumerate((met, of, excluded)):
                total[kind][i] += value
            if kind == "toggle" and name not in DATA:
                control[0] += met
                control[1] += of
        print(f"{name:18} {cells[0]:>22} {cells[1]:>22}{' data' if name in DATA else ''}")
    for kind, (met, of, excluded) in total.items():
        print(f"all {kind}s: {met} of {of}, {100.0 * met / max(of, 1):.1f} %, {excluded} excluded")
    print(f"toggles of control modules: {control[0]} of {control[1]}, {100.0 * control[0] / max(control[1], 1):.1f} %")
    return failed


if __name__ == "__main__":
    sys.exit(main())
