#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Formal proofs of modules of the design (rtl/formal), by Yosys, yosys-smtbmc and z3, or Yosys' own SAT solver.

A task states how it is proved: all inputs of a combinational module, or k-induction over any number of cycles. Then
each mutant of the task, a bug put into the design, must be refuted: a proof that holds with the bug proves nothing.
Prints one line a task, with the depth of the induction and the parameters.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import formal_tasks


def run(command, folder):
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def prepare(task, sources, folder):
    """Writes proof.smt2 of the sources into the folder."""
    parameters = "".join(f"chparam -set {name} {value} {task.top}\n" for name, value in task.parameters.items())
    files = " ".join(str(source) for source in sources)
    (folder / "proof.ys").write_text(
        f"read_verilog -formal -sv {files}\n{parameters}hierarchy -check -top {task.top}\nproc\n"
        # Before the modules are flattened, so that words of memories have names that a harness can connect to.
        "memory_collect\nmemory_map -formal\n"
        "prep -flatten\nasync2sync\ndffunmap\nopt_clean\nwrite_smt2 -wires proof.smt2\n"
    )
    result = run(["yosys", "-q", "proof.ys"], folder)
    if result.returncode:
        sys.exit(f"error: Yosys does not read {task.top}:\n{result.stdout}")


def holds(task, folder, *arguments):
    """Whether z3 says so; the solver's own trouble is an error."""
    # z3 4.8 needs unrolled functions, or it expands them without end.
    options = ["-s", "z3", "--unroll", "--noincr", "--logic", task.logic]
    result = run(["yosys-smtbmc", *options, *arguments, "proof.smt2"], folder)
    if "Status: PASSED" in result.stdout:
        return True, ""
    if "Status: FAILED" in result.stdout:
        return False, result.stdout
    sys.exit(f"error: no answer from yosys-smtbmc:\n{result.stdout[-2000:]}")


def holds_by_yosys(task, sources, folder):
    """The same of one cycle: inputs and registers are free."""
    parameters = "".join(f"chparam -set {name} {value} {task.top}\n" for name, value in task.parameters.items())
    files = " ".join(str(source) for source in sources)
    (folder / "proof.ys").write_text(
        f"read_verilog -formal -sv {files}\n{parameters}hierarchy -check -top {task.top}\nprep -flatten\nopt -full\n"
        "async2sync\ndffunmap\nexpose -evert-dff\ntechmap\nopt\nopt_clean\n"
        "sat -prove-asserts -set-assumes -verify\n"
    )
    result = run(["yosys", "-q", "proof.ys"], folder)
    if result.returncode == 0:
        return True, ""
    if "proof did fail" in result.stdout:
        return False, result.stdout
    sys.exit(f"error: no answer from Yosys:\n{result.stdout[-2000:]}")


def prove(task, sources, folder):
    """What does not hold, or an empty text."""
    if task.by_yosys:
        good, text = holds_by_yosys(task, sources, folder)
        return "" if good else text[-3000:]
    prepare(task, sources, folder)
    good, text = holds(task, folder, "-t", str(task.base))
    if good and task.induction:
        good, text = holds(task, folder, "-i", "-t", str(task.induction))
    return "" if good else text[-3000:]


def mutated(task, mutant, sources, folder):
    """The sources, with one text of one file replaced."""
    name, old, new = mutant
    result = []
    for source in sources:
        if source.name == name:
            text = source.read_text()
            if text.count(old) != 1:
                sys.exit(f"error: '{old}' stands {text.count(old)} times in {name}, not once: mend this mutant of "
                         f"{task.top}")
            source = folder / name
            source.write_text(text.replace(old, new))
        result.append(source)
    return result


def check(name, task, root, generated):
    start = time.time()
    sources = [generated / "tw_isa_pkg.sv"]
    sources += [generated / source if (generated / source).exists() else root / "rtl/core" / source
                for source in task.design]
    sources.append(root / "rtl/formal" / task.harness)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        if text := prove(task, sources, folder):
            print(f"{name}: does not hold\n{text}")
            return False
        for mutant in task.mutants:
            if not prove(task, mutated(task, mutant, sources, folder), folder):
                print(f"{name}: holds although '{mutant[1]}' in {mutant[0]} is '{mutant[2]}'")
                return False
    how = f"{task.induction}-induction, base {task.base} cycles" if task.induction else "all inputs"
    parameters = "".join(f", {key} = {value}" for key, value in task.parameters.items())
    print(f"{name}: proved, {how}{parameters}; {len(task.mutants)} mutants refuted; {time.time() - start:.1f} s")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, help="of the source tree")
    parser.add_argument("--generated", type=pathlib.Path, help="folder of tw_isa_pkg.sv and tw_line_check.sv")
    parser.add_argument("--list", action="store_true", help="print the names of the quick tasks")
    parser.add_argument("tasks", nargs="*", help="names; all without")
    arguments = parser.parse_args()
    if arguments.list:
        print(";".join(name for name, task in formal_tasks.TASKS.items() if task.is_quick), end="")
        return
    names = arguments.tasks or list(formal_tasks.TASKS)
    good = [check(name, formal_tasks.TASKS[name], arguments.root.resolve(), arguments.generated.resolve())
            for name in names]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
