#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mutation coverage: how many small defects of the design do random programs catch?

`write` puts mutants (mutants.py) into copies of the sources and their list beside them; the plug-in built of those runs
the mutant that TW_RTL_MUTANT names. `run` compares each with the cycle model, by random programs in lock-step: first
few, then many; then it runs the directed tests, those of hosts and of control, and conformance. The first difference, a
hang or a crash catches it. Survivors are printed and must stand in the list of those explained, which must not name a
mutant that is caught: file, operator and text without the line, and the reason in the lines below.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import mutants as m

SAMPLE_FLOOR = 0.75  # of a sample, by few programs alone
TIMEOUT = 120  # seconds of processor time of one process: a mutant that hangs is caught, on a busy machine no other
PATIENCE = 1200  # seconds, for one that sleeps


def write(arguments):
    texts = {source.name: source.read_text() for source in arguments.sources}
    everything = [mutant for name, text in texts.items() for mutant in m.mutate(name, text)]
    chosen = m.choose(everything, arguments.after or arguments.count)
    if arguments.after:  # another group: none of these
        taken = {(mutant.file, mutant.begin, mutant.after) for mutant in chosen}
        chosen = m.choose([mutant for mutant in everything if mutant.file in arguments.files
                           and (mutant.file, mutant.begin, mutant.after) not in taken], arguments.count)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "tw_mutant_pkg.sv").write_text(m.PACKAGE)
    for name, text in texts.items():
        (arguments.folder / name).write_text(m.rewrite(text, [mutant for mutant in chosen if mutant.file == name]))
    rows = [{"number": mutant.number, "file": mutant.file, "text": str(mutant)} for mutant in chosen]
    (arguments.folder / "mutants.json").write_text(json.dumps(rows, indent=1))


def ends(command, arguments, number):
    """How a command catches a mutant; None when it ends well."""
    environment = dict(os.environ, TW_RTL_DIR=str(arguments.plugins), TW_RTL_MUTANT=str(number))
    try:
        result = subprocess.run(["prlimit", f"--cpu={TIMEOUT}:{TIMEOUT + 5}", *command], env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return "time-out"
    if result.returncode == 0:
        return None
    if result.returncode == -signal.SIGXCPU:
        return "time-out"
    if result.returncode < 0:
        return "crash"
    return ([line for line in result.stdout.splitlines() if line.strip()] or ["silent"])[-1][:200]


def catch(arguments, number):
    """None, or how the first of all that look at a mutant caught it."""
    for first, programs in arguments.steps:
        command = [arguments.bin / "tw-cosim", "--config", "tw8", "--models", "cycle,rtl", "--kits", "",
                   "--conditions", "1", "--seed", str(first), "--programs", str(programs)]
        if how := ends(command, arguments, number):
            return how
    if arguments.sample:
        return None
    for suite, tests in (("tw_cosim_test", "DirectedTest.*:EveryCycleTest.*:Models/HostTest.*/rtl"),
                         ("tw_rtl_test", "*ControlTest*/0"), ("tw_conformance_test", "*rtl*")):
        if how := ends([arguments.bin / suite, "--gtest_brief=1", f"--gtest_filter={tests}"], arguments, number):
            return f"{suite}: {how}"
    return None


def read_explained(path):
    """{text of a mutant without its line: reason}: lines move."""
    explained = {}
    text = None
    for line in path.read_text().splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("  "):
            explained[text] = (explained[text] + " " + line.strip()).strip()
        else:
            text = line.strip()
            explained[text] = ""
    return explained


def without_line(text):
    file, _, rest = text.split(":", 2)
    return f"{file}:{rest}"


def run(arguments):
    rows = json.loads((arguments.folder / "mutants.json").read_text())
    explained = read_explained(arguments.explained)
    begin = time.time()
    if wrong := catch(arguments, 0):
        sys.exit(f"error: without a mutant something fails: {wrong}")
    by_file, survivors, caught = {}, [], set()
    if arguments.sample:
        rows = rows[::len(rows) // arguments.sample]
    if arguments.numbers:
        rows = [row for row in rows if row["number"] in arguments.numbers]
    pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
    for row, how in zip(rows, pool.map(lambda row: catch(arguments, row["number"]), rows)):
        tally = by_file.setdefault(row["file"], [0, 0])
        tally[0] += 1
        if how:
            tally[1] += 1
            caught.add(without_line(row["text"]))
        else:
            survivors.append(row)
        print(f"{row['number']:4} {'survived' if how is None else 'caught'}: {row['text']}"
              + (f"\n       {how}" if arguments.verbose and how else ""), flush=True)
    total, killed = (sum(tally[i] for tally in by_file.values()) for i in (0, 1))
    for name, tally in by_file.items():
        print(f"{name:20} {tally[1]:4} of {tally[0]:4} caught")
    unexplained = [row["text"] for row in survivors if without_line(row["text"]) not in explained]
    alive = {without_line(row["text"]) for row in survivors}  # perhaps on another line than one that was caught
    stale = sorted((caught - alive) & set(explained))
    for row in survivors:
        print(f"survived: {row['text']}\n  {explained.get(without_line(row['text']), 'unexplained')}")
    for text in stale:
        print(f"explained, but caught: {text}")
    print(f"{killed} of {total} mutants caught, {100 * killed / max(total, 1):.1f} %; {len(survivors)} survive, "
          f"{len(unexplained)} of them unexplained; {(time.time() - begin) / 60:.1f} minutes")
    if arguments.sample:
        return 0 if killed >= total * SAMPLE_FLOOR else 1
    return 1 if unexplained or stale else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    writer = verbs.add_parser("write")
    writer.add_argument("--count", type=int, required=True, help="about so many mutants")
    writer.add_argument("--folder", type=pathlib.Path, required=True)
    writer.add_argument("--after", type=int, help="none of the group of so many; of --files alone")
    writer.add_argument("--files", nargs="*", default=[], help="names of sources")
    writer.add_argument("sources", type=pathlib.Path, nargs="+")
    writer.set_defaults(verb=write)
    runner = verbs.add_parser("run")
    runner.add_argument("--folder", type=pathlib.Path, required=True, help="of mutants.json")
    runner.add_argument("--plugins", type=pathlib.Path, required=True, help="where the plug-in is tw_rtl_tw8.so")
    runner.add_argument("--bin", type=pathlib.Path, required=True, help="folder of tw-cosim and the suites")
    runner.add_argument("--explained", type=pathlib.Path, required=True, help="survivors and why")
    runner.add_argument("--steps", type=lambda text: tuple(int(n) for n in text.split(":")), nargs="+",
                        default=[(1, 12), (13, 600)], help="seed:programs of each sweep until the mutant is caught")
    runner.add_argument("--numbers", type=int, nargs="*", help="these mutants only")
    runner.add_argument("--sample", type=int,
                        help="about so many mutants, by random programs alone; no list of survivors")
    runner.add_argument("--verbose", action="store_true", help="how each was caught")
    runner.set_defaults(verb=run)
    arguments = parser.parse_args()
    return arguments.verb(arguments) or 0


if __name__ == "__main__":
    sys.exit(main())
