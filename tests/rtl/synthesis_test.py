#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The budget of the design's modules can be exceeded, the table keeps its order, and depths are those of paths."""
import unittest

import depth
import synthesis


class SynthesisTest(unittest.TestCase):
    ROWS = {"tw_a": [10, 32, 0, 5], "tw_b": [1, 1, 1, 1]}

    def test_what_is_within_its_budget_is_not_reported(self):
        self.assertEqual(synthesis.over_budget(self.ROWS, {"tw_a": [10, 32, 0, 5], "tw_b": [9, 9, 9, 9]}), [])

    def test_each_figure_above_its_budget_is_named_with_both_values(self):
        found = synthesis.over_budget(self.ROWS, {"tw_a": [9, 31, 0, 4], "tw_b": [9, 9, 0, 1]})
        self.assertEqual(found, ["tw_a: 10 cells, the budget is 9", "tw_a: 32 flip-flop bits, the budget is 31",
                                 "tw_a: 5 levels of logic, the budget is 4", "tw_b: 1 memory bits, the budget is 0"])

    def test_a_module_without_a_line_and_a_line_without_a_module_are_reported(self):
        found = synthesis.over_budget(self.ROWS, {"tw_a": [10, 32, 0, 5], "tw_c": [1, 1, 1, 1]})
        self.assertEqual(found, ["tw_b has no budget; it has [1, 1, 1, 1]", "tw_c has a budget and is no module"])

    def test_figures_are_read_from_what_yosys_prints_and_the_largest_variant_counts(self):
        stat = ("=== $paramod$1\\tw_a ===\n   Number of memory bits:          64\n     $dff_16    2\n     $add_8    3\n"
                "     $paramod$9\\tw_b     4\n=== $paramod$2\\tw_a ===\n     $sdff_4    1\n     $mux_1    7\n"
                "=== design hierarchy ===\n     $add_8    99\n")
        self.assertEqual(synthesis.figures_of(stat), {"tw_a": [7, 32, 64]})

    def test_the_deepest_variant_of_a_module_counts(self):
        gate = {"type": "$and", "connections": {"A": [2], "B": [3], "Y": [4]}}
        netlist = {"modules": {"$paramod$1\\tw_a": {"cells": {}}, "$paramod$2\\tw_a": {"cells": {"a": gate}}}}
        self.assertEqual(synthesis.depths_of(netlist), {"tw_a": 1})

    def test_a_variant_of_a_module_has_its_name(self):
        self.assertEqual(synthesis.base_name("$paramod$868b\\tw_vx"), "tw_vx")
        self.assertEqual(synthesis.base_name("$paramod\\tw_array\\N=s32'1000"), "tw_array")

    def test_a_section_replaces_its_own_and_tw8_comes_before_tw16(self):
        page = synthesis.replace_section(synthesis.HEAD, "tw16", synthesis.section("tw16", self.ROWS))
        page = synthesis.replace_section(page, "tw8", synthesis.section("tw8", self.ROWS))
        again = synthesis.replace_section(page, "tw16", synthesis.section("tw16", self.ROWS))
        self.assertEqual(page, again)
        self.assertLess(page.index("## tw8"), page.index("## tw16"))


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
