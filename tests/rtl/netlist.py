# SPDX-License-Identifier: Apache-2.0
"""Netlists of the design's modules as Yosys reads them, each module on its own, what it contains as empty ones.

A module's figures depend on its source, the packages that it names, the ports of what it contains and its parameters:
they are kept under the hash of these. What a module contains is known when it has been read, so the walk goes from the
top down.
"""
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import resource
import subprocess
import tempfile

import depth
import processes

FLIP_FLOPS = ("$dff", "$dffe", "$sdff", "$sdffe", "$adff")
MEMORY_READS, MEMORY_WRITES = ("$memrd", "$memrd_v2"), ("$memwr", "$memwr_v2", "$meminit", "$meminit_v2")

# `proc` in two halves. `proc_rom` looks for switches that assign one signal, so it comes before processes are split.
ELABORATE = "proc_clean\nproc_rmdead\nproc_rom\nwrite_rtlil elaborated.il\n"
FINISH = ("read_rtlil split.il\nproc_prune\nproc_init\nproc_arst\nproc_mux\nproc_dlatch\nproc_dff\n"
          "proc_memwr\nproc_clean\nopt_expr -keepdc\nwrite_json netlist.json\n")

# Of one run of Yosys: seconds, bytes of address space.
Limits = collections.namedtuple("Limits", "seconds bytes")


class NetlistError(Exception):
    """Yosys refuses a module, or a limit was met."""


def yosys(script, folder, limits):
    """Runs a script; what it says when it fails."""
    (folder / "script.ys").write_text(script)

    def restrict():
        os.nice(10)
        resource.setrlimit(resource.RLIMIT_AS, (limits.bytes, limits.bytes))

    try:
        result = subprocess.run(["yosys", "-q", "script.ys"], cwd=folder, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, timeout=limits.seconds, preexec_fn=restrict)
    except subprocess.TimeoutExpired:
        raise NetlistError(f"not finished in {limits.seconds} s, the limit of one run of Yosys (--seconds)") from None
    if result.returncode:
        raise NetlistError(f"Yosys fails (limit of its memory: {limits.bytes >> 30} GiB):\n{result.stdout[-3000:]}")


class Design:
    """Sources by what they declare; each file holds one package or one module."""

    def __init__(self, paths):
        self.packages, self.modules = {}, {}
        for path in paths:
            text = pathlib.Path(path).read_text()
            kind, name = re.search(r"(?m)^(package|module) (\w+)", text).groups()
            (self.packages if kind == "package" else self.modules)[name] = text

    def header(self, module):
        """A module with nothing in it."""
        text = self.modules[module]
        start = text.index(f"\nmodule {module}") + 1
        return f"{text[start:text.index(');', text.index('_i', start))]});\nendmodule\n"

    def parts(self, module):
        """Of a module: (packages and empty modules, its own text)."""
        text = self.modules[module]
        code = re.sub(r"//.*", "", text)
        inner = [self.header(name) for name in self.modules if name != module and re.search(rf"\b{name}\b", code)]
        needed = set()
        work = [code, *inner]
        while work:
            found = set(re.findall(r"\b(\w+)::", work.pop())) - needed
            needed |= found
            work += [self.packages[name] for name in found]
        return [self.packages[name] for name in self.packages if name in needed] + inner, text


def base_name(module):
    """tw_array of $paramod\\tw_array\\N=..., nothing of a cell of Yosys."""
    return next((part for part in module.split("\\") if part.startswith("tw_")), None)


def ports_of(cell, direction):
    """[(port, bits)]"""
    return [(port, bits) for port, bits in cell["connections"].items() if cell["port_directions"][port] == direction]


def drivers_of(module):
    """{bit: name of the cell or port that drives it}; each bit that is read has one driver. Yosys' own `check` finds no
    more, and takes most of the time at tw64."""
    drivers, read = {}, {}

    def drive(bits, what):
        for bit in bits:
            if bit in drivers or isinstance(bit, str):
                raise NetlistError(f"conflicting drivers: {what} and {drivers.get(bit, 'a constant')}")
            drivers[bit] = what

    for name, port in module["ports"].items():
        if port["direction"] == "input":
            drive(port["bits"], name)
        else:
            read |= dict.fromkeys(port["bits"], name)
    for name, cell in module["cells"].items():
        for _, bits in ports_of(cell, "output"):
            drive(bits, name)
        for port, bits in ports_of(cell, "input"):
            read |= dict.fromkeys(bits, f"{port} of {name}")
    for bit, what in read.items():
        if bit not in drivers and not isinstance(bit, str):
            raise NetlistError(f"no driver for {what}")
    return drivers


def used_cells(module):
    """The cells on which an output depends, and the names of memories that are read among them."""
    drivers, cells = drivers_of(module), module["cells"]
    writes = {}
    for name, cell in cells.items():
        if cell["type"] in MEMORY_WRITES:
            writes.setdefault(cell["parameters"]["MEMID"], []).append(name)
    used, memories = {}, set()
    work = [drivers[bit] for port in module["ports"].values() for bit in port["bits"] if bit in drivers]
    while work:
        name = work.pop()
        if name in used or name not in cells:
            continue
        cell = used[name] = cells[name]
        work += {drivers[bit] for _, bits in ports_of(cell, "input") for bit in bits if bit in drivers}
        if cell["type"] in MEMORY_READS and cell["parameters"]["MEMID"] not in memories:
            memories.add(cell["parameters"]["MEMID"])
            work += writes.get(cell["parameters"]["MEMID"], ())
    return used, {name.removeprefix("\\") for name in memories}


def value_of(bits):
    """A parameter of an instance as Verilog: `int` unless it is of another width."""
    if len(bits) == 32:
        return str(int(bits, 2) - (int(bits[0]) << 32))
    return f"{len(bits)}'h{int(bits, 2):x}"


def figures_of(module):
    """[cells, flip-flop bits, memory bits, depth] of what an output depends on, and those cells."""
    cells, memories = used_cells(module)
    flip_flops = [cell for cell in cells.values() if cell["type"] in FLIP_FLOPS]
    words = [cell for cell in cells.values() if cell["type"].startswith("$") and base_name(cell["type"]) is None]
    bits = sum(module["memories"][name]["width"] * module["memories"][name]["size"] for name in memories)
    return [len(words) - len(flip_flops), sum(len(cell["connections"]["Q"]) for cell in flip_flops), bits,
            depth.depth(cells)], cells


def elaborate(module, parameters, before, text, folder, limits):
    """Writes split.il: a module in which the module stands with these parameters, itself marked `measured`."""
    values = ", ".join(f".{name}({value})" for name, value in parameters.items())
    files = [*before, re.sub(r"(?m)^module ", "(* measured *)\nmodule ", text),
             f"module measured_top;\n  {module} #({values}) u();\nendmodule\n"]
    for number, source in enumerate(files):
        (folder / f"{number}.sv").write_text(source)
    names = " ".join(f"{number}.sv" for number in range(len(files)))
    yosys(f"read_verilog -sv -DTW_SYNTHESIS -defer {names}\nhierarchy -check -top measured_top\n" + ELABORATE,
          folder, limits)
    (folder / "split.il").write_text(processes.split((folder / "elaborated.il").read_text()))


def measure(module, parameters, before, text, limits):
    """{"figures": [cells, flip-flop bits, memory bits, depth], "contains": [[module, {parameter: value}]]}."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        elaborate(module, parameters, before, text, folder, limits)
        yosys(FINISH, folder, limits)
        with (folder / "netlist.json").open() as netlist:
            modules = json.load(netlist)["modules"]
        figures, cells = figures_of(next(body for body in modules.values() if "measured" in body["attributes"]))
    contains = []
    for kind in {cell["type"] for cell in cells.values()} & modules.keys():
        values = modules[kind].get("parameter_default_values", {})
        contains.append([base_name(kind), {name: value_of(bits) for name, bits in values.items()}])
    return {"figures": figures, "contains": contains}


def write_whole(path, text):
    """No reader sees half of it."""
    path.with_suffix(f".{os.getpid()}").write_text(text)
    path.with_suffix(f".{os.getpid()}").rename(path)


def kept(cache, module, parameters, before, text, limits):
    """What `measure` finds, from the folder of what is known if it is there."""
    own = [pathlib.Path(file).read_text() for file in (__file__, depth.__file__, processes.__file__)]
    version = subprocess.run(["yosys", "-V"], capture_output=True, text=True, check=True).stdout
    key = hashlib.sha256(json.dumps([own, version, module, parameters, before, text]).encode()).hexdigest()
    path = cache / f"{module}-{key[:32]}.json"
    if path.exists():
        return json.loads(path.read_text())
    result = measure(module, parameters, before, text, limits)
    cache.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(result))
    return result


def figures(paths, top, cache, jobs, limits):
    """{module: figures} of all that the top module contains, the largest of a module's variants."""
    design = Design(paths)
    rows, seen, running = {}, set(), {}
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:

        def start(module, parameters):
            variant = (module, *sorted(parameters.items()))
            if variant not in seen:
                seen.add(variant)
                task = pool.submit(kept, cache, module, parameters, *design.parts(module), limits)
                running[task] = variant

        start(top, {})
        while running:
            done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for task in done:
                module, *parameters = running.pop(task)
                try:
                    result = task.result()
                except (NetlistError, ValueError) as error:
                    pool.shutdown(cancel_futures=True)
                    raise NetlistError(f"{module} with {dict(parameters)}: {error}") from None
                rows[module] = [max(pair) for pair in zip(result["figures"], rows.get(module, result["figures"]))]
                for name, values in result["contains"]:
                    start(name, values)
    return dict(sorted(rows.items()))
