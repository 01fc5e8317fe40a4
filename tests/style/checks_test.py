#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows every style check a tree that breaks its rule, and one that does not."""
import os
import stat
import tempfile
import unittest

import check_errors
import check_format
import check_generated_docs
import check_headers
import check_layering
import check_licence
import check_links
import check_mirror
import check_recipes
import check_words

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
HASH_SPDX = "# SPDX-License-Identifier: Apache-2.0\n"
GOOD_HEADER = (SPDX + "// Encodes one instruction.\n// Called by the assembler.\n// It does not print.\n"
               "#ifndef TW_ISA_ENCODER_H\n#define TW_ISA_ENCODER_H\n#endif\n")


class Checks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as stream:
            stream.write(text)
        return full

    def expect_clean(self, check):
        self.assertEqual([str(finding) for finding in check(self.root)], [])

    def expect(self, check, path, line, part):
        findings = check(self.root)
        self.assertEqual(len(findings), 1, [str(finding) for finding in findings])
        self.assertEqual((findings[0].path, findings[0].line), (path, line))
        self.assertIn(part, findings[0].text)

    # mirror

    def test_mirror_accepts_a_source_with_a_test_of_its_name_in_any_folder(self):
        self.write("tensorize/lib/schedule/Cut.cpp", SPDX)
        self.write("tests/unit/tensorize/CutTest.cpp", SPDX)
        self.write("ir/lib/transforms/FuseQdq.cpp", SPDX)
        self.write("tests/lit/ir/fuse-qdq-shared.mlir", SPDX)
        self.write("simulator/lib/State.cpp", SPDX)  # not asked
        self.expect_clean(lambda root: check_mirror.check(root, {}))

    def test_mirror_rejects_a_source_without_a_test(self):
        self.write("tensorize/lib/schedule/Cut.cpp", SPDX)
        self.write("tests/unit/codegen/CutTest.cpp", SPDX)  # of another directory
        self.write("tests/lit/tensorize/cuts.mlir", SPDX)  # of another name
        self.expect(lambda root: check_mirror.check(root, {}), "tensorize/lib/schedule/Cut.cpp", 1, "CutTest.cpp")

    def test_mirror_accepts_what_is_listed_alone_or_by_its_folder(self):
        self.write("ir/lib/onnx/Add.cpp", SPDX)
        self.write("ir/lib/Names.cpp", SPDX)
        elsewhere = {"ir/lib/onnx/": "models", "ir/lib/Names.cpp": "names"}
        self.expect_clean(lambda root: check_mirror.check(root, elsewhere))

    def test_mirror_rejects_an_entry_that_nothing_needs(self):
        self.write("codegen/lib/Executor.cpp", SPDX)
        self.write("tests/unit/codegen/ExecutorTest.cpp", SPDX)
        for entry in ("codegen/lib/Executor.cpp", "codegen/lib/Gone.cpp", "codegen/lib/gone/"):
            self.expect(lambda root: check_mirror.check(root, {entry: "said"}), "tests/style/check_mirror.py", 1,
                        f"'{entry}'")

    # errors

    def test_errors_accept_the_adaptor_and_what_tests_print(self):
        self.write("isa/include/tw/isa/DiagError.h", SPDX + "class DiagError : llvm::ErrorInfo<DiagError>;\n"
                   "llvm::handleAllErrors(std::move(error), one);\n")
        self.write("tests/unit/ir/XTest.cpp", SPDX + "ASSERT_TRUE(bool(x)) << llvm::toString(x.takeError());\n")
        self.write("ir/lib/X.cpp", SPDX + "return inside(name, std::move(error));\nllvm::toString(number, 10, true);\n")
        self.expect_clean(check_errors.check)

    def test_errors_reject_one_without_a_place(self):
        self.write("tests/support/X.cpp", SPDX + 'return llvm::createStringError("wrong");\n')
        self.expect(check_errors.check, "tests/support/X.cpp", 2, "errorAt")

    def test_errors_reject_text_made_of_an_error(self):
        for text in ("file + llvm::toString(std::move(error))", "llvm::toString(bytes.takeError())",
                     "toString(line[0].takeError())"):
            self.write("tools/lib/X.cpp", SPDX + f"auto x = {text};\n")
            self.expect(check_errors.check, "tools/lib/X.cpp", 2, "because")

    def test_errors_reject_another_adaptor(self):
        self.write("ir/lib/X.cpp", SPDX + "\nllvm::handleAllErrors(std::move(error), one);\n")
        self.expect(check_errors.check, "ir/lib/X.cpp", 3, "diagsOf")

    # recipes

    PATCH = ("diff --git a/isa/lib/A.cpp b/isa/lib/A.cpp\n--- a/isa/lib/A.cpp\n+++ b/isa/lib/A.cpp\n"
             "@@ -1 +1,2 @@\n one\n+two\n")

    def write_recipe(self, text, patch=PATCH, content="one\n"):
        self.write("isa/lib/A.cpp", content)
        self.write("CONTRIBUTING.md", f"**A thing.** `tests/recipes/thing.patch`\n{text}\n\n## Else\n`isa/lib/B.cpp`\n")
        self.write("tests/recipes/thing.patch", patch)

    def test_recipes_accept_a_patch_that_does_what_is_written(self):
        self.write_recipe("1. `isa/lib`, and `isa/gen/C.cpp` where it must.",
                          "Not touched: `isa/gen/C.cpp`: it need not\n" + self.PATCH)
        self.expect_clean(check_recipes.check)

    def test_recipes_refuse_a_patch_that_does_not_apply(self):
        self.write_recipe("1. `isa/lib/A.cpp`", content="other\n")
        self.expect(check_recipes.check, "tests/recipes/thing.patch", 1, "does not apply")

    def test_recipes_refuse_a_place_that_only_the_patch_knows(self):
        self.write_recipe("1. Nothing.")
        self.expect(check_recipes.check, "CONTRIBUTING.md", 1, "does not name 'isa/lib/A.cpp'")

    def test_recipes_refuse_a_place_that_only_the_page_knows(self):
        self.write_recipe("1. `isa/lib/A.cpp` and `isa/lib/D.cpp`")
        self.expect(check_recipes.check, "tests/recipes/thing.patch", 1, "does not touch 'isa/lib/D.cpp'")

    def test_recipes_refuse_a_patch_that_no_recipe_names(self):
        self.write("tests/recipes/other.patch", self.PATCH)
        self.expect(check_recipes.check, "tests/recipes/other.patch", 1, "no recipe")

    # layering

    def test_layering_accepts_an_allowed_edge(self):
        self.write("codegen/lib/A.cpp", '#include "tw/ir/B.h"\n#include "mlir/IR/Builders.h"\n')
        self.write("simulator/lib/cycle/SystemC.h", "#include <systemc>\n")
        self.expect_clean(check_layering.check)

    def test_layering_refuses_the_compiler_in_the_simulator(self):
        self.write("simulator/lib/A.cpp", '#include "tw/isa/B.h"\n#include "tw/codegen/C.h"\n')
        self.expect(check_layering.check, "simulator/lib/A.cpp", 2, "simulator includes tw/codegen, it may use isa")

    def test_layering_refuses_an_upward_edge(self):
        self.write("ir/include/tw/ir/A.h", '#include "tw/tensorize/B.h"\n')
        self.expect(check_layering.check, "ir/include/tw/ir/A.h", 1, "ir includes tw/tensorize")

    def test_layering_gives_a_transport_its_own_model_only(self):
        self.write("drivers/transports/functional/a.cpp", '#include "tw/simulator/B.h"\n')
        self.expect_clean(check_layering.check)
        self.write("drivers/transports/rtl/a.cpp", '#include "tw/simulator/B.h"\n')
        self.expect(check_layering.check, "drivers/transports/rtl/a.cpp", 1, "may use drivers, isa, rtl")

    def test_layering_refuses_an_unknown_transport(self):
        self.write("drivers/transports/new/a.cpp", '#include "tw/drivers/B.h"\n')
        self.expect(check_layering.check, "drivers/transports/new/a.cpp", 1, "not in ALLOWED")

    def test_layering_refuses_a_relative_path_into_another_directory(self):
        self.write("tensorize/lib/A.cpp", '#include "../../simulator/lib/B.h"\n')
        self.expect(check_layering.check, "tensorize/lib/A.cpp", 1, "reaches into 'simulator/lib/B.h'")

    def test_layering_refuses_foreign_headers_in_the_wrong_place(self):
        for path, name, what in [
            ("simulator/lib/A.cpp", "systemc", "SystemC"),
            ("simulator/lib/A.cpp", "llvm/ADT/B.h", "LLVM"),
            ("simulator/lib/A.cpp", "Vtw_top.h", "Verilated"),
            ("isa/lib/A.cpp", "mlir/IR/B.h", "MLIR"),
            ("isa/lib/A.cpp", "llvm/TableGen/B.h", "TableGen"),
            ("codegen/lib/A.cpp", "onnx/b.h", "ONNX"),
            ("ir/lib/A.cpp", "gtest/gtest.h", "test"),
        ]:
            with self.subTest(path=path, name=name):
                full = self.write(path, f"#include <{name}>\n")
                self.expect(check_layering.check, path, 1, what)
                os.remove(full)

    def test_layering_reads_cmake(self):
        self.write("codegen/CMakeLists.txt", "tw_add_library(tw_codegen DIRECTORY codegen SOURCES lib/A.cpp)\n")
        self.write("simulator/CMakeLists.txt",
                   "# comment\ntw_add_library(tw_simulator DIRECTORY simulator SOURCES lib/A.cpp DEPS tw_codegen)\n")
        self.expect(check_layering.check, "simulator/CMakeLists.txt", 2, "(simulator) links tw_codegen (codegen)")

    def test_layering_refuses_systemc_in_cmake(self):
        self.write("drivers/CMakeLists.txt", "target_link_libraries(tw_drivers PUBLIC tw_systemc)\n")
        self.expect(check_layering.check, "drivers/CMakeLists.txt", 1, "drivers links tw_systemc")

    def test_layering_places_a_transport_by_its_sources(self):
        self.write("simulator/CMakeLists.txt", "tw_add_library(tw_simulator DIRECTORY simulator SOURCES lib/A.cpp)\n")
        self.write("drivers/CMakeLists.txt", "tw_add_library(tw_t DIRECTORY drivers SOURCES transports/cycle/a.cpp\n"
                                             "  DEPS tw_simulator)\n")
        self.expect_clean(check_layering.check)

    def test_layering_keeps_the_isa_core_bare(self):
        self.write("isa/CMakeLists.txt", "tw_add_library(tw_isa_core DIRECTORY isa SOURCES lib/A.cpp)\n"
                                         "tw_add_library(tw_isa_text DIRECTORY isa SOURCES lib/B.cpp)\n")
        self.write("isa/lib/B.cpp", '#include "llvm/ADT/C.h"\n')
        self.write("isa/lib/A.cpp", '#include "tw/isa/A.h"\n')
        self.expect_clean(check_layering.check)
        self.write("isa/include/tw/isa/A.h", '#include "llvm/ADT/C.h"\n')
        self.expect(check_layering.check, "isa/include/tw/isa/A.h", 1, "reached from isa/lib/A.cpp")

    # headers

    def test_headers_accept_a_good_one(self):
        self.write("isa/include/tw/isa/Encoder.h", GOOD_HEADER)
        self.expect_clean(check_headers.check)

    def test_headers_refuse_a_wrong_guard(self):
        self.write("isa/include/tw/isa/Decoder.h", GOOD_HEADER)
        self.expect(check_headers.check, "isa/include/tw/isa/Decoder.h", 5, "guard is TW_ISA_ENCODER_H")

    def test_headers_refuse_a_missing_guard(self):
        self.write("isa/lib/A.h", SPDX + "#pragma once\n")
        self.expect(check_headers.check, "isa/lib/A.h", 1, "no include guard")

    def test_headers_refuse_a_short_opening(self):
        self.write("isa/include/tw/isa/Encoder.h", GOOD_HEADER.replace("// Called by the assembler.\n", ""))
        self.expect(check_headers.check, "isa/include/tw/isa/Encoder.h", 2, "opens with 2 comment line(s)")

    def test_headers_accept_both_spellings_of_a_private_guard(self):
        for guard in ("TW_SIMULATOR_MATRIXUNIT_H", "TW_SIMULATOR_CYCLE_MATRIX_UNIT_H"):
            self.write("simulator/lib/cycle/MatrixUnit.h", f"{SPDX}#ifndef {guard}\n#define {guard}\n#endif\n")
            self.expect_clean(check_headers.check)

    # licence

    def test_licence_is_required(self):
        self.write("a.cpp", SPDX)
        self.write("b.sh", "#!/bin/sh\n" + HASH_SPDX)
        self.write("data.json", "{}\n")
        self.expect_clean(check_licence.check)
        self.write("c.td", "class X;\n")
        self.expect(check_licence.check, "c.td", 1, "does not name the licence")

    def test_licence_is_required_in_a_script_without_extension(self):
        self.write("run", "#!/bin/sh\necho\n")
        self.expect(check_licence.check, "run", 2, "does not name the licence")

    # format

    def test_format_refuses_an_unformatted_source(self):
        self.write(".clang-format", "BasedOnStyle: LLVM\n")
        self.write("a.cpp", "int f();\n")
        self.expect_clean(check_format.check)
        self.write("a.cpp", "int  f( );\n")
        self.expect(check_format.check, "a.cpp", 1, "clang-format-19 -i a.cpp")

    def test_format_refuses_text_faults(self):
        for text, part in [("a = 1 \n", "trailing blanks"), ("\ta = 1\n", "tab"), ("a" * 121 + "\n", "121 columns")]:
            with self.subTest(part=part):
                self.write("a.py", text)
                self.expect(check_format.check, "a.py", 1, part)

    # words

    def test_words_refuse_what_only_the_writer_understands(self):
        for text in ["see /root/x", "see ../shared/design/isa", "fixes issue #12", "written by an assistant",
                     "// TODO later", "found in this session"]:
            with self.subTest(text=text):
                self.write("docs/a.md", "first line\n" + text + "\n")
                self.expect(check_words.check, "docs/a.md", 2, "remove it")

    def test_words_accept_plain_prose(self):
        self.write("docs/a.md", "Models lie in ../shared/material; an issue slot is one cycle.\n")
        self.expect_clean(check_words.check)

    # links

    def test_links_refuse_a_path_that_is_gone(self):
        for text in ["see [a](gone.md)", "see `isa/gone.h`", "see `docs/{a,gone}.md`", "see `docs/*.txt`"]:
            with self.subTest(text=text):
                self.write("docs/a.md", text + "\n")
                self.expect(check_links.check, "docs/a.md", 1, "does not exist")

    def test_links_accept_what_exists_and_what_is_no_path(self):
        self.write("docs/a.md", "[a](a.md#top) [b](../docs/a.md) [c](https://x.org/y) `docs/*.md` `isa/<file>` `a/b`\n"
                                "```\n`isa/gone`\n```\n")
        self.expect_clean(check_links.check)

    # generated documents

    def tool(self, text):
        program = self.write("bin/tool", f"#!/bin/sh\necho '{text}'\n")
        os.chmod(program, os.stat(program).st_mode | stat.S_IXUSR)

    def check_docs(self, pages, **options):
        return lambda root: check_generated_docs.check(root, os.path.join(root, "bin"), pages, **options)

    def test_generated_docs_refuse_a_stale_page_and_update_it(self):
        pages = [("docs/reference/isa.md", None, ["tool", "--markdown"])]
        self.tool("fresh")
        self.write("docs/reference/isa.md", "stale\n")
        self.expect(self.check_docs(pages), "docs/reference/isa.md", 1, "differs from what 'tool --markdown' prints")
        self.expect_clean(self.check_docs(pages, update=True))
        self.expect_clean(self.check_docs(pages))

    def test_generated_docs_refuse_a_page_without_a_command(self):
        self.write("docs/reference/isa.md", "by hand\n")
        self.expect(self.check_docs([]), "docs/reference/isa.md", 1, "is not in tests/style/generated_docs.py")

    def test_generated_docs_refuse_a_missing_program(self):
        pages = [("docs/reference/isa.md", "TW_BUILD_COMPILER", ["tool"])]
        self.expect(self.check_docs(pages), "docs/reference/isa.md", 1, "not built")
        self.expect_clean(self.check_docs(pages, off=["TW_BUILD_COMPILER"]))


if __name__ == "__main__":
    unittest.main()
