#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: the list of allowed edges between directories, checked in #include lines and in CMake.

The two halves of the product, compiler and running half, meet only in isa. An edge that is not in ALLOWED is an error
even if it happens to compile.
"""
import os
import re

import style
from style import Finding

EVERYTHING = {"isa", "ir", "tensorize", "codegen", "simulator", "rtl", "drivers"} | {
    f"drivers/transports/{name}" for name in ("null", "functional", "cycle", "rtl")
}

# node -> nodes whose public headers (and targets) it may use. A node is a top directory or one transport.
ALLOWED = {
    "isa": set(),
    "ir": {"isa"},
    "tensorize": {"isa", "ir"},
    "codegen": {"isa", "ir", "tensorize"},
    "simulator": {"isa"},
    "rtl": {"isa"},
    "drivers": {"isa"},
    "drivers/transports/null": {"isa", "drivers"},
    "drivers/transports/functional": {"isa", "drivers", "simulator"},
    "drivers/transports/cycle": {"isa", "drivers", "simulator"},
    "drivers/transports/rtl": {"isa", "drivers", "rtl"},
    "tools": EVERYTHING,
    "tests": EVERYTHING | {"support", "tools"},
}

# Headers that are not ours: (pattern, what it is, prefixes of the paths that may include it).
FOREIGN = [
    (r"systemc(\.h)?$|tlm|sysc/", "SystemC", ["simulator/lib/cycle/SystemC"]),
    (r"mlir(-c)?/", "MLIR", ["ir/", "tensorize/", "codegen/", "tools/", "tests/"]),
    (r"llvm/TableGen/", "LLVM TableGen", ["isa/gen/"]),
    (r"llvm(-c)?/", "LLVM", ["isa/", "ir/", "tensorize/", "codegen/", "tools/", "tests/"]),
    (r"onnx/|google/protobuf/", "ONNX", ["ir/", "tests/"]),
    (r"verilated|V[a-z]\w*\.h$", "a Verilated model", ["rtl/", "tests/"]),
    (r"gtest/|gmock/|benchmark/", "a test library", ["tests/"]),
]

# Targets of cmake/TwPackages.cmake that reach such headers.
FOREIGN_TARGETS = {
    "tw_systemc": {"simulator", "tests"},
    "tw_onnx": {"ir", "tests"},
    "tw_mlir_everything": {"tools", "tests"},
    "MLIR": {"ir", "tensorize", "codegen", "tools", "tests"},
    "LLVM": {"isa", "ir", "tensorize", "codegen", "tools", "tests"},
    "LLVMTableGen": {"isa"},
}

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
SOURCE = (".c", ".cpp", ".h")
# tw_isa_core and the driver core are what an installed system carries: nothing but the standard library (and libc).
BARE = re.compile(r"(llvm|llvm-c|mlir|mlir-c|boost|onnx|google)/")


def node_of(path):
    """The node of a file, or None for one outside the layers (cmake, docs)."""
    parts = path.split("/")
    if parts[:2] == ["drivers", "transports"] and len(parts) > 3:
        return "/".join(parts[:3])
    return parts[0] if parts[0] in ALLOWED else None


def may_use(user, used):
    return used == user or used in ALLOWED.get(user, set())


def allowed_text(node):
    names = sorted(ALLOWED.get(node, set()))
    return ", ".join(names) if names else "nothing"


def check_includes(root, paths):
    for path in paths:
        node = node_of(path)
        if node is None or not path.endswith(SOURCE):
            continue
        for number, line in enumerate(style.lines(root, path), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            name = match[2]
            ours = re.match(r"tw/([^/]+)/", name)
            if ours:
                if node not in ALLOWED:
                    yield Finding(path, number, f"'{node}' is not in ALLOWED of check_layering.py; add it")
                elif not may_use(node, ours[1]):
                    yield Finding(path, number, f"{node} includes tw/{ours[1]}, it may use {allowed_text(node)}")
                continue
            if match[1] == '"' and ".." in name.split("/"):
                target = os.path.normpath(os.path.join(os.path.dirname(path), name))
                if node_of(target) != node:
                    yield Finding(path, number, f"reaches into '{target}' by a relative path; use its public header")
                continue
            for pattern, what, prefixes in FOREIGN:
                if re.match(pattern, name):
                    if not any(path.startswith(prefix) for prefix in prefixes):
                        yield Finding(path, number, f"includes {what} ({name}), allowed only in {', '.join(prefixes)}")
                    break


def cmake_calls(text):
    """(line, command, words) for each call in a CMake file; comments and quotes are dropped."""
    text = re.sub(r"#[^\n]*", "", text)
    for match in re.finditer(r"(\w+)\s*\(([^()]*)\)", text):
        line = text.count("\n", 0, match.start()) + 1
        yield line, match[1], match[2].replace('"', " ").split()


def check_cmake(root, paths):
    owner = {}
    uses = []
    for path in paths:
        if os.path.basename(path) != "CMakeLists.txt" or node_of(path) is None:
            continue
        node = node_of(path)
        for line, command, words in cmake_calls("\n".join(style.lines(root, path))):
            if not words:
                continue
            user = node
            if command in ("tw_add_library", "add_library", "tw_verilate"):
                # A transport may be described in drivers/CMakeLists.txt: its sources say which one it is.
                for word in words[1:]:
                    place = node_of(os.path.normpath(os.path.join(os.path.dirname(path), word)))
                    if place and place.startswith("drivers/transports/"):
                        user = place
                owner[words[0]] = user
            if command in ("tw_add_library", "target_link_libraries"):
                uses.append((path, line, user, words))
    for path, line, user, words in uses:
        user = owner.get(words[0], user)
        for word in words[1:]:
            users = FOREIGN_TARGETS.get(word)
            if users and user not in users:
                yield Finding(path, line, f"{user} links {word}, allowed only in {', '.join(sorted(users))}")
            used = owner.get(word)
            if used and not may_use(user, used):
                yield Finding(path, line, f"{words[0]} ({user}) links {word} ({used}), it may use {allowed_text(user)}")


def check_bare(root, paths):
    """tw_isa_core and the driver core, with every isa header that they reach, stay free of foreign libraries."""
    known = set(paths)
    start = [path for path in paths if path.startswith("drivers/lib/") and path.endswith(SOURCE)]
    if "isa/CMakeLists.txt" in known:
        for _, command, words in cmake_calls("\n".join(style.lines(root, "isa/CMakeLists.txt"))):
            if command == "tw_add_library" and words[0] == "tw_isa_core":
                start += [f"isa/{word}" for word in words if f"isa/{word}" in known]
    seen = set()
    todo = [(path, path) for path in start]
    while todo:
        path, origin = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        for number, line in enumerate(style.lines(root, path), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            if BARE.match(match[2]):
                yield Finding(path, number, f"{match[2]} is reached from {origin}, which may use the standard library "
                                            "only")
            header = f"isa/include/{match[2]}"
            if header in known:
                todo.append((header, origin))


def check(root):
    paths = style.files(root)
    return list(check_includes(root, paths)) + list(check_cmake(root, paths)) + list(check_bare(root, paths))


if __name__ == "__main__":
    style.main(check, __doc__.splitlines()[0])
