# SPDX-License-Identifier: Apache-2.0
"""What formal.py proves, one row a task."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Task:
    harness: str  # in rtl/formal
    top: str
    design: tuple  # files of rtl/core, or generated ones
    mutants: tuple  # (file, text, what stands there instead)
    induction: int = 0  # depth; 0: combinational, one cycle says all
    base: int = 1  # cycles from reset
    parameters: dict = dataclasses.field(default_factory=dict)
    is_quick: bool = True  # part of every test run
    by_yosys: bool = False  # by Yosys' own SAT solver, all inputs and any registers: where z3 finds no end
    logic: str = "QF_ABV"  # SMT-LIB's name; QF_BV, without arrays, sends z3 to its SAT solver


LANE = "tw_lane_pkg.sv"
ISSUE = "tw_issue.sv"
SEM = "tw_sem.sv"
REGS = "tw_regs.sv"
READ = "tw_read.sv"
STORE = "tw_store.sv"
FAULT = "tw_fault.sv"
CHECK = "tw_line_check.sv"  # generated
TASKS = {
    "requant.float": Task(
        "requant.sv", "requant_float", (LANE,),
        (
            (LANE, "(n[6:0] != '0) || n[8])", "(n[6:0] != '0) || n[9])"),  # ties go up or down
            (LANE, "lead[2] = n[31:28] == '0;", "lead[2] = n[31:27] == '0;"),
            (LANE, "sum[31] ? -sum : sum", "sum[31] ? ~sum : sum"),
        ),
    ),
    "requant.product": Task(
        "requant.sv", "requant_product", (LANE,),
        (
            (LANE, "product[23] && ((product[22:0] != '0) || product[24])", "product[23]"),  # ties away from zero
            (LANE, "((rest == half) && whole[0])};\n      if (value", "(rest == half)};\n      if (value"),
            (LANE, "to_int8 = (total > 12'sd127)", "to_int8 = (total > 12'sd128)"),
            (LANE, "(exp1 > 10'd9) ? PlaceHuge", "(exp1 > 10'd7) ? PlaceHuge"),
            (LANE, "- 10'd126 +", "- 10'd127 +"),
        ),
    ),
    "requant.multiplier": Task(
        "requant.sv", "requant_multiplier", (LANE,),
        ((LANE, "{24'd0, 1'b1, mult[22:0]}", "{24'd0, 1'b0, mult[22:0]}"),),  # the hidden bit
        parameters={"Bits": 6},
    ),
    "requant.multiplier.wide": Task(
        "requant.sv", "requant_multiplier", (LANE,),
        ((LANE, "{24'd0, 1'b1, mult[22:0]}", "{24'd0, mult[22], mult[22:0]}"),),
        parameters={"Bits": 9}, is_quick=False,
    ),
    "requant.rescale": Task(
        "requant.sv", "requant_rescale", (LANE,),
        (
            (LANE, "|| ((rest == half) && whole[0])}) + $signed({{4{zy", "}) + $signed({{4{zy"),
            (LANE, "(whole > 64'sd512) ? 12'sd512", "(whole > 64'sd2047) ? 12'sd2047"),
            (LANE, "(shift == '0) ? 64'd1", "(shift == '0) ? 64'd0"),
        ),
    ),
    "arbiter": Task(
        "arbiter.sv", "arbiter_formal", ("tw_arbiter.sv",),
        (
            ("tw_arbiter.sv", "taken    = taken | need;", "taken    = need;"),
            ("tw_arbiter.sv", "need = need | (Banks'(1)", "need = (Banks'(1)"),  # a pair needs its second bank alone
            ("tw_arbiter.sv", "row  = row + 1'b1;", "row  = row + 2'd2;"),
        ),
        parameters={"Banks": 16},
    ),
    "arbiter.two": Task(  # two rows of weights a cycle, on the fewest banks
        "arbiter.sv", "arbiter_formal", ("tw_arbiter.sv",),
        (
            ("tw_arbiter.sv", "(c == 3) && (WeightRows == 2)", "(c == 3) && (WeightRows == 3)"),
            ("tw_arbiter.sv", "(c == 3) && (WeightRows == 2)", "(c == 3) && (WeightRows == 2) && pair_i"),
            ("tw_arbiter.sv", "(c == 3) && (WeightRows == 2)", "(c >= 3) && (WeightRows == 2)"),
        ),
        parameters={"Banks": 8, "WeightRows": 2},
    ),
    "walk": Task(
        "walk.sv", "walk_formal", ("tw_walk.sv",),
        (
            ("tw_walk.sv", "run_ends = rest <= {11'd0, bytes};", "run_ends = rest < {11'd0, bytes};"),
            ("tw_walk.sv", "a2   = a3;", "a2   = a2;"),
            ("tw_walk.sv", "13'(BurstBytes) - {{", "13'(BurstBytes) + {{"),  # over the boundary
            ("tw_walk.sv", "last_q  <= run_ends && (i1 == '0)", "last_q  <= run_ends"),
        ),
        induction=1, base=4,
        parameters={"BurstBytes": 256}, is_quick=False,
    ),
    "fault": Task(
        "fault.sv", "fault_formal", (FAULT,),
        (
            (FAULT, "if (valid[i] && !lower) kept[j] = 1'b0;", ""),  # two of one PC
            (FAULT, "if (valid[j] && lower) kept[i] = 1'b0;", "if (valid[j] && lower && (i != 0)) kept[i] = 1'b0;"),
            (FAULT, "deadlock_i & ~overflow_i", "deadlock_i"),  # an overflow is its oldest instruction's
            (FAULT, "if (overflow_i[e]) {code, addr} = {tw_isa_pkg::FAULT_SEM_OVERFLOW, 64'd0};",
             "if (overflow_i[e]) code = tw_isa_pkg::FAULT_SEM_OVERFLOW;"),
            (FAULT, "else if (en_i &&", "else if ("),
        ),
        induction=1, base=2, logic="QF_BV", is_quick=False,
    ),
    "queue": Task(
        "queue.sv", "queue_formal", (ISSUE,),
        (
            (ISSUE, "full_q  <= count >= CountBits'(Depth);", "full_q  <= count >= CountBits'(Depth - 1);"),
            (ISSUE, "if (count == '0) begin\n          pc_q ", "if (!valid_q) begin\n          pc_q "),
            (ISSUE, "line_q <= line[rptr];", "line_q <= line[wptr];"),
            (ISSUE, "old_posts_q <= posts;", "if (!end_i) old_posts_q <= posts;"),
            (ISSUE, "flying = flying + 1'b1;", "if (!end_i) flying = flying + 1'b1;"),
        ),
        induction=1, parameters={"Depth": 4, "Flight": 4}, logic="QF_BV", is_quick=False,
    ),
    "queue.least": Task(
        "queue.sv", "queue_formal", (ISSUE,),
        (
            (ISSUE, "old_pc_q    <= pc_q;", "old_pc_q    <= pc_i;"),
            (ISSUE, "count  = count - 1'b1;", "if (!push_i) count  = count - 1'b1;"),
        ),
        induction=1, parameters={"Depth": 2, "Flight": 1}, logic="QF_BV", is_quick=False,
    ),
    "queue.start": Task(
        "queue.sv", "queue_start", (ISSUE,),
        (
            (ISSUE, "holds(waits[2*Slot +: Slot])", "holds(waits[Slot +: Slot])"),
            (ISSUE, "value > SemBits'(slot", "value >= SemBits'(slot"),
            (ISSUE, "waits  = pushed[", "if (!start_i) waits  = pushed["),
        ),
        induction=1, parameters={"Depth": 4}, logic="QF_BV", is_quick=False,
    ),
    "registers": Task(
        "regs.sv", "regs_formal", (REGS,),
        (
            (REGS, "assign awready_o = awready_q;", "assign awready_o = awready_q && wvalid_i;"),  # hangs on a valid
            (REGS, "awready_q <= bvalid_q ? bready_i : !aw_here;", "awready_q <= !aw_here;"),  # takes two addresses
            (REGS, "wready_q  <= bvalid_q ? bready_i : !w_here;", "wready_q  <= !write;"),
            (REGS, "bvalid_q  <= write || (bvalid_q && !bready_i);", "bvalid_q  <= write;"),  # a pulse
            (REGS, "if (write) bresp_q <= answer_to_write;", "bresp_q <= answer_to_write;"),
            (REGS, "awready_q ? awaddr_i : awaddr_q", "awaddr_i"),
            (REGS, "wready_q ? wstrb_i : wstrb_q", "wready_q ? wstrb_i : '1"),
            (REGS, "write && (wstrb != '0) && (32'(waddr) == tw_isa_pkg::REG_DOORBELL)",
             "write && (32'(waddr) == tw_isa_pkg::REG_DOORBELL)"),
            (REGS, "if (busy_i) answer_to_write = tw_isa_pkg::ANSWER_BUSY;", ";"),
            (REGS, "rvalid_q  <= pending_q || (rvalid_q && !rready_i);", "rvalid_q  <= pending_q;"),
            (REGS, "arready_q <= !counter_en_o && !pending_q && !(rvalid_q && !rready_i);",
             "arready_q <= !counter_en_o && !pending_q;"),
            (REGS, "merged = (was & ~mask) | (data & mask);", "merged = data & mask;"),
        ),
        induction=1, base=3, logic="QF_BV", is_quick=False,
    ),
    "axi.read": Task(
        "axi.sv", "axi_read", (READ,),
        (
            (READ, "room_q && (!arvalid_q || arready_i)", "room_q"),  # an address is overwritten
            (READ, "arvalid_q <= grant || (arvalid_q && !arready_i);", "arvalid_q <= grant;"),
            (READ, "room_q    <= count < CountBits'(Reads);", "room_q    <= count <= CountBits'(Reads);"),
            (READ, "error_q      <= rresp_i != 2'b00;", "error_q      <= rresp_i[1];"),  # takes EXOKAY
            (READ, "burst_last_q <= rlast_i;", "burst_last_q <= 1'b1;"),
            (READ, "lw_gnt_o = may_grant && !fe_req_i && lw_req_i", "lw_gnt_o = may_grant && lw_req_i"),
            (READ, "src_mem[wptr]   = fe_req_i", "src_mem[rptr]   = fe_req_i"),
        ),
        induction=1, base=3, logic="QF_BV", parameters={"Reads": 4}, is_quick=False,
    ),
    "axi.write": Task(
        "axi.sv", "axi_write", (STORE, "tw_walk.sv"),
        (
            (STORE, "may_send = open < CountBits'(Writes);", "may_send = open <= CountBits'(Writes);"),
            (STORE, "awvalid_q  <= send == SendAddress;", "awvalid_q  <= (send == SendAddress) && !awready_i;"),
            (STORE, "wlast_q    <= beat == last_beat;", "wlast_q    <= beat + 1'b1 == last_beat;"),
            (STORE, "wvalid_q   <= send == SendData;", "wvalid_q   <= send != SendIdle;"),  # data before their address
            (STORE, "((send == SendData) && wready_i);", "(send == SendData);"),  # data that nobody took
            (STORE, "awlen_q       <= 8'(last_beat);", "awlen_q       <= 8'(bytes >> BeatLog);"),
        ),
        induction=1, base=3, logic="QF_BV", parameters={"Writes": 4}, is_quick=False,
    ),
    "semaphores.slots": Task(
        "slots.sv", "slots_formal", (CHECK,),
        ((CHECK, "slots_twice = (", "slots_twice = 1'b0 && ("),),  # one pair of slots is not looked at
    ),
    "semaphores.sums": Task(
        "sem.sv", "sem_equal", (),
        (("sem.sv", "over = over || sum[6];", "over = sum[6];"),),
        by_yosys=True, is_quick=False,
    ),
    **{f"semaphores.{sem}": Task(
        "sem.sv", "sem_column", (SEM,),
        (
            (SEM, "carry = named;", "carry = '0;"),
            (SEM, "if (i < Engines) x = ~x;", "if (i < Engines - 1) x = ~x;"),
            (SEM, "over = over | carry;", "over = carry;"),
            (SEM, "(over & named)", "(carry & named)"),
        ) if sem == 0 else (),
        by_yosys=True, is_quick=False, parameters={"Id": sem},
    ) for sem in range(32)},
}
