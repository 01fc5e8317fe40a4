# SPDX-License-Identifier: Apache-2.0
"""Logic depth of a module: the longest path of two-input gates and two-to-one multiplexers, inverters for nothing.

Counted on the word-level netlist that Yosys writes as JSON, not mapped: each cell counts as a fast circuit of its
width. A path begins and ends at a flip-flop, a memory's port (also one that is read without a clock), an instance or a
port of the module; what an instance contains counts in its own module.
"""

# Bits that are constant in Yosys' JSON are strings, others numbers.
BITWISE = ("$and", "$or", "$xor", "$xnor", "$mux", "$bwmux")
REDUCE = ("$reduce_and", "$reduce_or", "$reduce_xor", "$reduce_xnor", "$reduce_bool", "$logic_not")
SHIFT = ("$shl", "$shr", "$sshl", "$sshr", "$shift", "$shiftx")
COMPARE = ("$lt", "$le", "$gt", "$ge")
EQUAL = ("$eq", "$ne", "$eqx", "$nex")
WIRES = ("$not", "$pos")
BOUNDARIES = ("$dff", "$sdff", "$adff", "$aldff", "$mem", "$paramod", "$meminit", "tw_")


def log(n):
    """Levels of a tree of n leaves."""
    return max(n - 1, 0).bit_length()


def width(bits):
    """Of a number, without the copies of its highest bit."""
    n = len(bits)
    while n > 1 and bits[n - 1] == bits[n - 2]:
        n -= 1
    return n


def is_constant(bits):
    return all(isinstance(bit, str) for bit in bits)


def variables(bits):
    return sum(not isinstance(bit, str) for bit in bits)


def adder(n):
    """A parallel prefix adder: generate, two gates a level, sum."""
    return 2 * log(n) + 2


def multiplier(a, b):
    """Products of bits, a tree of carry-save adders (two gates each), a prefix adder; of a constant its ones count."""
    rows = min(width(a), width(b))
    for bits in (a, b):
        if is_constant(bits):
            rows = bits.count("1")
    if rows < 2:
        return 0
    levels = 0
    while rows > 2:
        rows -= rows // 3
        levels += 1
    return 1 + 2 * levels + adder(width(a) + width(b))


def gates(kind, ports):
    """Levels of a cell."""
    a, b = ports.get("A", []), ports.get("B", [])
    if kind in WIRES:
        return 0
    if kind in BITWISE:
        return 1
    if kind in REDUCE:
        return log(variables(a))
    if kind in ("$logic_and", "$logic_or"):
        return max(log(variables(a)), log(variables(b))) + 1
    if kind in SHIFT:
        return min(variables(b), log(max(len(a), len(ports["Y"]))))
    if kind == "$pmux":
        return 1 + log(len(ports["S"]) + 1)  # select each, then one tree
    if kind in EQUAL:
        if is_constant(a) or is_constant(b):
            return log(variables(a) + variables(b))
        return 1 + log(max(width(a), width(b)))
    if kind in COMPARE:
        return adder(max(width(a), width(b))) - 1
    if kind == "$mod" and is_constant(b) and b.count("1") == 1:
        return 0
    if kind == "$mul":
        return multiplier(a, b)
    if kind in ("$add", "$sub", "$neg"):
        return adder(min(max(width(a), width(b)), len(ports["Y"])))
    raise ValueError(f"no depth is known of a cell {kind}")


def depth(cells):
    """Of the cells of one module, as in Yosys' JSON: a dictionary by name."""
    logic = []     # [kind, ports]
    driver = {}    # bit: index of the cell of logic whose output it is
    for cell in cells.values():
        kind = cell["type"]
        if not kind.startswith(BOUNDARIES):
            for bit in cell["connections"]["Y"]:
                driver[bit] = len(logic)
            logic.append((kind, cell["connections"]))
    readers = [[] for _ in logic]
    missing = [0] * len(logic)
    for index, (_, ports) in enumerate(logic):
        sources = {driver[bit] for name, bits in ports.items() if name != "Y" for bit in bits if bit in driver}
        missing[index] = len(sources)
        for source in sources:
            readers[source].append(index)
    arrival = [0] * len(logic)
    ready = [index for index, count in enumerate(missing) if count == 0]
    for index in ready:  # grows
        arrival[index] += gates(*logic[index])
        for reader in readers[index]:
            arrival[reader] = max(arrival[reader], arrival[index])
            missing[reader] -= 1
            if missing[reader] == 0:
                ready.append(reader)
    if len(ready) != len(logic):
        raise ValueError("cells in a loop")
    return max(arrival, default=0)
