# SPDX-License-Identifier: Apache-2.0
"""Splits the processes of an RTLIL file, so that Yosys turns them into multiplexers in reasonable time.

For each signal that a process assigns, `proc_mux` looks at every assignment of the process: a process for N lanes costs
the square of N. The right-hand sides name wires whose values do not depend on the order of assignments, so what a
process assigns to some wires can stand in a process of its own, with the switches around it, and becomes the same
multiplexers. Wires that are assigned together (`{ \\a \\b }`) stay together.
"""

# Parts of a process at most: `proc_dff` reads the whole module for each. And assignments that are worth a part.
PARTS = 512
LEAST = 4


class Switch:
    def __init__(self, head):
        self.head = head        # lines: attributes, then `switch`
        self.cases = []         # lines of the head of each


def targets(line):
    """The wires on the left of an assignment."""
    words = line.split()[1:]
    if words[0] == "{":
        words = words[1:words.index("}")]
    else:
        words = words[:1]
    return [word for word in words if word[0] in "\\$"]


def is_update(line):
    return line.split(None, 1)[0] == "update"


class Groups:
    """Wires that are assigned together."""

    def __init__(self):
        self.parent = {}

    def find(self, wire):
        parent = self.parent.setdefault(wire, wire)
        while parent != self.parent[parent]:
            self.parent[parent] = self.parent[self.parent[parent]]
            parent = self.parent[parent]
        return parent

    def join(self, wires):
        first = self.find(wires[0])
        for wire in wires[1:]:
            self.parent[self.find(wire)] = first
        return first


def read_cases(lines, at):
    """Assignments of a process as ([(switch, index of its case), ...] around it, line), and the index behind them."""
    found = []
    path = []
    attributes = []
    while True:
        line = lines[at]
        word = line.split(None, 1)[0]
        if word == "attribute":
            attributes.append(line)
        elif word == "switch":
            path.append([Switch([*attributes, line]), -1])
        elif word == "case":
            path[-1][0].cases.append([*attributes, line])
            path[-1][1] += 1
        elif word == "assign":
            if targets(line):
                found.append(([tuple(step) for step in path], line))
        elif word == "end" and path:
            path.pop()
        else:                   # sync, or the end of the process
            return found, at
        if word != "attribute":
            attributes = []
        at += 1


def read_syncs(lines, at):
    """Of a process: [(line of the sync, [lines of what it does, attributes with it])], index behind its end."""
    found = []
    attributes = []
    while lines[at].strip() != "end":
        line = lines[at]
        word = line.split(None, 1)[0]
        if word == "sync":
            found.append((line, []))
        elif word == "attribute":
            attributes.append(line)
        else:
            found[-1][1].append([*attributes, line])
            attributes = []
        at += 1
    return found, at + 1


def write_tree(tree, out):
    """tree: [line or [switch, {case: tree}]]"""
    for item in tree:
        if isinstance(item, str):
            out.append(item)
            continue
        switch, bodies = item
        out += switch.head
        for index, head in enumerate(switch.cases):
            out += head
            write_tree(bodies.get(index, ()), out)
        out.append(switch.head[-1].replace(switch.head[-1].strip(), "end"))


def tree_of(assigns):
    """The assignments of one part with the switches around them."""
    root = []
    for path, line in assigns:
        tree = root
        for switch, index in path:
            if not tree or isinstance(tree[-1], str) or tree[-1][0] is not switch:
                tree.append([switch, {}])
            tree = tree[-1][1].setdefault(index, [])
        tree.append(line)
    return root


def split_process(head, assigns, syncs, least, out):
    """head: lines with the process's attributes and name."""
    groups = Groups()
    for _, line in assigns:
        groups.join(targets(line))
    sizes = {}
    for _, line in assigns:
        wire = groups.find(targets(line)[0])
        sizes[wire] = sizes.get(wire, 0) + 1
    part_of = {}
    room = 0                    # for assignments in the last part
    parts = [([], {})]
    for wire, size in sizes.items():
        if room <= 0 and part_of:
            parts.append(([], {}))
        if room <= 0:
            room = max(least, len(assigns) // PARTS)
        part_of[wire] = len(parts) - 1
        room -= size
    for path, line in assigns:
        parts[part_of[groups.find(targets(line)[0])]][0].append((path, line))
    for index, (_, actions) in enumerate(syncs):
        # An update may stand anywhere; writes to memories stay together, in their order.
        for number, action in enumerate(actions):
            part = number * len(parts) // len(actions) if is_update(action[-1]) else 0
            parts[part][1].setdefault(index, []).extend(action)
    for number, (part, actions) in enumerate(parts):
        out += head[:-1]
        out.append(head[-1] if number == 0 else f"{head[-1]}$part{number}")
        write_tree(tree_of(part), out)
        for index, (line, _) in enumerate(syncs):
            out.append(line)
            out += actions.get(index, ())
        out.append("  end")


def split(text, least=LEAST):
    """The same design with processes of `least` assignments where wires need not stay together."""
    lines = text.split("\n")
    out = []
    attributes = []
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("  attribute "):
            attributes.append(line)
        elif line.startswith("  process "):
            assigns, at = read_cases(lines, at)
            syncs, at = read_syncs(lines, at)
            split_process([*attributes, line], assigns, syncs, least, out)
            attributes = []
        else:
            out += attributes
            out.append(line)
            attributes = []
    return "\n".join(out)
