#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mutants are found where they should be, and stand beside the original, never in its place."""
import pathlib
import tempfile
import unittest

import mutants as m
import mutation

SOURCE = """module a #(parameter int N = 4) (input logic clk_i, output logic [3:0] y_o);
  // if (count == 1) is a comment
  wire up = (count_q < limit) && !stop;
  assign y_o = count_q + 4'd1;
  if (N > 1) begin end
`ifdef TW_SYNTHESIS
  assign hidden_o = count_q + 4'd2;
`else
  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_q <= '0;
    else if (up) count_q <= (count_q == 4'(N)) ? '0 : count_q - 1'b1;
    for (int i = 0; i < N; i++) seen[i] = step;
  end
`endif
endmodule
"""


class MutantsTest(unittest.TestCase):
    FOUND = m.mutate("a.sv", SOURCE)

    def texts(self):
        return {str(mutant) for mutant in self.FOUND}

    def test_every_kind_of_defect_is_found_with_its_line(self):
        for text in ("a.sv:3: < becomes <=: (count_q < limit) && !stop -> (count_q <= limit) && !stop",
                     "a.sv:3: && becomes ||: (count_q < limit) && !stop -> (count_q < limit) || !stop",
                     "a.sv:3: negation dropped: (count_q < limit) && !stop -> (count_q < limit) && stop",
                     "a.sv:4: + becomes -: count_q + 4'd1 -> count_q - 4'd1",
                     "a.sv:4: one too large: count_q + 4'd1 -> count_q + 4'd1 + 1'b1",
                     "a.sv:4: stuck at zero: count_q + 4'd1 -> '0",
                     "a.sv:10: reset lost: !rst_ni -> 1'b0",
                     "a.sv:10: constant flipped: '0 -> '1",
                     "a.sv:11: condition negated: up -> !(up)",
                     "a.sv:11: condition always holds: up -> 1'b1",
                     "a.sv:11: choice swapped: (count_q == 4'(N)) ? '0 : count_q - 1'b1 -> "
                     "!((count_q == 4'(N))) ? '0 : count_q - 1'b1",
                     "a.sv:12: stuck at zero: step -> '0"):
            self.assertIn(text, self.texts())

    def test_comments_parameters_loops_and_code_of_synthesis_are_left_alone(self):
        self.assertFalse([mutant for mutant in self.FOUND if mutant.line in (1, 2, 5)])
        self.assertFalse([text for text in self.texts() if "i < N" in text or "4'd2" in text])

    def test_each_mutant_has_a_branch_of_its_own_and_the_original_stays(self):
        chosen = m.choose(self.FOUND, 1000)
        self.assertEqual([mutant.number for mutant in chosen], list(range(1, len(self.FOUND) + 1)))
        text = m.rewrite(SOURCE, chosen)
        for mutant in chosen:
            self.assertIn(f"tw_mutant_pkg::id == {mutant.number})", text)
        self.assertIn("else y_o = count_q + 4'd1; end", text)
        self.assertIn(" : !(!(!rst_ni)))", text)
        self.assertEqual(m.rewrite(SOURCE, []), SOURCE)

    def test_the_same_mutants_are_chosen_whatever_their_order(self):
        some = m.choose(list(reversed(self.FOUND)), 12)
        self.assertEqual([str(a) for a in some], [str(b) for b in m.choose(list(self.FOUND), 12)])


class ExplainedTest(unittest.TestCase):
    def test_a_survivor_and_its_reason_are_read_without_the_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "explained.txt"
            path.write_text("# comment\na.sv: stuck at zero: x -> '0\n  nobody reads it\n  at all\n")
            self.assertEqual(mutation.read_explained(path),
                             {"a.sv: stuck at zero: x -> '0": "nobody reads it at all"})
        self.assertEqual(mutation.without_line("a.sv:12: stuck at zero: x -> '0"), "a.sv: stuck at zero: x -> '0")


if __name__ == "__main__":
    unittest.main()
