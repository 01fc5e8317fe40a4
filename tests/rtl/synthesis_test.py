#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The budget of the design's modules can be exceeded, the table keeps its order, and depths are those of paths."""
import os
import pathlib
import stat
import tempfile
import unittest
import unittest.mock

import depth
import netlist
import processes
import synthesis


class BudgetTest(unittest.TestCase):
    ROWS = {"tw_a": [10, 32, 0, 5], "tw_b": [1, 1, 1, 1]}

    def found(self, budget):
        return synthesis.over_budget("tw8", self.ROWS, budget)

    def test_what_is_within_its_budget_is_not_reported(self):
        self.assertEqual(self.found({"tw_a": [10, 32, 0, 5], "tw_b": [2, 2, 2, 2]}), [])

    def test_each_figure_above_its_budget_is_named_with_both_values(self):
        found = self.found({"tw_a": [9, 31, 0, 4], "tw_b": [2, 2, 0, 1]})
        self.assertEqual(found, ["tw_a: 10 cells, the budget is 9", "tw_a: 32 flip-flop bits, the budget is 31",
                                 "tw_a: 5 levels of logic, the budget is 4", "tw_b: 1 memory bits, the budget is 0"])

    def test_a_budget_of_more_than_twice_the_figure_is_reported_with_the_line_that_would_do(self):
        found = self.found({"tw_a": [21, 40, 0, 5], "tw_b": [2, 2, 2, 2]})
        self.assertEqual(found, ["tw_a: 10 cells, the budget of 21 is more than twice that; a line for it: "
                                 "tw8 tw_a 13 40 0 7"])

    def test_a_module_without_a_line_and_a_line_without_a_module_are_reported(self):
        found = self.found({"tw_a": [10, 32, 0, 5], "tw_c": [1, 1, 1, 1]})
        self.assertEqual(found, ["tw_b has no budget; a line for it: tw8 tw_b 2 2 1 2",
                                 "tw_c has a budget and is no module"])

    def test_a_line_is_a_quarter_above_in_two_digits_and_memories_as_they_are(self):
        self.assertEqual(synthesis.budget_line("tw8", "tw_a", [1340, 100, 51712, 171]),
                         "tw8 tw_a 1700 130 51712 220")


class PageTest(unittest.TestCase):
    ROWS = BudgetTest.ROWS

    def test_a_section_replaces_its_own_and_tw8_comes_before_tw16(self):
        page = synthesis.replace_section(synthesis.HEAD, "tw16", synthesis.section("tw16", self.ROWS))
        page = synthesis.replace_section(page, "tw8", synthesis.section("tw8", self.ROWS))
        again = synthesis.replace_section(page, "tw16", synthesis.section("tw16", self.ROWS))
        self.assertEqual(page, again)
        self.assertLess(page.index("## tw8"), page.index("## tw16"))


PROCESS = """module \\m
  attribute \\src "m.sv:1"
  process $p
    assign $0\\a $1\\a
    assign { $0\\b $0\\c [1] } 2'00
    switch \\s
      case 1'1
        assign $1\\a \\x
        attribute \\full_case 1
        switch \\t
          case 2'00
            assign $0\\c [0] 1'1
          case
            assign $1\\a \\y
        end
      case
    end
    switch \\u
      case 1'1
        assign $0\\b \\z
    end
    sync posedge \\k
      update \\a $0\\a
      update \\b $0\\b
      memwr \\q 1'0 \\x \\y 0'x
  end
  connect \\o \\a
end
"""
PARTS = """module \\m
  attribute \\src "m.sv:1"
  process $p
    assign $0\\a $1\\a
    sync posedge \\k
      update \\a $0\\a
      memwr \\q 1'0 \\x \\y 0'x
  end
  attribute \\src "m.sv:1"
  process $p$part1
    assign { $0\\b $0\\c [1] } 2'00
    switch \\s
      case 1'1
        attribute \\full_case 1
        switch \\t
          case 2'00
            assign $0\\c [0] 1'1
          case
        end
      case
    end
    switch \\u
      case 1'1
        assign $0\\b \\z
    end
    sync posedge \\k
      update \\b $0\\b
  end
  attribute \\src "m.sv:1"
  process $p$part2
    switch \\s
      case 1'1
        assign $1\\a \\x
        attribute \\full_case 1
        switch \\t
          case 2'00
          case
            assign $1\\a \\y
        end
      case
    end
    sync posedge \\k
  end
  connect \\o \\a
end
"""


class ProcessesTest(unittest.TestCase):
    maxDiff = None

    def test_each_set_of_wires_gets_a_process_with_the_switches_around_it(self):
        self.assertEqual(processes.split(PROCESS, least=1), PARTS)

    def test_a_small_process_stays_as_it_is(self):
        self.assertEqual(processes.split(PROCESS, least=8), PROCESS)


class NetlistTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.limits = netlist.Limits(60, 1 << 32)

    def write(self, **sources):
        for name, text in sources.items():
            (self.folder / f"{name}.sv").write_text(text)
        return sorted(self.folder.glob("*.sv"))

    SOURCES = {
        "tw_p": "package tw_p;\n  localparam int Wide = 3;\nendpackage\n",
        "tw_leaf": "// A leaf.\nmodule tw_leaf #(\n  parameter int N = 1\n) (\n  input logic clk_i,\n"
                   "  input logic [N-1:0] a_i,\n  output logic [N-1:0] q_o\n);\n"
                   "  always_ff @(posedge clk_i) q_o <= a_i + 1'b1;\nendmodule\n",
        "tw_root": "module tw_root (\n  input logic clk_i,\n  input logic [9:0] a_i,\n  output logic [9:0] q_o\n);\n"
                   "  tw_leaf #(.N(tw_p::Wide)) u_a (.clk_i, .a_i(a_i[2:0]), .q_o(q_o[2:0]));\n"
                   "  tw_leaf #(.N(7)) u_b (.clk_i, .a_i(a_i[9:3]), .q_o(q_o[9:3]));\nendmodule\n",
    }

    def figures(self, cache="cache"):
        return netlist.figures(sorted(self.folder.glob("*.sv")), "tw_root", self.folder / cache, 2, self.limits)

    def test_modules_are_found_from_the_top_and_the_largest_variant_counts(self):
        self.write(**self.SOURCES)
        self.assertEqual(self.figures(), {"tw_leaf": [1, 7, 0, 8], "tw_root": [0, 0, 0, 0]})

    def test_what_is_known_is_not_measured_again_and_a_change_is(self):
        self.write(**self.SOURCES)
        self.figures()
        known = set((self.folder / "cache").iterdir())
        self.assertEqual(len(known), 3)
        self.figures()
        self.assertEqual(set((self.folder / "cache").iterdir()), known)
        self.write(tw_leaf=self.SOURCES["tw_leaf"].replace("a_i + 1'b1", "~a_i"))
        self.assertEqual(self.figures()["tw_leaf"], [1, 7, 0, 0])
        self.assertEqual(len(set((self.folder / "cache").iterdir()) - known), 2)  # the root's stays: ports are the same

    def test_a_missing_port_or_module_and_a_conflict_of_drivers_or_none_are_errors(self):
        for name, old, new, message in (
                ("tw_leaf", "_o", "_z", "does not have a port named 'q_o'"),
                ("tw_leaf", "endmodule", "  assign q_o = a_i;\nendmodule", "conflicting drivers: .* and a_i"),
                ("tw_leaf", "endmodule", "  assign q_o = ~a_i;\nendmodule", r"conflicting drivers: \$\S+ and \$"),
                ("tw_leaf", "a_i + 1", "gone + 1", "no driver"),
                ("tw_root", ".q_o(q_o[9:3])", ".q_o(q_o[8:2])", "conflicting drivers: u_b and u_a"),
                ("tw_root", "tw_leaf", "tw_gone", "tw_gone")):
            self.write(**{**self.SOURCES, name: self.SOURCES[name].replace(old, new)})
            with self.assertRaisesRegex(netlist.NetlistError, message):
                self.figures()

    def test_a_run_that_takes_too_long_is_an_error_that_names_the_module(self):
        slow = self.folder / "yosys"
        slow.write_text("#!/bin/sh\n[ \"$1\" = -V ] || exec sleep 60\n")
        slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
        self.enterContext(unittest.mock.patch.dict(os.environ, PATH=f"{self.folder}:{os.environ['PATH']}"))
        self.limits = netlist.Limits(1, 1 << 32)
        self.write(**self.SOURCES)
        with self.assertRaisesRegex(netlist.NetlistError, "tw_root with {}: not finished in 1 s"):
            self.figures()

    def test_a_parameter_is_written_with_its_sign_and_width(self):
        self.assertEqual(netlist.value_of(f"{-3 & 0xFFFFFFFF:032b}"), "-3")
        self.assertEqual(netlist.value_of(f"{0xAB:064b}"), "64'hab")

    def test_what_no_output_depends_on_is_not_counted(self):
        self.write(tw_root="""module tw_root (
  input logic clk_i,
  input logic [3:0] a_i,
  output logic [7:0] q_o
);
  logic [7:0] mem [16], lost [16], idle;
  always_ff @(posedge clk_i) begin
    mem[a_i] <= {a_i, a_i};
    lost[a_i] <= 8'd0;
    q_o <= mem[a_i];
    idle <= lost[a_i] + 8'd3;
  end
endmodule
""")
        self.assertEqual(self.figures(), {"tw_root": [2, 8, 128, 0]})


def cells(*rows):
    return {str(i): {"type": kind, "connections": ports} for i, (kind, ports) in enumerate(rows)}


class DepthTest(unittest.TestCase):
    def test_gates_in_a_row_add_up_and_inverters_count_nothing(self):
        self.assertEqual(depth.depth(cells(
            ("$and", {"A": [1], "B": [2], "Y": [3]}), ("$not", {"A": [3], "Y": [4]}),
            ("$mux", {"A": [4], "B": [5], "S": [6], "Y": [7]}))), 2)

    def test_a_path_ends_at_flip_flops_memories_and_instances(self):
        for kind in ("$dffe", "$mem_v2", "$paramod\\tw_a\\N=1", "tw_b"):
            self.assertEqual(depth.depth(cells(
                ("$and", {"A": [1], "B": [2], "Y": [3]}), (kind, {"D": [3], "Q": [4]}),
                ("$or", {"A": [4], "B": [5], "Y": [6]}))), 1, kind)

    def test_wide_cells_count_as_fast_circuits(self):
        word = list(range(10, 42))
        for kind, ports, levels in (
                ("$add", {"A": word, "B": word, "Y": list(range(50, 82))}, 12),
                ("$add", {"A": word[:7] + [word[7]] * 25, "B": word[:8], "Y": list(range(50, 82))}, 8),
                ("$eq", {"A": word, "B": word, "Y": [50]}, 6),
                ("$eq", {"A": word[:8], "B": ["1"] * 8, "Y": [50]}, 3),
                ("$lt", {"A": word, "B": word, "Y": [50]}, 11),
                ("$reduce_or", {"A": word, "Y": [50]}, 5),
                ("$shiftx", {"A": word, "B": [1, 2, 3, 4, 5], "Y": [50]}, 5),
                ("$pmux", {"A": [1], "B": [2, 3, 4], "S": [5, 6, 7], "Y": [50]}, 3),
                ("$mul", {"A": word[:8], "B": word[8:16], "Y": list(range(50, 66))}, 1 + 2 * 4 + 10),
                ("$mul", {"A": word[:8], "B": ["0", "0", "1"], "Y": list(range(50, 66))}, 0)):
            self.assertEqual(depth.depth(cells((kind, ports))), levels, kind)

    def test_an_unknown_cell_and_a_loop_are_errors(self):
        with self.assertRaisesRegex(ValueError, r"no depth is known of a cell \$div"):
            depth.depth(cells(("$div", {"A": [1], "B": [2], "Y": [3]})))
        with self.assertRaisesRegex(ValueError, "cells in a loop"):
            depth.depth(cells(("$and", {"A": [1], "B": [4], "Y": [3]}), ("$or", {"A": [3], "B": [2], "Y": [4]})))


if __name__ == "__main__":
    unittest.main()
