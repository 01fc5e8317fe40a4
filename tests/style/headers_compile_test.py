#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows the rule behind style.headers_compile a header that compiles alone and one that does not."""
import os
import subprocess
import sys
import tempfile
import unittest

CMAKE = sys.argv.pop(1)
MODULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cmake")

PROJECT = f"""
cmake_minimum_required(VERSION 3.25)
list(APPEND CMAKE_MODULE_PATH "{MODULES}")
include(TwCompiler)
project(x LANGUAGES C CXX)
set(TW_BUILD_TESTS ON)
include(TwLibrary)
tw_add_library(tw_x DIRECTORY x SOURCES x/lib/A.cpp)
"""


class HeadersCompile(unittest.TestCase):
    def build(self, header, text):
        with tempfile.TemporaryDirectory() as root:
            files = {"CMakeLists.txt": PROJECT, "x/lib/A.cpp": "int a;\n", f"x/include/tw/x/{header}": text}
            for path, content in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as stream:
                    stream.write(content)
            build = os.path.join(root, "build")
            subprocess.run([CMAKE, "-S", root, "-B", build, "-G", "Ninja"], check=True, capture_output=True)
            return subprocess.run([CMAKE, "--build", build, "--target", "tw_check_headers"], capture_output=True,
                                  text=True)

    def test_a_complete_header_passes(self):
        self.assertEqual(self.build("Good.h", "#include <string>\nstd::string f();\n").returncode, 0)

    def test_a_header_that_does_not_include_what_it_names_fails(self):
        result = self.build("Bad.h", "std::string f();\n")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("Bad.h", result.stdout)

    def test_a_small_letter_header_must_be_c(self):
        result = self.build("bad.h", "namespace x {}\n")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("bad_h.c", result.stdout)


if __name__ == "__main__":
    unittest.main()
