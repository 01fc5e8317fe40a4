# SPDX-License-Identifier: Apache-2.0
"""The generated C header in Python: numbers of the table, and lines of instructions."""
import os
import pathlib
import re

HEADER = pathlib.Path(os.environ["TW_ISA_HEADER"]).read_text()
NUMBERS = {name: int(value, 0) for name, value in
           re.findall(r"#define TW_(\w+) (0x[0-9a-fA-F]+|\d+)(?:u|ull)?\b", HEADER)}
FIELDS = {name: (int(lsb), int(width)) for name, lsb, width in
          re.findall(r"#define TW_FIELD_(\w+) (\d+), (\d+)", HEADER)}


def register(name):
    return NUMBERS["REG_" + name]


def region_register(region, name):
    return NUMBERS["REGION_REGISTERS"] + region * NUMBERS["REGION_REGISTER_STRIDE"] + NUMBERS["REGION_" + name]


def line(mnemonic, **fields):
    """An instruction of 64 bytes without waits and posts."""
    bits = NUMBERS["OP_" + mnemonic.upper()]
    for name, value in fields.items():
        lsb, width = FIELDS[f"{mnemonic}_{name}".upper()]
        assert 0 <= value < 1 << width, f"{mnemonic}: {name} = {value} does not fit {width} bits"
        bits |= value << lsb
    return bits.to_bytes(NUMBERS["LINE_BYTES"], "little")
