# SPDX-License-Identifier: Apache-2.0
"""A job that computes, with the AXI agents of cocotbext-axi for host and memory: nobody here has written them."""
import itertools
import logging
import pathlib
import random
import re
import struct

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam, AxiResp

import table as tw

N, ROWS = 8, 24  # lanes of tw8; rows of the product
RECORDS, CODE, CONST, ARENA = 0x1000, 0x2000, 0x3000, 0x8000
WEIGHTS, INPUTS, RESULTS = 0x400, 0x800, 0x0  # in CONST, CONST, ARENA
ZERO, MULTIPLIER = 5, 2.0**-7
MARKER = 0x45444E54
LIMIT = 20000  # cycles


PORTS = re.findall(r"\b(?:input|output) +logic +(?:\[[^\]]*\] *)?(\w+)",
                   pathlib.Path(__file__).with_name("tw_axi.sv").read_text())


async def start(dut):
    for port in PORTS:  # Verilator 5.006 gives a copy of a port that is found by searching: each once by its name
        getattr(dut, port)
    cocotb.start_soon(Clock(dut.clk, 10, units="ns").start())
    host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
    memory = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=1 << 16)
    for part in (host.write_if, host.read_if, memory.write_if, memory.read_if):
        part.log.setLevel(logging.WARNING)
    dut.rst.value = 1
    await ClockCycles(dut.clk, 8)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 2)
    return host, memory


def pause(host, memory, seed):
    """Every channel of both agents stalls at random, each in its own way: addresses and data come apart."""
    draw = random.Random(seed)
    for part in (host.write_if.aw_channel, host.write_if.w_channel, host.write_if.b_channel, host.read_if.ar_channel,
                 host.read_if.r_channel, memory.write_if.aw_channel, memory.write_if.w_channel,
                 memory.write_if.b_channel, memory.read_if.ar_channel, memory.read_if.r_channel):
        share = draw.uniform(0.2, 0.8)
        part.set_pause_generator(draw.random() < share for _ in itertools.count())


def copy(mnemonic, region, offset, spm, rows):
    return tw.line(mnemonic, region=region, offset=offset, spm=spm, n0=rows, n1=1, n2=1, n3=1)


def program():
    """Multiplies ROWS rows by a block of weights, requantises and stores them."""
    fence = tw.line("fence")
    return [tw.line("ldp", region=1, offset=0, dst=0, count=3), copy("ldw", 1, WEIGHTS, 0x4000, N),
            copy("ld", 1, INPUTS, 0, ROWS), fence,
            tw.line("gemm", x=0, x_ms=N, m_n=ROWS, k_n=1, oc_n=1, w=0x4000, acc=0), fence,
            tw.line("drq", acc=0, oc_n=1, oh_n=1, ow_n=ROWS, y=0x8000, y_ws=N), fence,
            copy("st", 2, RESULTS, 0x8000, ROWS), fence, tw.line("end")]


def operands(memory, seed):
    """Puts parameters, weights and inputs into memory; the results that must come."""
    draw = random.Random(seed)
    weights = [[draw.randint(-128, 127) for _ in range(N)] for _ in range(N)]
    inputs = [[draw.randint(-128, 127) for _ in range(N)] for _ in range(ROWS)]
    bias = [draw.randint(-5000, 5000) for _ in range(N)]
    head = struct.pack("<I", ZERO | 0x80 << 8 | 0x7F << 16) + bytes(4 * N - 4)
    memory.write(CONST, head + struct.pack(f"<{N}i", *bias) + struct.pack(f"<{N}f", *[MULTIPLIER] * N))
    memory.write(CONST + WEIGHTS, b"".join(struct.pack(f"{N}b", *row) for row in weights))
    memory.write(CONST + INPUTS, b"".join(struct.pack(f"{N}b", *row) for row in inputs))
    memory.write(ARENA, bytes(ROWS * N))
    results = b""
    for row in inputs:
        sums = [bias[c] + sum(row[k] * weights[k][c] for k in range(N)) for c in range(N)]
        # Python's round is half to even, and the products are exact.
        results += struct.pack(f"{N}b", *[max(-128, min(127, round(s * MULTIPLIER) + ZERO)) for s in sums])
    return results


async def run(dut, host, memory, in_bytes=False):
    """One job; its completion record. Registers are written whole, or byte by byte in any order."""
    draw = random.Random(3)

    async def write(offset, value, size=4):
        data = value.to_bytes(size, "little")
        if not in_bytes:
            return await host.write(offset, data)
        for at in draw.sample(range(size), size):
            await host.write(offset + at, data[at:at + 1])

    lines = program()
    memory.write(CODE, b"".join(lines))
    isa = await host.read_qword(tw.register("ISA_HASH_LO"))
    cfg = await host.read_qword(tw.register("CFG_HASH_LO"))
    memory.write(RECORDS, struct.pack("<QQQIIQQ", isa, cfg, 0, len(lines), 77, 64, 0) + bytes(16 + 64))
    for region, base, limit, permissions in ((0, CODE, 0x1000, 4), (1, CONST, 0x2000, 1), (2, ARENA, 0x1000, 3),
                                             (3, RECORDS, 0x1000, 2)):
        await write(tw.region_register(region, "BASE_LO"), base, 8)
        await write(tw.region_register(region, "LIMIT_LO"), limit, 8)
        await write(tw.region_register(region, "PERM"), permissions)
    await write(tw.register("JOB_LO"), RECORDS, 8)
    await write(tw.register("IRQ_STATUS"), 1)
    await write(tw.register("IRQ_ENABLE"), 1)
    await host.write(tw.register("DOORBELL"), b"\1")
    for _ in range(LIMIT):
        if int(dut.irq.value):
            break
        await RisingEdge(dut.clk)
    assert int(dut.irq.value), f"no interrupt after {LIMIT} cycles"
    status = await host.read_dword(tw.register("STATUS"))
    await write(tw.register("IRQ_STATUS"), 1)
    await ClockCycles(dut.clk, 2)
    assert not int(dut.irq.value), "the interrupt stays"
    sequence, code, _, _, pc, marker, _, cycles = struct.unpack("<IBBHIIQQ", memory.read(RECORDS + 64, 32))
    assert (sequence, code, pc, marker) == (77, 0, len(lines) - 1, MARKER), (sequence, code, pc, marker)
    assert status == 2, f"STATUS is {status:#x}"
    return cycles


@cocotb.test()
async def prompt_agents(dut):
    host, memory = await start(dut)
    expected = operands(memory, 1)
    cycles = await run(dut, host, memory)
    assert memory.read(ARENA + RESULTS, len(expected)) == expected
    dut._log.info(f"{cycles} cycles")


@cocotb.test()
async def pauses_split_writes_and_byte_strobes(dut):
    host, memory = await start(dut)
    for seed in range(4):
        pause(host, memory, seed)
        expected = operands(memory, seed)
        cycles = await run(dut, host, memory, in_bytes=seed % 2 == 1)
        assert memory.read(ARENA + RESULTS, len(expected)) == expected
        dut._log.info(f"seed {seed}: {cycles} cycles")


@cocotb.test()
async def registers_while_the_job_runs(dut):
    host, memory = await start(dut)
    pause(host, memory, 9)
    expected = operands(memory, 9)
    is_over = False

    async def disturb():
        draw = random.Random(9)
        while not is_over:
            offset = draw.choice([tw.register("STATUS"), tw.register("JOB_LO"), 0x100, 0x1000, 0xFF00])
            await host.read(offset, 4)
            if int(dut.busy.value):
                await host.write(draw.choice([tw.register("DOORBELL"), tw.register("CONTROL"), 0x1000, 0xFF00]), b"\3")

    await start_disturbing(dut, disturb)
    await run(dut, host, memory)
    is_over = True
    assert memory.read(ARENA + RESULTS, len(expected)) == expected


async def start_disturbing(dut, disturb):
    async def later():
        while not int(dut.busy.value):
            await RisingEdge(dut.clk)
        await disturb()
    cocotb.start_soon(later())


@cocotb.test()
async def answers_of_the_table(dut):
    host, _ = await start(dut)
    bad = {0: AxiResp.OKAY, 2: AxiResp.SLVERR, 3: AxiResp.DECERR}
    assert (await host.read(0xFF00, 4)).resp == bad[tw.NUMBERS["ANSWER_UNMAPPED"]]
    assert (await host.write(0xFF00, bytes(4))).resp == bad[tw.NUMBERS["ANSWER_UNMAPPED"]]
    assert (await host.write(tw.register("ID"), bytes(4))).resp == bad[tw.NUMBERS["ANSWER_READ_ONLY"]]
    assert (await host.read(tw.register("DOORBELL"), 4)).resp == bad[tw.NUMBERS["ANSWER_WRITE_ONLY"]]
    await host.write_dword(tw.register("JOB_LO"), 0x11223340)
    await host.write(tw.register("JOB_LO") + 1, b"\x77")
    assert await host.read_dword(tw.register("JOB_LO")) == 0x11227740
