#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A name that is used too early is found, and nothing else is."""
import unittest

import declared

GOOD = """module a #(parameter int N = 4) (
  input  logic clk_i,   // early is a word here
  input  logic [N-1:0] b_i, c_i,
  output logic y_o
);
  typedef enum logic {Idle, Busy} state_e;
  state_e state;
  logic [N-1:0] x, early;
  b u_b (.clk_i, .late(x), .y_o(early[0]));
  assign y_o = later(x[0]) && gen_e[0].late && (state == Idle);
  function automatic logic later(input logic late);
    later = !late;
  endfunction
  wire late = x[0];
endmodule
"""


class DeclaredTest(unittest.TestCase):
    def test_names_in_order_are_good(self):
        self.assertEqual(declared.early_uses(GOOD), [])

    def test_a_use_before_the_declaration_is_found_with_both_lines(self):
        text = GOOD.replace(".late(x)", ".late(late)")
        self.assertEqual(declared.early_uses(text), [(9, "late", 14)])

    def test_a_port_connected_by_its_name_alone_is_a_use(self):
        self.assertEqual(declared.early_uses(GOOD.replace(".late(x)", ".late")), [(9, "late", 14)])

    def test_names_of_a_list_and_of_an_enumeration_are_declared(self):
        text = GOOD.replace("  logic [N-1:0] x, early;\n", "").replace("  wire late", "  logic x, early;\n  wire late")
        self.assertEqual([name for _, name, _ in declared.early_uses(text)], ["x", "early"])
        moved = GOOD.replace("  typedef enum", "  assign z = Busy;\n  typedef enum")
        self.assertEqual([name for _, name, _ in declared.early_uses(moved)], ["Busy"])

    def test_each_module_has_its_own_names(self):
        self.assertEqual(declared.early_uses(GOOD + GOOD.replace("wire late", "wire x2")), [])


if __name__ == "__main__":
    unittest.main()
