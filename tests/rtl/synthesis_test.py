#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The budget of the design's modules can be exceeded, and the table keeps its order."""
import unittest

import synthesis


class SynthesisTest(unittest.TestCase):
    ROWS = {"tw_a": [10, 32, 0], "tw_b": [1, 1, 1]}

    def test_what_is_within_its_budget_is_not_reported(self):
        self.assertEqual(synthesis.over_budget(self.ROWS, {"tw_a": [10, 32, 0], "tw_b": [9, 9, 9]}), [])

    def test_each_figure_above_its_budget_is_named_with_both_values(self):
        found = synthesis.over_budget(self.ROWS, {"tw_a": [9, 31, 0], "tw_b": [9, 9, 0]})
        self.assertEqual(found, ["tw_a: 10 cells, the budget is 9", "tw_a: 32 flip-flop bits, the budget is 31",
                                 "tw_b: 1 memory bits, the budget is 0"])

    def test_a_module_without_a_line_and_a_line_without_a_module_are_reported(self):
        found = synthesis.over_budget(self.ROWS, {"tw_a": [10, 32, 0], "tw_c": [1, 1, 1]})
        self.assertEqual(found, ["tw_b has no budget; it has [1, 1, 1]", "tw_c has a budget and is no module"])

    def test_figures_are_read_from_what_yosys_prints_and_the_largest_variant_counts(self):
        stat = ("=== $paramod$1\\tw_a ===\n   Number of memory bits:          64\n     $dff_16    2\n     $add_8    3\n"
                "     $paramod$9\\tw_b     4\n=== $paramod$2\\tw_a ===\n     $sdff_4    1\n     $mux_1    7\n"
                "=== design hierarchy ===\n     $add_8    99\n")
        self.assertEqual(synthesis.figures_of(stat), {"tw_a": [7, 32, 64]})

    def test_a_variant_of_a_module_has_its_name(self):
        self.assertEqual(synthesis.base_name("$paramod$868b\\tw_vx"), "tw_vx")
        self.assertEqual(synthesis.base_name("$paramod\\tw_array\\N=s32'1000"), "tw_array")

    def test_a_section_replaces_its_own_and_tw8_comes_before_tw16(self):
        page = synthesis.replace_section(synthesis.HEAD, "tw16", synthesis.section("tw16", self.ROWS))
        page = synthesis.replace_section(page, "tw8", synthesis.section("tw8", self.ROWS))
        again = synthesis.replace_section(page, "tw16", synthesis.section("tw16", self.ROWS))
        self.assertEqual(page, again)
        self.assertLess(page.index("## tw8"), page.index("## tw16"))


if __name__ == "__main__":
    unittest.main()
